import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { makeTempDir, type TempDir } from '@portcullis/shared/testing';
import { StdoutLines } from './stdout-lines.js';

let directory: TempDir;
const fds: number[] = [];
beforeEach(() => {
  directory = makeTempDir('stdout');
});
afterEach(() => {
  for (const fd of fds.splice(0)) closeSync(fd);
  directory.remove();
});

function open(path: string, flags: number): number {
  const fd = openSync(path, flags);
  fds.push(fd);
  return fd;
}

/** Both ends of a pipe that takes no more when it is full. */
function pipe(): { reader: number; writer: number } {
  const path = join(directory.path, 'fifo');
  execFileSync('mkfifo', [path]);
  const reader = open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { reader, writer: open(path, constants.O_WRONLY | constants.O_NONBLOCK) };
}

function drain(fd: number): string {
  const bytes = Buffer.alloc(1_048_576);
  let text = '';
  for (;;) {
    try {
      const count = readSync(fd, bytes);
      if (count === 0) return text;
      text += bytes.toString('utf8', 0, count);
    } catch {
      return text;
    }
  }
}

describe('StdoutLines', () => {
  test('writes line after line', () => {
    const path = join(directory.path, 'out');
    const lines = new StdoutLines(open(path, constants.O_WRONLY | constants.O_CREAT), () => undefined);
    lines.write('a\n');
    lines.write('b\n');
    expect(readFileSync(path, 'utf8')).toBe('a\nb\n');
  });

  test('drops whole lines while nobody reads, and tells their number afterwards', () => {
    const { reader, writer } = pipe();
    const lost: number[] = [];
    const lines = new StdoutLines(writer, (count) => lost.push(count));
    const line = `${'x'.repeat(9_999)}\n`;
    for (let count = 0; count < 12; count += 1) lines.write(line);
    let read = drain(reader);
    lines.write('after\n');
    read += drain(reader);
    const written = read.split('\n');
    expect(written.pop()).toBe('');
    expect(written.pop()).toBe('after');
    expect(new Set(written.map(({ length }) => length))).toEqual(new Set([9_999]));
    expect(lost).toEqual([12 - written.length]);
  });

  test('survives a reader that is gone', () => {
    const { reader, writer } = pipe();
    const lines = new StdoutLines(writer, () => undefined);
    closeSync(reader);
    fds.shift();
    expect(() => {
      for (let count = 0; count < 3; count += 1) lines.write('nobody\n');
    }).not.toThrow();
  });
});
