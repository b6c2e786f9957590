import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseByBytes, chooseSmall, listFiles, sumBytes } from './sample-files.js';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sample-'));
  mkdirSync(join(directory, 'below'));
  for (let index = 0; index < 40; index += 1)
    writeFileSync(join(directory, 'below', `file-${index}`), Buffer.alloc(index * 25));
  writeFileSync(join(directory, 'a\nb'), 'x');
  symlinkSync('/etc/passwd', join(directory, 'link'));
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

test('listFiles: every plain file with content, in an order of its own that is always the same', async () => {
  const files = await listFiles(directory);
  expect(files).toHaveLength(39);
  expect(await listFiles(directory)).toEqual(files);
  const numbers = files.map(({ path }) => Number(path.split('-').pop()));
  expect(numbers).not.toEqual([...numbers].sort((a, b) => a - b));
});

test('chooseByBytes: fills up to the total, never past it', async () => {
  const files = await listFiles(directory);
  const chosen = chooseByBytes(files, 5000);
  expect(sumBytes(chosen)).toBeLessThanOrEqual(5000);
  const left = 5000 - sumBytes(chosen);
  const others = files.filter((file) => !chosen.includes(file));
  // Within a hundredth, or nothing that was left out would fit.
  expect(left < 50 || others.every(({ sizeBytes }) => sizeBytes > left)).toBe(true);
  expect(chooseByBytes(files, 1e9)).toEqual(files);
});

test('chooseSmall: only files of 200 to 8,000 bytes, as many as asked for', async () => {
  const files = await listFiles(directory);
  const chosen = chooseSmall(files, 10);
  expect(chosen).toHaveLength(10);
  expect(chosen.every(({ sizeBytes }) => sizeBytes >= 200)).toBe(true);
  expect(chooseSmall(files, 1000)).toHaveLength(32);
});
