import { describe, expect, test } from '@jest/globals';
import { runDecoder } from './decoder-run.js';
import { createTarget } from './targets/table.js';

const names = ['commands', 'instream', 'replies', 'config'] as const;

describe.each(names)('%s', (name) => {
  test('takes its own corpus', () => {
    const target = createTarget(name);
    for (const input of target.corpus) target.check(input);
    expect(target.dictionary.every(({ length }) => length > 0)).toBe(true);
  });

  test('runs for its time in a thread of its own and finds nothing', async () => {
    const outcome = await runDecoder(name, { seed: 1, seconds: 0.5 });
    expect(outcome).toEqual({ inputs: expect.any(Number) });
    expect(outcome.inputs).toBeGreaterThan(0);
  }, 20_000);
});
