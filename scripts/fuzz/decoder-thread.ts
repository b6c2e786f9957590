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
for (const input of target.corpus) check(input);
while (!slot.stopped) check(mutate(target, random));

function check(input: Buffer): void {
  slot.put(input);
  target.check(input);
}
