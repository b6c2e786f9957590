import { INPUT_MAX_BYTES } from './mutate.js';

const COUNT = 0;
const LENGTH = 1;
const STOP = 2;
const HEADER_BYTES = 12;

/**
 * The input under check, in memory that two threads share: so it is known even when the thread that checks it hangs
 * or dies.
 */
export class InputSlot {
  readonly memory: SharedArrayBuffer;
  readonly #header: Int32Array;
  readonly #bytes: Buffer;

  constructor(memory = new SharedArrayBuffer(HEADER_BYTES + INPUT_MAX_BYTES)) {
    this.memory = memory;
    this.#header = new Int32Array(memory, 0, 3);
    this.#bytes = Buffer.from(memory, HEADER_BYTES);
  }

  /** How many inputs were put here so far. */
  get count(): number {
    return Atomics.load(this.#header, COUNT);
  }

  get stopped(): boolean {
    return Atomics.load(this.#header, STOP) !== 0;
  }

  stop(): void {
    Atomics.store(this.#header, STOP, 1);
  }

  /** @param input - at most {@link INPUT_MAX_BYTES} */
  put(input: Buffer): void {
    input.copy(this.#bytes);
    Atomics.store(this.#header, LENGTH, input.length);
    Atomics.add(this.#header, COUNT, 1);
  }

  /** A copy. */
  get(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, Atomics.load(this.#header, LENGTH)));
  }
}
