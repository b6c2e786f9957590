import { describe, expect, test } from '@jest/globals';
import { createRandom } from '../bench/random.js';
import { cutAtRandom, waysToCut } from './cuts.js';
import { INPUT_MAX_BYTES, mutate } from './mutate.js';
import { transcripts } from './targets/transcripts.js';

const seeds = transcripts('/srv/file');

describe('mutate', () => {
  test('mutate: the same seed gives the same inputs, another seed others', () => {
    const draw = (seed: number): readonly string[] => {
      const random = createRandom(seed);
      return Array.from({ length: 50 }, () => mutate(seeds, random).toString('latin1'));
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(new Set(draw(1)).size).toBeGreaterThan(30);
  });

  test('mutate: never longer than the bound, and the corpus stays as it was', () => {
    const before = seeds.corpus.map((input) => input.toString('latin1'));
    const random = createRandom(3);
    for (let n = 0; n < 2000; n += 1)
      expect(mutate(seeds, random).length).toBeLessThanOrEqual(INPUT_MAX_BYTES);
    expect(seeds.corpus.map((input) => input.toString('latin1'))).toEqual(before);
  });
});

describe('waysToCut', () => {
  test('waysToCut: every way holds the same bytes', () => {
    const input = Buffer.from('zPING\0'.repeat(20));
    for (const pieces of waysToCut(input)) expect(Buffer.concat(pieces)).toEqual(input);
    expect(waysToCut(input).at(-1)).toHaveLength(input.length);
    expect(cutAtRandom(input, 3, 1)).not.toEqual(cutAtRandom(input, 3, 2));
    expect(cutAtRandom(Buffer.alloc(0), 3)).toEqual([]);
  });
});
