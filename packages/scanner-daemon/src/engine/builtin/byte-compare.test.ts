import { describe, expect, test } from '@jest/globals';
import type { ByteComparison, ByteCompareSubsignature } from '../../database/model/logical-signature.js';
import { bytesInput } from '../engine.js';
import { byteCompareHolds } from './byte-compare.js';

/** `hbe4`, `=0x12,<5`: the options and the comparisons of the manual. */
function holds(text: string, options: string, comparisons: string, offset = 7): boolean {
  const bases = { h: 'hex', d: 'decimal', a: 'auto', i: 'binary' } as const;
  const [, base = 'd', order, exact, length] = /^([hdai])([lb]?)(e?)(\d+)$/.exec(options) ?? [];
  const [first, ...others] = comparisons.split(',').map(comparison);
  if (first === undefined) throw new Error('no comparison');
  const subsignature: ByteCompareSubsignature = {
    kind: 'byteCompare',
    trigger: 0,
    relativeOffset: offset,
    base: base in bases ? bases[base as keyof typeof bases] : 'decimal',
    byteOrder: order === 'l' ? 'little' : 'big',
    exact: exact === 'e',
    lengthBytes: Number(length),
    comparisons: [first, ...others],
  };
  return byteCompareHolds(subsignature, bytesInput(Buffer.from(text, 'latin1')), 0);
}

function comparison(text: string): ByteComparison {
  const negative = text.charAt(1) === '-';
  const value = BigInt(text.slice(negative ? 2 : 1));
  const operator = text.startsWith('<') ? '<' : text.startsWith('>') ? '>' : '=';
  return { operator, value: negative ? -value : value };
}

describe('what a byte comparison reads, as clamscan 1.4.6 does', () => {
  test.each<[string, string, string, boolean]>([
    ['marker 1234 ', 'd4', '=1234', true],
    ['marker 1234 ', 'de4', '>1000,<2000', true],
    ['marker 1234 ', 'de4', '>2000,<1000', false],
    ['marker 1234 ', 'de4', '=1234,=1', false],
    ['marker 1234 ', 'd6', '=1234', false],
    ['marker 1234 ', 'd2', '=12', true],
    ['marker 12', 'd4', '=12', false],
    ['marker   12  ', 'd4', '=12', true],
    ['marker   12  ', 'de4', '=12', false],
    ['marker -123 ', 'de4', '=-123', true],
    ['marker +123 ', 'de4', '=123', true],
    ['marker abcdxyz', 'd4', '=0', true],
    ['marker abcdxyz', 'de4', '=0', false],
    ['marker 0x1f ', 'd4', '=0', true],
    ['marker 12\0\x0034', 'd4', '=12', true],
    ['marker 1234 ', 'hb4', '=0x1234', true],
    ['marker 0x1f ', 'hbe4', '=0x1f', true],
    ['marker 1F2g ', 'hb4', '=0x1f2', true],
    ['marker 1F2g ', 'hbe4', '=0x1f2', false],
    ['marker -123 ', 'hb4', '=-0x123', true],
    ['marker 1234 ', 'hl4', '=0x3412', true],
    ['marker 0012ab34', 'hl8', '=0x34ab1200', true],
    ['marker 0x1f ', 'hl4', '=0x1f', true],
    ['marker 0x1f ', 'hle4', '=0x1f', false],
    ['marker 1F2g ', 'hle4', '=0x1f', true],
    ['marker 1a2 ', 'hl4', '=0x1a', true],
    ['marker \t12345 ', 'hl4', '=0x2301', true],
    ['marker 1234 ', 'hl1', '=1', true],
    ['marker +123 ', 'hle4', '=0', true],
    ['marker x0012  ', 'hl4', '=1', true],
    ['marker abcdxyz', 'hl6', '=0xcdab', true],
    ['marker 1234 ', 'ab4', '=1234', true],
    ['marker 0X1F  ', 'ab4', '=0x1f', true],
    ['marker 0x1f ', 'al4', '=0x1f', true],
    ['marker 1234 ', 'al4', '=1234', false],
    ['marker 1234 ', 'ab2', '=12', false],
    ['marker   12  ', 'ab4', '=12', false],
    ['marker   12  ', 'ab6', '=12', true],
    ['marker \x01\x02\x03\x04\x05\x06\x07\x08', 'ib4', '=0x01020304', true],
    ['marker \x01\x02\x03\x04\x05\x06\x07\x08', 'il8', '=0x0807060504030201', true],
    ['marker \xff\xff\xff\xff\xff\xff\xff\xff', 'ib4', '=0xffffffff', true],
    ['marker \xff\xff\xff\xff\xff\xff\xff\xff', 'ib8', '=-1', true],
  ])('%j, %s#%s: %s', (text, options, comparisons, expected) => {
    expect(holds(text, options, comparisons)).toBe(expected);
  });

  test('too many digits are the largest number of 64 bits', () => {
    expect(holds(`marker ${'9'.repeat(20)}`, 'de20', '=0x7fffffffffffffff')).toBe(true);
  });

  test('the first byte of a file, and what lies outside, cannot be compared', () => {
    expect(holds('1234', 'd1', '=2', 1)).toBe(true);
    expect(holds('1234', 'd1', '=1', 0)).toBe(false);
    expect(holds('1234', 'd1', '=1', -1)).toBe(false);
    expect(holds('1234', 'd1', '=0', 4)).toBe(false);
  });
});
