import { workerData } from 'node:worker_threads';
import { createRandom } from '../bench/random.js';
import { InputSlot } from './input-slot.js';
import { mutate } from './mutate.js';
import { createTarget } from './targets/table.js';
import type { DecoderTarget } from './targets/target.js';

/** What decoder-run.ts starts this thread with. */
export interface DecoderThreadData {
  readonly target: DecoderTarget['name'];
  readonly seed: number;
  readonly memory: SharedArrayBuffer;
}

const { target: name, seed, memory } = workerData as DecoderThreadData; // Written by decoder-run.ts alone.
const target = createTarget(name);
const slot = new InputSlot(memory);
const random = createRandom(seed);

// The corpus as it is first, then mutations of it. What is thrown ends the thread: the input stands in the slot.
for (const input of target.corpus) await check(input);
while (!slot.stopped) await check(mutate(target, random));

async function check(input: Buffer): Promise<void> {
  slot.put(input);
  await target.check(input);
}
