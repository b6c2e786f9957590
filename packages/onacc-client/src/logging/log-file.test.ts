import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeOrSkip, makeTempDir, type TempDir } from '@portcullis/shared/testing';
import { LogFile } from './log-file.js';

const DASHES = '-'.repeat(38);
const FLUSH_MAX_MS = 10_000;

let directory: TempDir;
let path: string;
const failures: string[] = [];
const opened: LogFile[] = [];
beforeEach(() => {
  directory = makeTempDir('log');
  path = join(directory.path, 'onacc.log');
  failures.length = 0;
});
afterEach(async () => {
  for (const log of opened.splice(0)) await log.close(FLUSH_MAX_MS);
  directory.remove();
});

async function openLog(verbose = false, at = path): Promise<LogFile> {
  const log = await LogFile.open({ path: at, verbose, onFailure: (error) => failures.push(error.message) });
  opened.push(log);
  return log;
}

function linesOf(file = path): string[] {
  return readFileSync(file, 'utf8').trimEnd().split('\n');
}

describe('LogFile', () => {
  test('begins with 38 dashes, marks warnings and errors, and is readable for owner and group only', async () => {
    const log = await openLog();
    log.write('plain', '/a: Sig FOUND');
    log.write('warning', 'w');
    log.write('error', 'e');
    log.write('verbose', 'unheard');
    await log.flush(FLUSH_MAX_MS);
    expect(linesOf()).toEqual([DASHES, '/a: Sig FOUND', 'WARNING: w', 'ERROR: e']);
    expect(statSync(path).mode & 0o777 & ~0o640).toBe(0);
  });

  test('appends, and writes verbose lines when asked', async () => {
    writeFileSync(path, 'before\n');
    const log = await openLog(true);
    log.write('verbose', 'v');
    await log.flush(FLUSH_MAX_MS);
    expect(linesOf()).toEqual(['before', DASHES, 'v']);
  });

  test('a line break in a line cannot forge another one', async () => {
    const log = await openLog();
    log.write('plain', 'a\nERROR: b');
    await log.flush(FLUSH_MAX_MS);
    expect(linesOf()).toHaveLength(2);
  });

  test.each([
    ['nowhere/onacc.log', 'No such file or directory'],
    ['a-directory', 'Is a directory'],
    ['a-link', 'Too many levels of symbolic links'],
  ])('%s is refused with: %s', async (name, reason) => {
    mkdirSync(join(directory.path, 'a-directory'));
    symlinkSync(path, join(directory.path, 'a-link'));
    const at = join(directory.path, name);
    await expect(openLog(false, at)).rejects.toMatchObject({
      code: 'LOG_OPEN',
      message: `Failed to open log file ${at}: ${reason}`,
    });
  });

  test('after a rename it goes on with a new file once it is told', async () => {
    const log = await openLog();
    log.write('plain', 'one');
    await log.flush(FLUSH_MAX_MS);
    renameSync(path, `${path}.1`);
    log.write('plain', 'two');
    await log.flush(FLUSH_MAX_MS);
    log.reopen();
    log.write('plain', 'three');
    await log.flush(FLUSH_MAX_MS);
    expect(linesOf(`${path}.1`)).toEqual([DASHES, 'one', 'two']);
    expect(linesOf()).toEqual(['three']);
  });

  test('goes on with the old file where a new one cannot be had, and says so', async () => {
    const sub = join(directory.path, 'sub');
    mkdirSync(sub);
    const log = await openLog(false, join(sub, 'log'));
    await log.flush(FLUSH_MAX_MS);
    renameSync(sub, `${sub}.old`);
    log.reopen();
    log.write('plain', 'on it goes');
    await log.flush(FLUSH_MAX_MS);
    expect(linesOf(join(`${sub}.old`, 'log'))).toEqual([DASHES, 'on it goes']);
    expect(failures).toEqual([expect.stringMatching(/^Failed to reopen .*No such file or directory$/)]);
  });

  test('lines that nobody takes are dropped above a bound, counted, and their number is told', async () => {
    const fifo = join(directory.path, 'fifo');
    execFileSync('mkfifo', [fifo]);
    await expect(openLog(false, fifo)).rejects.toMatchObject({ code: 'LOG_OPEN' });
    const log = await openLog();
    const line = 'x'.repeat(1_000);
    // All at once: not one of them can be written in between.
    for (let count = 0; count < 3_000; count += 1) log.write('plain', line);
    await log.flush(FLUSH_MAX_MS);
    log.write('plain', 'after');
    await log.flush(FLUSH_MAX_MS);
    const written = linesOf();
    const kept = written.filter((text) => text === line).length;
    expect(kept).toBeLessThan(3_000);
    expect(written).toContain(`WARNING: ${3_000 - kept} log lines could not be written.`);
    expect(written.at(-1)).toBe('after');
  });
});

const whyNotRoot = process.geteuid?.() === 0 ? undefined : 'needs root';
describeOrSkip('LogFile on a disk that is full', whyNotRoot, () => {
  test('lines are lost, once complained about, and counted when there is room again', async () => {
    const disk = join(directory.path, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'portcullis-test', disk]);
    try {
      const log = await openLog(false, join(disk, 'log'));
      await log.flush(FLUSH_MAX_MS);
      const filler = join(disk, 'filler');
      expect(() => {
        writeFileSync(filler, Buffer.alloc(128 * 1_024));
      }).toThrow();
      for (let count = 0; count < 10; count += 1) log.write('plain', 'y'.repeat(900));
      await log.flush(FLUSH_MAX_MS);
      writeFileSync(filler, '');
      log.write('plain', 'there is room');
      await log.flush(FLUSH_MAX_MS);
      const written = linesOf(join(disk, 'log'));
      expect(failures).toEqual([expect.stringMatching(/No space left on device$/)]);
      expect(written).toContain('WARNING: 10 log lines could not be written.');
      expect(written.at(-1)).toBe('there is room');
      await log.close(FLUSH_MAX_MS);
      opened.length = 0;
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});
