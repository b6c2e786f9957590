import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ctime, openClamdLogFile } from './clamd-log-file.js';
import type { ClamdLogFileOptions } from './clamd-log-file.js';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'clamd-log-'));
  path = join(directory, 'clamd.log');
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

const AT = new Date(2026, 10, 1, 20, 4, 9);

function openLog(options: Partial<ClamdLogFileOptions> = {}) {
  return openClamdLogFile({
    path,
    timestamps: false,
    cleanFiles: false,
    verbose: false,
    fileMaxBytes: 0,
    rotate: false,
    now: () => AT,
    ...options,
  });
}

describe('ctime', () => {
  test('pads the day of the month with a space', () => {
    expect(ctime(AT)).toBe('Sun Nov  1 20:04:09 2026');
  });
});

describe('openClamdLogFile', () => {
  test('writes time, severity and text in that order', () => {
    const log = openLog({ timestamps: true });
    log.write('info', '/tmp/x: Sig FOUND');
    log.write('warning', 'careful');
    log.write('error', 'broken');
    log.close();
    const time = 'Sun Nov  1 20:04:09 2026 -> ';
    expect(readFileSync(path, 'utf8')).toBe(
      `${time}/tmp/x: Sig FOUND\n${time}WARNING: careful\n${time}ERROR: broken\n`,
    );
  });

  test('leaves verbose lines out unless asked for', () => {
    const quiet = openLog();
    quiet.write('verbose', 'no');
    quiet.close();
    const loud = openLog({ verbose: true });
    loud.write('verbose', 'yes');
    loud.close();
    expect(readFileSync(path, 'utf8')).toBe('yes\n');
  });

  test('creates the file for its owner and group only, and appends to it', () => {
    openLog().close();
    expect(statSync(path).mode & 0o137).toBe(0);
  });

  test('refuses a symlink', () => {
    symlinkSync('/tmp/elsewhere', path);
    expect(() => openLog()).toThrow('ELOOP');
  });

  test('makes a new file with the first line after reopen', () => {
    const log = openLog();
    log.write('info', 'one');
    rmSync(path);
    log.reopen();
    expect(readdirSync(directory)).toEqual([]);
    log.write('info', 'two');
    log.close();
    expect(readFileSync(path, 'utf8')).toBe('two\n');
  });

  test('rotates a file that is too large under clamd’s name for it', () => {
    const log = openLog({ fileMaxBytes: 10, rotate: true });
    log.write('info', 'longer than ten bytes');
    log.write('info', 'next');
    log.close();
    expect(readFileSync(path, 'utf8')).toBe('next\n');
    expect(readFileSync(join(directory, 'clamd-20261101_200409.log'), 'utf8')).toBe(
      'longer than ten bytes\n',
    );
  });

  test('rotates with a warning when LogRotate is off', () => {
    const log = openLog({ fileMaxBytes: 10 });
    log.write('info', 'longer than ten bytes');
    log.write('info', 'next');
    log.close();
    const rotated = readFileSync(join(directory, 'clamd-20261101_200409.log'), 'utf8');
    expect(rotated).toContain('Log size = 22, max = 10\n');
    expect(rotated).toContain('WARNING: Log size limit met but log file rotation turned off.');
  });

  test('tells of a line that could not be written and goes on', () => {
    const failures: unknown[] = [];
    const log = openLog({ onFailure: (error) => failures.push(error) });
    log.reopen();
    rmSync(directory, { recursive: true });
    log.write('info', 'lost');
    expect(failures).toEqual([expect.objectContaining({ code: 'ENOENT' })]);
    openAgain();
  });
});

function openAgain(): void {
  directory = mkdtempSync(join(tmpdir(), 'clamd-log-'));
}
