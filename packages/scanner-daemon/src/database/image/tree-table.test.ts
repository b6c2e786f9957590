import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { putTogether, takeApart } from './tree-table.js';

const MEMORY = new SharedArrayBuffer(16);

function read(table: string): unknown {
  return putTogether(Buffer.from(table), MEMORY);
}

test.each([
  ['a type that is none', '{"a":{"$":"Function","o":0,"n":1}}'],
  ['a type from the prototype of objects', '{"a":{"$":"constructor"}}'],
  ['an array past the end', '{"a":{"$":"Uint32Array","o":8,"n":3}}'],
  ['an array that begins past the end', '{"a":{"$":"Uint8Array","o":24,"n":0}}'],
  ['a crooked offset', '{"a":{"$":"Uint8Array","o":4,"n":1}}'],
  ['a negative offset', '{"a":{"$":"Uint8Array","o":-8,"n":1}}'],
  ['a length that is no whole number', '{"a":{"$":"Uint8Array","o":0,"n":1.5}}'],
  ['a length that overflows', '{"a":{"$":"Uint8Array","o":0,"n":1e300}}'],
  ['no length', '{"a":{"$":"Uint8Array","o":0}}'],
  ['a big number that is none', '{"a":{"$":"bigint","v":"1x"}}'],
  ['a big number without bound', `{"a":{"$":"bigint","v":"${'1'.repeat(50)}"}}`],
  ['a prototype', '{"__proto__":{"a":1}}'],
  ['what is no JSON', '{'],
  ['nothing', ''],
  ['too many levels', '['.repeat(200) + ']'.repeat(200)],
  ['very many levels', '['.repeat(1_000_000)],
])('a table with %s is none', (_, table) => {
  expect(read(table)).toBeUndefined();
});

test('an array at the very end of the memory is fine', () => {
  expect(read('{"a":{"$":"Uint8Array","o":8,"n":8},"b":{"$":"Uint8Array","o":16,"n":0}}')).toMatchObject({
    tree: { a: { length: 8 }, b: { length: 0 } },
  });
});

test('any JSON is taken or refused, and never throws', () => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      read(json);
      read(json.replaceAll('""', '"$"'));
    }),
  );
});

test('every array begins at a multiple of eight', () => {
  const parts = takeApart([new Uint8Array(3), new Uint8Array(9), new Float64Array(1)]);
  if ('why' in parts) throw new Error(parts.why);
  expect(parts.arrayBytes).toBe(8 + 16 + 8);
  expect(parts.table.byteLength % 8).toBe(0);
});
