import { ChunkedBytes, ChunkedUint32 } from '../chunked-list.js';

/** What ClamAV appends to the names of signatures that do not come out of a signed container. */
export const UNOFFICIAL_SUFFIX = '.UNOFFICIAL';

/** Whether names get {@link UNOFFICIAL_SUFFIX}. */
export type SignatureOrigin = 'official' | 'unofficial';

/**
 * The names of all signatures, by name id, without {@link UNOFFICIAL_SUFFIX}: eleven bytes a name would
 * be as much as many of the names. All arrays are views over `SharedArrayBuffer`s.
 */
export interface NameTable {
  /** The names one after the other, in the bytes of the database files. */
  readonly bytes: Uint8Array;
  /** Name `id` is `bytes[starts[id]..starts[id + 1])`. */
  readonly starts: Uint32Array;
  /**
   * Ascending ids at which the origin changes: names are official before the first, unofficial from the
   * first on, official from the second on, and so forth. One or two a database file.
   */
  readonly originChanges: Uint32Array;
}

/** `starts` has 32 bits. */
const NAME_BYTES_MAX = 0xffff_ffff;

/** Collects names. Used once, by one thread. */
export class NameTableBuilder {
  readonly #bytes = new ChunkedBytes();
  readonly #starts = new ChunkedUint32();
  readonly #originChanges = new ChunkedUint32();
  #lastOrigin: SignatureOrigin = 'official';

  constructor() {
    this.#starts.push(0);
  }

  /** How many names there are. */
  get count(): number {
    return this.#starts.length - 1;
  }

  /** Adds a name in latin1, so that the bytes of the file come out again as they were. Returns its id. */
  add(name: string, origin: SignatureOrigin): number {
    const bytes = Buffer.from(name, 'latin1');
    return this.addBytes({ bytes, start: 0, end: bytes.length }, origin);
  }

  /**
   * Adds the name in `bytes[start..end)`. Returns its id.
   *
   * @throws RangeError when all names together would pass 4 GiB.
   */
  addBytes(name: { bytes: Uint8Array; start: number; end: number }, origin: SignatureOrigin): number {
    const id = this.count;
    this.#bytes.append(name.bytes, name.start, name.end);
    if (this.#bytes.length > NAME_BYTES_MAX) throw new RangeError('signature names exceed 4 GiB');
    this.#starts.push(this.#bytes.length);
    if (origin !== this.#lastOrigin) {
      this.#originChanges.push(id);
      this.#lastOrigin = origin;
    }
    return id;
  }

  /** The finished table; the builder is spent. */
  finish(): NameTable {
    return {
      bytes: this.#bytes.takeShared(),
      starts: this.#starts.takeShared(),
      originChanges: this.#originChanges.takeShared(),
    };
  }
}

/** Whether the name came out of a signed container. */
export function originOf(table: NameTable, id: number): SignatureOrigin {
  let low = 0;
  let high = table.originChanges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((table.originChanges[middle] ?? 0) <= id) low = middle + 1;
    else high = middle;
  }
  return low % 2 === 0 ? 'official' : 'unofficial';
}

/** A name as it is reported. What is not UTF-8 in its bytes becomes U+FFFD. */
export function nameOf(table: NameTable, id: number): string {
  // Copied, because a Buffer over shared memory may change while it is decoded.
  const bytes = table.bytes.slice(table.starts[id], table.starts[id + 1]);
  const name = Buffer.from(bytes.buffer).toString('utf8');
  return originOf(table, id) === 'unofficial' ? name + UNOFFICIAL_SUFFIX : name;
}
