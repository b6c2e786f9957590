import { Buffer } from 'node:buffer';

const EMPTY = Buffer.alloc(0);

/**
 * The unread bytes of a connection. Bytes that arrive while nothing is unread are looked at where they lie;
 * only an unfinished tail is copied, into storage of `boundBytes` that is allocated once.
 *
 * `bytes[start]` up to, and without, `bytes[end]` is unread. What lies behind `end` is meaningless.
 */
export class ByteWindow {
  bytes: Buffer = EMPTY;
  start = 0;
  end = 0;
  readonly #boundBytes: number;
  #storage: Buffer | undefined;
  /** Whether `bytes` is memory of whoever appended it. */
  #isLent = false;

  /** @param boundBytes - the longest tail that {@link settle} is asked to keep */
  constructor(boundBytes: number) {
    this.#boundBytes = boundBytes;
  }

  /** Number of unread bytes. */
  get length(): number {
    return this.end - this.start;
  }

  /** Adds `bytes` behind the unread ones; they must stay as they are until read, settled or held. */
  append(bytes: Buffer): void {
    if (this.length === 0) {
      this.#look(bytes);
      this.#isLent = true;
    } else if (this.length + bytes.length <= this.#boundBytes) {
      this.settle();
      this.end += bytes.copy(this.bytes, this.end);
    } else {
      this.#look(Buffer.concat([this.bytes.subarray(this.start, this.end), bytes]));
    }
  }

  /** Moves the unread tail into own storage, so that nobody else's memory is held. */
  settle(): void {
    const length = this.length;
    if (length === 0) {
      this.clear();
      return;
    }
    if (length > this.#boundBytes) throw new Error('settling more bytes than the bound');
    if (this.bytes === this.#storage && this.start === 0) return;
    // Not from the shared pool: a slab of it would be held for as long as the connection lives.
    this.#storage ??= Buffer.allocUnsafeSlow(this.#boundBytes);
    this.bytes.copy(this.#storage, 0, this.start, this.end);
    this.#look(this.#storage);
    this.end = length;
  }

  /** Lets go of memory that was lent: copies what is unread, as {@link settle}, but however much there is. */
  hold(): void {
    if (!this.#isLent) return;
    if (this.length <= this.#boundBytes) this.settle();
    else this.#look(Buffer.from(this.bytes.subarray(this.start, this.end)));
  }

  /** Forgets everything unread. */
  clear(): void {
    this.#look(EMPTY);
  }

  #look(bytes: Buffer): void {
    this.bytes = bytes;
    this.start = 0;
    this.end = bytes.length;
    this.#isLent = false;
  }
}

/** Where `value` first lies in `bytes` from `from` up to, and without, `to`; `-1` when nowhere. */
export function indexOfByte(bytes: Buffer, value: number, from: number, to: number): number {
  // A loop, since Buffer.indexOf knows no end and most commands and replies are shorter than the call costs.
  for (let at = from; at < to; at += 1) {
    if (bytes[at] === value) return at;
  }
  return -1;
}
