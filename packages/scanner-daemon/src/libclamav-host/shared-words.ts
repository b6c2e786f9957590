import { ENGINES_MAX } from './control-messages.js';
import { NAMES_BYTES_MAX } from './lane-wire.js';

/*
 * Memory that the host and its scan threads share, since a thread that scans or waits in the kernel reads no messages.
 */

/** Where each generation's engine lies, written by the host before the daemon hears of the generation. */
export class EngineTable {
  readonly memory: SharedArrayBuffer;
  readonly #words: BigUint64Array;

  constructor(memory = new SharedArrayBuffer(ENGINES_MAX * 2 * BigUint64Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#words = new BigUint64Array(memory);
  }

  /** @returns false where as many engines as there may be are in use. */
  add(generation: number, engine: bigint): boolean {
    const at = this.#find(0n);
    if (at === undefined) return false;
    Atomics.store(this.#words, at + 1, engine);
    Atomics.store(this.#words, at, BigInt(generation));
    return true;
  }

  remove(generation: number): void {
    const at = this.#find(BigInt(generation));
    if (at !== undefined) Atomics.store(this.#words, at, 0n);
  }

  /** @throws Error for a generation that is not there: the daemon releases none that it scans with. */
  engineOf(generation: number): bigint {
    const at = this.#find(BigInt(generation));
    if (at === undefined) throw new Error(`there is no database of generation ${generation}`);
    return Atomics.load(this.#words, at + 1);
  }

  #find(generation: bigint): number | undefined {
    for (let at = 0; at < this.#words.length; at += 2) {
      if (Atomics.load(this.#words, at) === generation) return at;
    }
    return undefined;
  }
}

const LENGTH_BYTES = 4;

/**
 * The names that one scan thread's scan has found so far: the host writes them while libclamav waits for it, the thread
 * takes them when the scan is over. What does not fit is left out.
 */
export class FoundNames {
  readonly memory: SharedArrayBuffer;
  readonly #length: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(memory = new SharedArrayBuffer(LENGTH_BYTES + NAMES_BYTES_MAX)) {
    this.memory = memory;
    this.#length = new Int32Array(memory, 0, 1);
    this.#bytes = new Uint8Array(memory, LENGTH_BYTES);
  }

  add(name: string): void {
    const line = Buffer.from(`${name}\n`);
    const at = Atomics.load(this.#length, 0);
    if (at + line.byteLength > NAMES_BYTES_MAX) return;
    this.#bytes.set(line, at);
    Atomics.store(this.#length, 0, at + line.byteLength);
  }

  /** Empties it. */
  take(): readonly string[] {
    const length = Atomics.exchange(this.#length, 0, 0);
    if (length === 0) return NONE;
    return Buffer.from(this.#bytes.slice(0, length)).toString().trimEnd().split('\n');
  }
}

const NONE: readonly string[] = [];
