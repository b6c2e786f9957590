import type { Buffer } from 'node:buffer';

const LENGTH_BYTES = 4;

/** What an INSTREAM upload is made of. Views of what was pushed, never copies. */
export type InstreamEvent =
  /** Part of a chunk, as it arrived; never empty. */
  | { readonly kind: 'chunk'; readonly bytes: Buffer }
  /** The end chunk; `rest` is what followed it: the next command in a session, otherwise to be ignored. */
  | { readonly kind: 'end'; readonly rest: Buffer }
  /** The chunk announced is larger than what is left of the limit. Not one byte of it is passed on. */
  | { readonly kind: 'sizeLimit'; readonly requestedBytes: number; readonly remainingBytes: number };

/**
 * Takes the chunk framing of one INSTREAM upload apart (behaviour 1.8). Each length is charged against the limit when
 * its four bytes are there, before any of the chunk. One decoder an upload: the limit starts anew with each.
 */
export class InstreamDecoder {
  #remainingBytes: number;
  #state: 'length' | 'body' | 'finished' = 'length';
  #lengthBytesRead = 0;
  #length = 0;
  #bodyBytesLeft = 0;

  /** @param streamMaxBytes - StreamMaxLength in bytes, a whole number; 0 means unlimited */
  constructor(streamMaxBytes: number) {
    this.#remainingBytes = streamMaxBytes === 0 ? Number.POSITIVE_INFINITY : streamMaxBytes;
  }

  /**
   * The events in `bytes`, in order. `end` and `sizeLimit` come last and once: after them the decoder is finished
   * and answers `[]`. The chunks are views, so the caller must not write to `bytes` while it uses them.
   */
  push(bytes: Buffer): InstreamEvent[] {
    const events: InstreamEvent[] = [];
    let at = 0;
    while (at < bytes.length && this.#state !== 'finished') {
      if (this.#state === 'body') {
        const bodyEnd = Math.min(bytes.length, at + this.#bodyBytesLeft);
        events.push({ kind: 'chunk', bytes: bytes.subarray(at, bodyEnd) });
        this.#bodyBytesLeft -= bodyEnd - at;
        if (this.#bodyBytesLeft === 0) this.#state = 'length';
        at = bodyEnd;
        continue;
      }
      // Not by shifts, which would make lengths from 2 GiB on negative.
      this.#length = this.#length * 256 + (bytes[at] ?? 0);
      this.#lengthBytesRead += 1;
      at += 1;
      if (this.#lengthBytesRead < LENGTH_BYTES) continue;
      const requestedBytes = this.#length;
      const outcome = this.#chargeLength();
      if (outcome === 'end') events.push({ kind: 'end', rest: bytes.subarray(at) });
      if (outcome === 'sizeLimit') {
        events.push({ kind: 'sizeLimit', requestedBytes, remainingBytes: this.#remainingBytes });
      }
    }
    return events;
  }

  #chargeLength(): 'body' | 'end' | 'sizeLimit' {
    const length = this.#length;
    this.#length = 0;
    this.#lengthBytesRead = 0;
    if (length === 0 || length > this.#remainingBytes) {
      this.#state = 'finished';
      return length === 0 ? 'end' : 'sizeLimit';
    }
    this.#remainingBytes -= length;
    this.#bodyBytesLeft = length;
    this.#state = 'body';
    return 'body';
  }
}
