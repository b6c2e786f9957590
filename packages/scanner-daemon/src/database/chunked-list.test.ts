import { expect, test } from '@jest/globals';
import { ChunkedBytes, ChunkedUint32 } from './chunked-list.js';

test('bytes come out as they went in, across chunks, and the list is empty then', () => {
  const list = new ChunkedBytes();
  const piece = Uint8Array.from({ length: 100_003 }, (_, index) => index % 251);
  for (let count = 0; count < 7; count++) list.append(piece, 1, piece.length - 1);
  expect(list.length).toBe(7 * 100_001);
  const whole = Buffer.concat(Array.from({ length: 7 }, () => piece.subarray(1, -1)));
  expect(Buffer.compare(list.takeShared(), whole)).toBe(0);
  expect(list.length).toBe(0);
  list.append(piece, 0, 2);
  expect(Array.from(list.takeShared())).toEqual([0, 1]);
});

test('an empty list makes an empty array', () => {
  expect(new ChunkedBytes().takeShared()).toHaveLength(0);
  expect(new ChunkedUint32().takeShared()).toHaveLength(0);
});

test('numbers come out as they went in, across chunks', () => {
  const list = new ChunkedUint32();
  const count = 150_000;
  for (let index = 0; index < count; index++) list.push(0xffff_ffff - index);
  expect(list.length).toBe(count);
  const shared = list.takeShared();
  expect(shared).toHaveLength(count);
  expect(shared.every((value, index) => value === 0xffff_ffff - index)).toBe(true);
  expect(list.length).toBe(0);
});
