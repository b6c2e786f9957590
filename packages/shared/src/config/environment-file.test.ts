import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { describeOrSkip } from '../testing/root-only.js';
import { makeTempDir } from '../testing/temp-dir.js';
import type { TempDir } from '../testing/temp-dir.js';
import { addEnvironmentFile } from './environment-file.js';
import type { Environment } from './environment-file.js';

let directory: TempDir;
beforeEach(() => {
  directory = makeTempDir('settings');
});
afterEach(() => {
  directory.remove();
});

function put(name: string, text: string, mode = 0o644): string {
  const path = join(directory.path, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function parse(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split('\n').map((line): [string, string] => [line.replace(/=.*/, ''), line.replace(/.*=/, '')]),
  );
}

function read({ path, env = {}, isRoot = false }: { path?: string; env?: Environment; isRoot?: boolean }) {
  return addEnvironmentFile(env, {
    ...{ path, prefix: 'SCANNER_', parse, isRoot, directory: directory.path },
    pipeWaitMs: 50,
  });
}

describe('addEnvironmentFile', () => {
  test('adds the variables of the program, and never over one that is set', () => {
    const path = put('env', 'SCANNER_A=1\nSCANNER_B=1\nSCANNER_C=1\nNODE_OPTIONS=x\nXDG_RUNTIME_DIR=/x');
    const env = { SCANNER_A: '2', SCANNER_B: '', HOME: '/root' };
    expect(read({ path, env })).toEqual({
      env: { SCANNER_A: '2', SCANNER_B: '', SCANNER_C: '1', HOME: '/root' },
      issue: undefined,
      isPipe: false,
    });
  });

  test('a named file that cannot be used is an error, whoever owns the usable one', () => {
    const missing = join(directory.path, 'missing');
    expect(read({ path: missing }).issue).toEqual({
      severity: 'error',
      origin: 'portcullis',
      message: `Can't read the environment file ${missing}: it is not there`,
    });
    expect(read({ path: '/dev/zero' }).issue?.message).toMatch(/: it is a device$/);
    expect(read({ path: put('loose', 'SCANNER_A=1', 0o666), isRoot: true }).env).toEqual({ SCANNER_A: '1' });
  });

  test('.env of the working directory is read where it is there', () => {
    expect(read({ env: { HOME: '/' } })).toEqual({ env: { HOME: '/' }, issue: undefined, isPipe: false });
    put('.env', 'SCANNER_A=1', 0o666);
    expect(read({}).env).toEqual({ SCANNER_A: '1' });
  });

  test('.env that is a pipe, a directory or too large is a warning at once', () => {
    const path = join(directory.path, '.env');
    const warning = (reason: string) => ({
      env: {},
      issue: {
        severity: 'warning',
        origin: 'portcullis',
        message: `.env of the working directory is not used: ${reason}`,
      },
      isPipe: false,
    });
    spawnSync('mkfifo', [path]);
    expect(read({})).toEqual(warning('it is a pipe'));
    rmSync(path);
    mkdirSync(path);
    expect(read({})).toEqual(warning('it is a directory'));
    rmSync(path, { recursive: true });
    put('.env', '#'.repeat(1024 ** 2 + 1));
    expect(read({})).toEqual(warning('it is larger than 1048576 bytes'));
  });
});

const whyNotRoot = process.geteuid?.() === 0 ? undefined : 'needs root';
describeOrSkip('addEnvironmentFile, for root', whyNotRoot, () => {
  test.each([
    ['its own', () => undefined, undefined],
    [
      'somebody else’s',
      (path: string) => {
        chownSync(path, 65534, 0);
      },
      'it belongs to uid 65534, and root takes settings from root alone',
    ],
    [
      'one that a group can write to',
      (path: string) => {
        chmodSync(path, 0o664);
      },
      'others than root can write to it',
    ],
    [
      'one that everybody can write to',
      (path: string) => {
        chmodSync(path, 0o646);
      },
      'others than root can write to it',
    ],
    [
      'a link',
      (path: string) => {
        rmSync(path);
        symlinkSync(put('target', 'SCANNER_A=1'), path);
      },
      'it is a symbolic link',
    ],
  ])('.env: %s', (_, change, reason) => {
    change(put('.env', 'SCANNER_A=1'));
    const { env, issue } = read({ isRoot: true });
    expect(env).toEqual(reason === undefined ? { SCANNER_A: '1' } : {});
    expect(issue?.message).toBe(
      reason === undefined ? undefined : `.env of the working directory is not used: ${reason}`,
    );
    expect(read({}).env).toEqual({ SCANNER_A: '1' });
  });
});
