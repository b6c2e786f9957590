import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openNative } from '@portcullis/shared/native';
import { describeOrSkip } from '@portcullis/shared/testing';
import { openClamdLogFile } from './clamd-log-file.js';
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
    expect(() => openLog()).toThrow(`Failed to open log file ${path}: Too many levels of symbolic links`);
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

  test('keeps the file, and its lock, when nobody has taken it away', () => {
    const log = openLog({ locks: openNative().files });
    log.write('info', 'one');
    log.reopen();
    log.write('info', 'two');
    expect(isLocked(path)).toBe(true);
    log.close();
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
  });

  test('rotates with a warning when LogRotate is off: once, without a time', () => {
    const log = openLog({ fileMaxBytes: 10, timestamps: true });
    log.write('info', 'longer than ten bytes');
    log.write('info', 'next');
    log.write('info', 'last');
    log.close();
    const time = 'Sun Nov  1 20:04:09 2026 -> ';
    expect(readFileSync(rotated(), 'utf8')).toBe(
      `${time}longer than ten bytes\nLog size = 50, max = 10\n` +
        'WARNING: Log size limit met but log file rotation turned off. Forcing log file rotation anyways.\n',
    );
    expect(readFileSync(rotated('-2'), 'utf8')).toBe(`${time}next\n`);
  });

  test('what was rotated in the same second is not overwritten', () => {
    const log = openLog({ fileMaxBytes: 1, rotate: true });
    for (let n = 0; n < 5; n += 1) log.write('info', `line ${n}`);
    log.close();
    const lines = readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8'));
    expect(lines.sort()).toEqual([0, 1, 2, 3, 4].map((n) => `line ${n}\n`));
  });

  test('a name too short for clamd’s way of naming keeps its directory', () => {
    mkdirSync(join(directory, 'logs'));
    path = join(directory, 'logs', 'L');
    const log = openLog({ fileMaxBytes: 1, rotate: true });
    log.write('info', 'one');
    log.write('info', 'two');
    log.close();
    expect(readdirSync(join(directory, 'logs')).sort()).toEqual(['L', 'L-20261101_200409.log']);
  });

  test('does not rename what somebody else has put in its place', () => {
    const log = openLog({ fileMaxBytes: 5, rotate: true });
    log.write('info', 'longer than five');
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'x');
    log.write('info', 'next');
    log.close();
    expect(readdirSync(directory).sort()).toEqual(['clamd.log', 'clamd.log.1']);
    expect(readFileSync(path, 'utf8')).toBe('xnext\n');
  });

  test('holds the lock across rotation and reopening', () => {
    const log = openLog({ locks: openNative().files, fileMaxBytes: 5, rotate: true });
    expect(isLocked(path)).toBe(true);
    log.write('info', 'longer than five');
    log.write('info', 'next');
    expect(isLocked(path)).toBe(true);
    renameSync(path, `${path}.1`);
    log.reopen();
    log.write('info', 'last');
    expect([isLocked(path), isLocked(`${path}.1`)]).toEqual([true, false]);
    log.close();
    expect(isLocked(path)).toBe(false);
  });

  test('refuses a file that another daemon has locked, and a path that is not absolute', () => {
    expect(() => openLog({ locks: { lockForWriting: () => 'heldByOther' } })).toThrow(
      `Failed to lock the log file ${path}: Resource temporarily unavailable`,
    );
    expect(() => openLog({ path: 'clamd.log' })).toThrow('LogFile requires full path.');
  });

  test('stays with the old file while the new one cannot be had, and says so once', () => {
    const failures: unknown[] = [];
    const held = { isHeld: false };
    const log = openLog({
      locks: { lockForWriting: () => (held.isHeld ? 'heldByOther' : 'locked') },
      onFailure: (error) => failures.push(error),
    });
    renameSync(path, `${path}.1`);
    log.reopen();
    held.isHeld = true;
    log.write('info', 'one');
    log.write('info', 'two');
    held.isHeld = false;
    log.write('info', 'three');
    log.close();
    expect(failures).toMatchObject([{ code: 'LOG_LOCK' }]);
    expect(readFileSync(`${path}.1`, 'utf8')).toBe('one\ntwo\n');
    expect(readFileSync(path, 'utf8')).toBe('three\n');
  });

  test('a directory that is gone costs no line and no crash', () => {
    const failures: unknown[] = [];
    const log = openLog({ onFailure: (error) => failures.push(error), fileMaxBytes: 1, rotate: true });
    rmSync(directory, { recursive: true });
    log.reopen();
    log.write('info', 'one');
    mkdirSync(directory);
    log.write('info', 'two');
    log.close();
    expect(failures).toMatchObject([{ code: 'LOG_OPEN' }]);
    expect(readFileSync(path, 'utf8')).toBe('two\n');
  });

  test('a full device loses lines, says so once, and holds up nobody', () => {
    const failures: unknown[] = [];
    const log = openLog({ path: '/dev/full', onFailure: (error) => failures.push(error) });
    for (let n = 0; n < 100; n += 1) log.write('info', 'lost');
    log.close();
    expect(failures).toMatchObject([
      { code: 'LOG_WRITE', message: expect.stringContaining('No space left') },
    ]);
  });

  test('a FIFO nobody reads from loses lines; they are counted once it is read again', () => {
    execFileSync('mkfifo', [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const failures: unknown[] = [];
    const log = openLog({ onFailure: (error) => failures.push(error) });
    const line = 'x'.repeat(999);
    for (let n = 0; n < 200; n += 1) log.write('info', line);
    const taken = readAll(reader);
    log.write('info', 'back');
    log.close();
    const rest = readAll(reader);
    closeSync(reader);
    expect(failures).toHaveLength(1);
    const lost = 200 - taken.split('\n').filter((text) => text === line).length;
    expect(rest.trimStart()).toBe(`WARNING: ${lost} log lines could not be written.\nback\n`);
  });

  test('a line cannot be forged, whatever was forgotten to be cleaned', () => {
    const log = openLog();
    log.write('info', 'a\nb\u001b[2J');
    log.close();
    expect(readFileSync(path, 'utf8')).toBe('a\\x0ab\\x1b[2J\n');
  });

  const whyNotRoot = process.geteuid?.() === 0 ? undefined : 'needs root';
  describeOrSkip('giveTo', whyNotRoot, () => {
    const nobody = { uid: 65_534, gid: 65_534 };

    test('gives away the file that is open, whatever took its place', () => {
      const log = openLog();
      renameSync(path, `${path}.1`);
      writeFileSync(path, '');
      log.giveTo(nobody);
      log.close();
      expect([statSync(path).uid, statSync(`${path}.1`).uid]).toEqual([0, nobody.uid]);
    });

    test('a device or a FIFO stays whose it is', () => {
      execFileSync('mknod', [path, 'c', '1', '3']);
      const log = openLog();
      log.giveTo(nobody);
      log.close();
      expect(statSync(path).uid).toBe(0);
    });
  });

  test('drops what comes after the end', () => {
    const log = openLog();
    log.close();
    log.write('info', 'late');
    log.close();
    expect(readFileSync(path, 'utf8')).toBe('');
  });
});

function rotated(suffix = ''): string {
  return join(directory, `clamd-20261101_200409${suffix}.log`);
}

/** Whether an open file description holds a lock on the file; /proc/locks knows files by their inode. */
function isLocked(file: string): boolean {
  const { ino } = statSync(file);
  return readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .some((line) => line.includes('OFDLCK') && line.includes(`:${ino} `));
}

function readAll(fd: number): string {
  const parts: Buffer[] = [];
  const into = Buffer.alloc(65_536);
  for (let got = readSync(fd, into); got > 0; got = readSync(fd, into)) {
    parts.push(Buffer.from(into.subarray(0, got)));
    if (got < into.length) break;
  }
  return Buffer.concat(parts).toString();
}
