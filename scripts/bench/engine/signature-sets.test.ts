import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeManyHashes, makeShare } from './signature-sets.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sets-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

test('makeShare: keeps every n-th line of each file, byte for byte, and no empty file', () => {
  const from = join(directory, 'from');
  mkdirSync(from);
  writeFileSync(join(from, 'a.ndb'), Buffer.from('# said\na\xff\nb\nc\nd\n', 'latin1'));
  writeFileSync(join(from, 'b.ndb'), '# nothing\n');
  const share = makeShare(from, join(directory, 'to'), 2);
  expect(readdirSync(share)).toEqual(['a.ndb']);
  expect(readFileSync(join(share, 'a.ndb'), 'latin1')).toBe('a\xff\nc\n');
});

test('makeManyHashes: so many well-formed lines, all different, the same each time', () => {
  const read = (name: string) =>
    readFileSync(join(makeManyHashes(join(directory, name), 120_000), 'many.hdb'), 'latin1');
  const text = read('one');
  const lines = text.trimEnd().split('\n');
  expect(lines).toHaveLength(120_000);
  expect(lines.every((line) => /^[0-9a-f]{32}:[1-9][0-9]*:Bench\.Many-[0-9]+$/.test(line))).toBe(true);
  expect(new Set(lines.map((line) => line.slice(0, 32))).size).toBe(120_000);
  expect(read('two') === text).toBe(true);
});
