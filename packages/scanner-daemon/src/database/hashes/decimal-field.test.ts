import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readLevelField, readSizeField } from './decimal-field.js';

/** Observed with clamscan 1.4.6: which file sizes lines with these sizes match. */
const SIZES: readonly (readonly [string, number | undefined])[] = [
  ['544', 544],
  ['+544', 544],
  [' 544', 544],
  ['\t544', 544],
  ['00000000000544', 544],
  ['4294967294', 4294967294],
  ['-18446744073709551072', 544],
  ['544 ', undefined],
  ['+ 544', undefined],
  ['+-5', undefined],
  ['6x', undefined],
  ['*x', undefined],
  ['', undefined],
];

test.each(SIZES)('the size %j is %p', (text, expected) => {
  expect(readSizeField(Buffer.from(text, 'latin1'), { start: 0, end: text.length })).toBe(expected);
});

test.each(['-544', '18446744073709552160', '99999999999999999999999'])('the size %s is too large', (text) => {
  expect(readSizeField(Buffer.from(text), { start: 0, end: text.length })).toBeGreaterThan(4294967295);
});

/** Observed with clamscan 1.4.6 as minimum or maximum level: what it takes them for. */
const LEVELS: readonly (readonly [string, number])[] = [
  ['73', 73],
  ['073', 73],
  ['+73', 73],
  [' 73', 73],
  ['73x', 73],
  ['', 0],
  ['x', 0],
  ['x73', 0],
  ['--5', 0],
  ['0x300', 0],
  ['-5', 4294967291],
  ['-4294967295', 1],
  ['4294967297', 1],
  ['4294967513', 217],
  ['99999999999', 1215752191],
  ['9223372036854775809', 4294967295],
  ['18446744073709551617', 4294967295],
  ['-9223372036854775809', 0],
];

test.each(LEVELS)('the level %j is %d', (text, expected) => {
  expect(readLevelField(Buffer.from(text, 'latin1'), { start: 0, end: text.length })).toBe(expected);
});

test('plain numbers are read where they lie', () => {
  fc.assert(
    fc.property(fc.nat(4294967294), fc.string(), fc.string(), (value, before, after) => {
      const bytes = Buffer.from(`${before}${value}${after}`, 'latin1');
      const bounds = { start: before.length, end: before.length + String(value).length };
      expect(readSizeField(bytes, bounds)).toBe(value);
      expect(readLevelField(bytes, bounds)).toBe(value);
    }),
  );
});
