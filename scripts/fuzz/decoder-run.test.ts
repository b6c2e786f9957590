import { describe, expect, test } from '@jest/globals';
import { runDecoder } from './decoder-run.js';
import { INPUT_MAX_BYTES } from './mutate.js';
import { targetNames } from './options.js';
import { createTarget } from './targets/table.js';
import { isUnpackTarget } from './targets/unpack.js';

/** What unpacks is run beside the unpackers, and the daemon by `daemon-run.ts`. */
const names = targetNames.flatMap((name) => (name === 'daemon' || isUnpackTarget(name) ? [] : [name]));

describe.each(names)('%s', (name) => {
  test('takes its own corpus', async () => {
    const target = createTarget(name);
    for (const input of target.corpus) await target.check(input);
    expect(target.corpus.every(({ length }) => length <= INPUT_MAX_BYTES)).toBe(true);
    expect(target.dictionary.every(({ length }) => length > 0)).toBe(true);
  }, 60_000);

  test('runs for its time in a thread of its own and finds nothing', async () => {
    const outcome = await runDecoder(name, { seed: 1, seconds: 0.5 });
    expect(outcome).toEqual({ inputs: expect.any(Number) });
    expect(outcome.inputs).toBeGreaterThan(0);
  }, 60_000);
});
