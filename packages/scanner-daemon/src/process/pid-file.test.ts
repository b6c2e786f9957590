import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { openNative } from '@portcullis/shared/native';
import { makeTempDir, type TempDir } from '@portcullis/shared/testing';
import { claimPidFile } from './pid-file.js';

const { files } = openNative();
const MODULE = new URL('pid-file.js', import.meta.url).href;
const NATIVE = import.meta.resolve('@portcullis/shared/native');

// Each test starts a few processes, on a machine that may be busy.
jest.setTimeout(60_000);

let directory: TempDir;
let path: string;
beforeEach(() => {
  directory = makeTempDir('pid');
  path = join(directory.path, 'pid');
});
afterEach(() => {
  directory.remove();
});

/** What a process of its own makes of the same file. */
function elsewhere(code: string): string {
  const script = `
    const { claimPidFile } = await import(${JSON.stringify(MODULE)});
    const { openNative } = await import(${JSON.stringify(NATIVE)});
    const claim = () => claimPidFile(${JSON.stringify(path)}, openNative().files);
    ${code}`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return stdout + stderr;
}

describe('claimPidFile', () => {
  test('writes the pid and a line end, for everybody to read whatever the umask', () => {
    writeFileSync(path, 'something longer than a pid\n');
    chmodSync(path, 0o600);
    const pidFile = claimPidFile(path, files);
    expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
    expect(statSync(path).mode & 0o777).toBe(0o644);
    pidFile.confirm();
    expect([pidFile.remove(), pidFile.remove()]).toEqual([true, false]);
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  test('is refused while a process that holds it lives, and the file stays as it is', () => {
    const pidFile = claimPidFile(path, files);
    const said = elsewhere(`try { claim(); } catch (error) { console.log(error.exitCode, error.message); }`);
    expect(said).toBe(`2 Can't save PID to file ${path}: a scanner-daemon that is running holds it\n`);
    expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
    pidFile.remove();
  });

  test('takes over what a process left that was killed', () => {
    elsewhere(`claim(); process.kill(process.pid, 'SIGKILL');`);
    expect(readFileSync(path, 'utf8')).toMatch(/^[0-9]+\n$/);
    const pidFile = claimPidFile(path, files);
    pidFile.confirm();
    expect(pidFile.remove()).toBe(true);
  });

  test('is gone when the process ends without removing it', () => {
    expect(elsewhere(`claim(); process.exit(1);`)).toBe('');
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  test('a start that fails puts back what a running clamd wrote, and removes what it made', () => {
    writeFileSync(path, '4711\n');
    const said = elsewhere(
      `const { readFileSync } = await import('node:fs');
      claim(); process.stdout.write(readFileSync(${JSON.stringify(path)})); process.exit(1);`,
    );
    expect(said).toMatch(/^[0-9]+\n$/);
    expect(said).not.toBe('4711\n');
    expect(readFileSync(path, 'utf8')).toBe('4711\n');
    expect(elsewhere(`claim().confirm(); process.exit(1);`)).toBe('');
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  test('what is too large for a PidFile is refused and stays as it is', () => {
    const content = 'x'.repeat(4097);
    writeFileSync(path, content);
    expect(() => claimPidFile(path, files)).toThrow('too large for a pid');
    expect(readFileSync(path, 'utf8')).toBe(content);
  });

  test('what somebody else put in its place is left alone', () => {
    const pidFile = claimPidFile(path, files);
    spawnSync('rm', [path]);
    writeFileSync(path, '1\n');
    expect(pidFile.remove()).toBe(false);
    expect(readFileSync(path, 'utf8')).toBe('1\n');
  });

  test.each([
    [
      'a symbolic link',
      (at: string) => {
        symlinkSync('elsewhere', at);
      },
      'Too many levels of symbolic links',
    ],
    [
      'a FIFO',
      (at: string) => {
        spawnSync('mkfifo', [at]);
      },
      'Not a regular file',
    ],
    [
      'a directory',
      (at: string) => {
        spawnSync('mkdir', [at]);
      },
      '.* directory$',
    ],
  ])('%s is refused', (_, make, reason) => {
    make(path);
    const message = expect.stringMatching(new RegExp(`^Can't save PID to file .*: ${reason}`, 'i'));
    expect(() => claimPidFile(path, files)).toThrow(expect.objectContaining({ code: 'PID_FILE', message }));
  });

  test('without PidFile there is nothing to remove', () => {
    expect(claimPidFile(undefined, files).remove()).toBe(false);
  });
});
