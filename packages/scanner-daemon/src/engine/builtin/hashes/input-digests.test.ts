import { hash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HASH_ALGORITHMS } from '../../../database/hashes/hash-table.js';
import { InputDigests } from './input-digests.js';

test('the digests are those of the whole input, in one piece or in many', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 6 }), (pieces) => {
      const whole = Buffer.concat(pieces);
      const digests = new InputDigests(HASH_ALGORITHMS, whole.length);
      for (const piece of pieces) digests.update(piece);
      const expected = HASH_ALGORITHMS.map((algorithm) => hash(algorithm, whole));
      expect(digests.finish().map(({ digest }) => Buffer.from(digest).toString('hex'))).toEqual(expected);
    }),
  );
});

test('digests that nobody wants are not made', () => {
  const digests = new InputDigests([], 3);
  digests.update(Buffer.from('abc'));
  expect(digests.finish()).toEqual([]);
});
