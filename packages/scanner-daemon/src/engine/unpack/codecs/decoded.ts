/** What a decoder made of one compressed stream. */
export interface Decoded {
  /** Everything that came out, also before damage. */
  readonly bytes: Uint8Array;
  /** Bytes of the input up to the end of the stream; of a stream without an end, all of them. */
  readonly consumedBytes: number;
  /**
   * `overLimit`: there is more than was asked for; `stopped`: `mayContinue` said no; `outOfMemory`: the decoder needs
   * more memory than it gets, or broke down.
   */
  readonly ending: 'complete' | 'damaged' | 'overLimit' | 'outOfMemory' | 'stopped';
}

/** The bounds of one decoding. */
export interface DecodeLimits {
  /** The most that may come out. */
  readonly limitBytes: number;
  /** Asked at least once per MiB of output. */
  readonly mayContinue: () => boolean;
  /** What the container says of the output, for methods that need it; it may lie. */
  readonly expected?: { readonly sizeBytes: number; readonly crc32: number };
}

/** Decodes one stream at the start of `bytes`. Never throws for what they say. */
export type Decode = (bytes: Uint8Array, limits: DecodeLimits) => Decoded;
