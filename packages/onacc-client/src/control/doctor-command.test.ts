import { mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readClamdConfig } from '@portcullis/shared';
import { makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { runDoctor } from './doctor-command.js';
import type { DoctorReading } from './doctor-command.js';

let directory: TempDir;

beforeEach(() => {
  directory = makeTempDir('doctor-');
});

afterEach(() => {
  directory.remove();
});

async function doctor(
  args: readonly string[],
  reading?: DoctorReading,
): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await runDoctor(args, {
    stdout: (text) => (out += text),
    stderr: (text) => (err += text),
    controlSocket: `${directory.path}/c.sock`,
    readConfiguration: () => Promise.resolve(reading ?? { kind: 'refused', lines: ['ERROR: no such file'] }),
  });
  return { code, out, err };
}

function reading(...lines: string[]): DoctorReading {
  const { config } = readClamdConfig(lines.map((line) => `${line}\n`).join(''), 'clamd.conf');
  if (config === undefined) throw new Error('not a clamd.conf');
  const settings = { controlSocket: `${directory.path}/c.sock`, includeFilesystems: undefined };
  return { kind: 'read', configPath: 'clamd.conf', config, settings, warnings: [] };
}

describe('onacc-client doctor', () => {
  test('goes on with the machine where the configuration cannot be read, and fails', async () => {
    const { code, out } = await doctor([]);
    expect(code).toBe(2);
    expect(out).toMatch(/^OK +kernel: /);
    expect(out).toMatch(/^FAIL +configuration: no such file\n +-> correct clamd\.conf/m);
    expect(out).toMatch(/^\w+ +clock: /m);
  });

  test('tells of the client that does not run, the daemon that is away and the places that are there', async () => {
    mkdirSync(`${directory.path}/guarded`);
    const conf = reading(
      `LocalSocket ${directory.path}/d.sock`,
      `OnAccessIncludePath ${directory.path}/guarded`,
    );
    const { code, out } = await doctor(['--no-canary'], conf);
    expect(code).toBe(2);
    expect(out).toMatch(/^WARN +client: is not running/m);
    expect(out).toMatch(/^FAIL +daemon: unix:/m);
    expect(out).toMatch(/^OK +place .*guarded: is there/m);
    expect(out).not.toContain('canary');
    expect(out).toMatch(/\d+ to repair, \d+ warnings, \d+ all right, \d+ skipped\n$/);
  });

  test('every warning and every failure says what to do', async () => {
    const { out } = await doctor(['--json'], reading('OnAccessIncludePath /nowhere/at/all'));
    const checks = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: string; advice?: string });
    for (const { level, advice } of checks) {
      expect(typeof advice === 'string').toBe(level === 'warn' || level === 'fail');
    }
    expect(checks.length).toBeGreaterThan(10);
  });

  test('explains itself, and refuses what it does not know', async () => {
    expect(await doctor(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('Exit code: 0') });
    expect(await doctor(['--bogus'])).toMatchObject({ code: 2, err: expect.stringContaining('--bogus') });
  });
});
