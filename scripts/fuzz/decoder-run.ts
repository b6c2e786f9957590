import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { messageOf } from '@portcullis/shared';
import type { DecoderThreadData } from './decoder-thread.js';
import type { Finding, RunOutcome } from './findings.js';
import { InputSlot } from './input-slot.js';
import type { DecoderTarget } from './targets/target.js';

/** An input that takes longer is a hang; the slowest known takes milliseconds. */
const INPUT_MAX_MS = 10_000;
/** A thread that outgrows this dies, and that is a finding. */
const HEAP_MAX_MEBIBYTES = 128;
const POLL_MS = 200;

/** Checks mutations against one decoder, in a thread that may hang or die, until the time is up or one is found. */
export async function runDecoder(
  target: DecoderTarget['name'],
  options: { readonly seed: number; readonly seconds: number },
): Promise<RunOutcome> {
  const slot = new InputSlot();
  const workerData: DecoderThreadData = { target, seed: options.seed, memory: slot.memory };
  const worker = new Worker(new URL('./decoder-thread.js', import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MEBIBYTES },
  });
  let failure: unknown;
  let ended = false;
  worker.on('error', (error) => (failure = error));
  const exited = new Promise<void>((resolve) =>
    worker.once('exit', () => {
      ended = true;
      resolve();
    }),
  );
  const hang = await watch(slot, options.seconds * 1000, () => ended);
  slot.stop();
  if (hang) await worker.terminate();
  else
    await Promise.race([
      exited,
      sleep(INPUT_MAX_MS, undefined, { ref: false }).then(() => worker.terminate()),
    ]);
  const finding = hang ? 'no end to this input' : failure === undefined ? undefined : messageOf(failure);
  return { inputs: slot.count, ...(finding === undefined ? {} : { finding: findingOf(slot, finding) }) };
}

/** @returns whether one input took too long. */
async function watch(slot: InputSlot, durationMs: number, hasEnded: () => boolean): Promise<boolean> {
  const endsAtMs = performance.now() + durationMs;
  let count = -1;
  let movedAtMs = performance.now();
  while (!hasEnded()) {
    const nowMs = performance.now();
    if (slot.count !== count) {
      count = slot.count;
      movedAtMs = nowMs;
    }
    if (nowMs - movedAtMs > INPUT_MAX_MS) return true;
    if (nowMs > endsAtMs) return false;
    await sleep(Math.min(POLL_MS, endsAtMs - nowMs + 1));
  }
  return false;
}

function findingOf(slot: InputSlot, what: string): Finding {
  return { what, content: slot.get() };
}
