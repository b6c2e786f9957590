import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import fc from 'fast-check';
import { readDirectoryList, readListFile } from './read-list-file.js';
import type { ListFileOptions } from './read-list-file.js';

const WATCH: ListFileOptions = { kind: 'watch', temporaryDirectory: '/var/tmp/' };
const EXCLUDE: ListFileOptions = { ...WATCH, kind: 'exclude' };

function read(text: string | Buffer, options = WATCH) {
  return readDirectoryList(Buffer.from(text), 'LIST', options);
}

describe('readDirectoryList', () => {
  test('takes one path a line, the last one whole without its newline (behaviour 4.7)', () => {
    expect(read('/srv/one\n/srv/two')).toEqual({ paths: ['/srv/one', '/srv/two'], issues: [] });
    expect(read('/srv/one\n').paths).toEqual(['/srv/one']);
  });

  test('carriage returns, blank lines, doubled entries and slashes at the end do no harm', () => {
    expect(read('\r\n/srv/one/\r\n\n/srv//one\n\n/with blank \r\n')).toEqual({
      paths: ['/srv/one', '/with blank '],
      issues: [],
    });
  });

  test.each([
    ['srv', "LIST: line 2: 'srv' is not absolute"],
    ['/', "LIST: line 2: not watching '/': use OnAccessMountPath for that"],
    ['/../', "LIST: line 2: not watching '/': use OnAccessMountPath for that"],
    ['/var/tmp', "LIST: line 2: not watching '/var/tmp': it is the daemon's temporary directory"],
    [`/${'x'.repeat(5_000)}`, 'LIST: line 2: the path is too long'],
    ['/a\0b', 'LIST: line 2: the path is not UTF-8, or has a NUL byte in it'],
  ])('refuses %j with the reason and goes on', (entry, reason) => {
    const { paths, issues } = read(`/first\n${entry}\n/last`);
    expect(paths).toEqual(['/first', '/last']);
    expect(issues).toEqual([{ severity: 'warning', line: expect.stringContaining(`WARNING: ${reason}`) }]);
  });

  test('refuses a name that is not UTF-8', () => {
    const { paths, issues } = read(Buffer.from([0x2f, 0xff, 0x0a]));
    expect([paths, issues.length]).toEqual([[], 1]);
  });

  test('an exclude list may name the temporary directory, but not /', () => {
    const { paths, issues } = read('/var/tmp\n/\n', EXCLUDE);
    expect(paths).toEqual(['/var/tmp']);
    expect(issues[0]?.line).toBe("WARNING: LIST: line 2: not excluding '/': nothing would be protected");
  });

  test('has a bound on paths and on issues', () => {
    const many = Array.from({ length: 10_001 }, (_, index) => `/d${index}`).join('\n');
    expect(read(many).paths).toHaveLength(10_000);
    expect(read(many).issues).toHaveLength(1);
    const { issues } = read('relative\n'.repeat(5_000));
    expect(issues).toHaveLength(100);
    expect(issues.at(-1)?.line).toBe('WARNING: and 4901 more issues of this kind');
  });

  test('never throws, and gives absolute paths only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        for (const path of read(Buffer.from(bytes)).paths) expect(path).toMatch(/^\//);
      }),
    );
  });
});

describe('readListFile', () => {
  let directory: TempDir;
  beforeEach(() => {
    directory = makeTempDir('list-');
  });
  afterEach(() => {
    directory.remove();
  });

  test('keeps what is not there yet, and reports it where the mark plan does not', async () => {
    const there = join(directory.path, 'there');
    mkdirSync(there);
    const list = join(directory.path, 'list');
    writeFileSync(list, `${there}\n${directory.path}/later\n${list}`);
    expect(await readListFile(list, WATCH)).toMatchObject({ paths: { length: 3 }, issues: [] });
    expect(await readListFile(list, EXCLUDE)).toEqual({
      paths: [there, `${directory.path}/later`, list],
      issues: [
        { severity: 'warning', line: `WARNING: ${list}: '${directory.path}/later' does not exist yet` },
        { severity: 'warning', line: `WARNING: ${list}: '${list}' is not a directory` },
      ],
    });
  });

  test.each([
    ['a file that is missing', (path: string) => `${path}/missing`, 'No such file or directory'],
    ['a directory', (path: string) => path, 'it is a directory'],
    ['a device', () => '/dev/zero', 'it is a device'],
  ])('%s is an error', async (_what, pathIn, reason) => {
    const path = pathIn(directory.path);
    expect(await readListFile(path, WATCH)).toEqual({
      paths: [],
      issues: [{ severity: 'error', line: `ERROR: can't read the list '${path}': ${reason}` }],
    });
  });

  test('a file that is too large is an error', async () => {
    const path = join(directory.path, 'large');
    writeFileSync(path, '\n'.repeat(1_048_577));
    const { issues } = await readListFile(path, WATCH);
    expect(issues).toMatchObject([{ severity: 'error' }]);
    writeFileSync(path, '\n'.repeat(1_048_576));
    expect(await readListFile(path, WATCH)).toEqual({ paths: [], issues: [] });
  });
});
