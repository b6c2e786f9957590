import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { makeTempDir } from '../testing/temp-dir.js';
import type { TempDir } from '../testing/temp-dir.js';
import { readConfigFile } from './read-config-file.js';

const MIB = 1024 ** 2;

let directory: TempDir;
beforeEach(() => {
  directory = makeTempDir('config-file');
});
afterEach(() => {
  directory.remove();
});

function at(name: string): string {
  return join(directory.path, name);
}

function put(name: string, content: string | Uint8Array): string {
  writeFileSync(at(name), content);
  return at(name);
}

function fifo(): string {
  spawnSync('mkfifo', [at('fifo')]);
  return at('fifo');
}

function textOf(reading: ReturnType<typeof readConfigFile>): string {
  return reading.kind === 'read' ? reading.bytes.toString() : JSON.stringify(reading);
}

describe('readConfigFile: a regular file', () => {
  test('comes whole, up to 1 MiB and no further', () => {
    expect(readConfigFile(put('small', 'LogTime yes\n'))).toEqual({
      kind: 'read',
      bytes: Buffer.from('LogTime yes\n'),
      isPipe: false,
    });
    expect(textOf(readConfigFile(put('full', '#'.repeat(MIB))))).toHaveLength(MIB);
    const tooLarge = { kind: 'refused', reason: `it is larger than ${MIB} bytes` };
    expect(readConfigFile(put('over', '#'.repeat(MIB + 1)))).toEqual(tooLarge);
    truncateSync(put('sparse', ''), 2 ** 40);
    expect(readConfigFile(at('sparse'))).toEqual(tooLarge);
  });

  test('of /proc comes whole, though it claims to be empty', () => {
    expect(textOf(readConfigFile('/proc/self/status'))).toMatch(/^Name:/);
  });

  test('that is missing, or behind a link that may not be followed, is told apart', () => {
    expect(readConfigFile(at('missing'))).toEqual({ kind: 'missing' });
    symlinkSync(put('target', 'x'), at('link'));
    expect(textOf(readConfigFile(at('link')))).toBe('x');
    expect(readConfigFile(at('link'), { followSymlinks: false })).toEqual({
      kind: 'unreadable',
      reason: 'it is a symbolic link',
    });
  });

  test('that the caller objects to is not read', () => {
    const objection = ({ size }: { size: bigint }) => (size === 1n ? 'it has one byte' : undefined);
    expect(readConfigFile(put('a', 'x'), { objection })).toEqual({
      kind: 'refused',
      reason: 'it has one byte',
    });
  });
});

test.each([
  ['/dev/zero', 'it is a device'],
  ['/dev/null', 'it is a device'],
  ['/proc/self', 'it is a directory'],
])('readConfigFile: %s is refused: %s', (path, reason) => {
  expect(readConfigFile(path)).toEqual({ kind: 'refused', reason });
});

describe('readConfigFile: a pipe', () => {
  test('that nobody writes to is given up', () => {
    expect(readConfigFile(fifo(), { pipeWaitMs: 50 })).toEqual({
      kind: 'refused',
      reason: 'it is a pipe that did not end within 50 ms',
    });
  });

  test('that is never closed is given up', () => {
    const path = fifo();
    const writer = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    try {
      writeFileSync(writer, 'LogTime yes\n');
      expect(readConfigFile(path, { pipeWaitMs: 50 }).kind).toBe('refused');
    } finally {
      closeSync(writer);
    }
  });

  test('whose writer takes a while comes whole', () => {
    const path = fifo();
    spawn('sh', ['-c', 'sleep 0.2; { echo first; sleep 0.3; echo second; } > "$0"', path]);
    expect(readConfigFile(path)).toEqual({
      kind: 'read',
      bytes: Buffer.from('first\nsecond\n'),
      isPipe: true,
    });
  });

  test('without an end is refused when it is too large', () => {
    const path = fifo();
    const writer = spawn('sh', ['-c', 'exec cat /dev/zero > "$0"', path]);
    expect(readConfigFile(path)).toEqual({ kind: 'refused', reason: `it is larger than ${MIB} bytes` });
    writer.kill('SIGKILL');
  });
});
