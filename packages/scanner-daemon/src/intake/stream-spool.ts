import type { ScanSource } from '../scheduler/scan-job.js';
import type { OpenStreamSpool, StreamSpool } from '../server/scan-side.js';
import { BlockQueue, SPOOL_BLOCK_BYTES, SpoolBlocks } from './spool-blocks.js';
import { openTemporaryFile, writeAll } from './temporary-file.js';
import type { TemporaryFile } from './temporary-file.js';

export interface StreamSpoolOptions {
  /** A stream of at most this size never touches the disk. */
  readonly memoryMaxBytes: number;
  /** TemporaryDirectory. */
  readonly directory: string;
  /** LeaveTemporaryFiles: every stream that came to its end stays in `directory` as `clamav-<32 hex>.tmp`. */
  readonly leaveFiles?: boolean;
  /** The stream could not be kept: disk full, no such directory. */
  readonly onFailure: (cause: unknown) => void;
}

const FIRST_ALLOCATION_BYTES = 4096;
/** Bytes accepted and not yet on disk, past which the sender has to wait: one block is written while the next one fills. */
const UNWRITTEN_BYTES_MAX = 2 * SPOOL_BLOCK_BYTES;

/**
 * Spools in memory up to a bound, then in an unlinked temporary file. How long a stream may be is judged where its
 * lengths are read (StreamMaxLength), before one body byte comes here.
 */
export function createStreamSpools(options: StreamSpoolOptions): OpenStreamSpool {
  const blocks = new SpoolBlocks();
  return (onReady) => new MemoryThenFileSpool({ ...options, blocks }, onReady);
}

type State =
  | { readonly kind: 'memory'; bytes: SharedArrayBuffer }
  /** `file` is missing while it is being made; `busy` while a call is under way. */
  | { readonly kind: 'file'; file: TemporaryFile | undefined; busy: boolean }
  | { readonly kind: 'failed' }
  | { readonly kind: 'gone' };

class MemoryThenFileSpool implements StreamSpool {
  readonly #options: StreamSpoolOptions & { readonly blocks: SpoolBlocks };
  readonly #onReady: () => void;
  #state: State = { kind: 'memory', bytes: new SharedArrayBuffer(FIRST_ALLOCATION_BYTES) };
  #sizeBytes = 0;
  #writtenBytes = 0;
  readonly #unwritten: BlockQueue;
  #writerWaits = false;
  #onSource: ((source: ScanSource | undefined) => void) | undefined;

  constructor(options: StreamSpoolOptions & { readonly blocks: SpoolBlocks }, onReady: () => void) {
    this.#options = options;
    this.#unwritten = new BlockQueue(options.blocks);
    this.#onReady = onReady;
  }

  write(bytes: Uint8Array): 'accepted' | 'wait' | 'failed' {
    switch (this.#state.kind) {
      case 'memory':
        if (this.#sizeBytes + bytes.byteLength <= this.#memoryMaxBytes) {
          this.#append(this.#state, bytes);
          return 'accepted';
        }
        this.#toFile(this.#state.bytes);
        break;
      case 'file':
        break;
      case 'failed':
      case 'gone':
        return 'failed';
    }
    // The transport reuses its memory as soon as this returns.
    this.#unwritten.append(bytes);
    this.#sizeBytes += bytes.byteLength;
    this.#writerWaits = this.#sizeBytes - this.#writtenBytes > UNWRITTEN_BYTES_MAX;
    this.#flush();
    return this.#writerWaits ? 'wait' : 'accepted';
  }

  finish(onSource: (source: ScanSource | undefined) => void): void {
    switch (this.#state.kind) {
      case 'memory': {
        const source: ScanSource = { kind: 'memory', bytes: this.#state.bytes, sizeBytes: this.#sizeBytes };
        this.#state = { kind: 'gone' };
        onSource(source);
        return;
      }
      case 'file':
        this.#onSource = onSource;
        this.#writerWaits = false;
        this.#flush();
        return;
      case 'failed':
      case 'gone':
        onSource(undefined);
    }
  }

  discard(): void {
    // After `finish` the bytes belong to whoever asked for them.
    if (this.#onSource !== undefined) return;
    this.#leave('gone');
  }

  /** A stream that is to be left behind goes to a file whatever its size. */
  get #memoryMaxBytes(): number {
    return this.#options.leaveFiles === true ? 0 : this.#options.memoryMaxBytes;
  }

  #append(state: { bytes: SharedArrayBuffer }, more: Uint8Array): void {
    const needed = this.#sizeBytes + more.byteLength;
    if (needed > state.bytes.byteLength) {
      const grown = new SharedArrayBuffer(
        Math.min(this.#memoryMaxBytes, Math.max(needed, state.bytes.byteLength * 2)),
      );
      new Uint8Array(grown).set(new Uint8Array(state.bytes, 0, this.#sizeBytes));
      state.bytes = grown;
    }
    new Uint8Array(state.bytes).set(more, this.#sizeBytes);
    this.#sizeBytes = needed;
  }

  #toFile(soFar: SharedArrayBuffer): void {
    const state: State = { kind: 'file', file: undefined, busy: true };
    this.#state = state;
    this.#unwritten.append(new Uint8Array(soFar, 0, this.#sizeBytes));
    const { directory, leaveFiles = false } = this.#options;
    openTemporaryFile({ directory, keepName: leaveFiles }, (error, file) => {
      if (this.#state !== state) {
        file?.drop();
        return;
      }
      state.file = file;
      state.busy = false;
      if (file === undefined) this.#fail(error);
      else this.#flush();
    });
  }

  /** Writes the next full block, at the end what there is: each write costs a wake-up of a thread. */
  #flush(): void {
    const state = this.#state;
    if (state.kind !== 'file' || state.busy || state.file === undefined) return;
    const block = this.#unwritten.shift(this.#onSource === undefined ? 'full' : 'any');
    if (block === undefined) {
      this.#settle(state.file);
      return;
    }
    const bytes = block.memory.subarray(0, block.filledBytes);
    state.busy = true;
    const { file } = state;
    writeAll(file.fd.borrow(), bytes, this.#writtenBytes, (error) => {
      this.#options.blocks.giveBack(block);
      state.busy = false;
      if (this.#state !== state) {
        file.drop();
        return;
      }
      if (error !== null) {
        this.#fail(error);
        return;
      }
      this.#writtenBytes += bytes.byteLength;
      this.#flush();
    });
  }

  /** No full block is left, or nothing at all at the end: whoever waits is told. */
  #settle({ fd }: TemporaryFile): void {
    const onSource = this.#onSource;
    if (onSource !== undefined) {
      this.#onSource = undefined;
      this.#state = { kind: 'gone' };
      onSource({ kind: 'fd', fd, sizeBytes: this.#sizeBytes });
      return;
    }
    if (!this.#writerWaits) return;
    this.#writerWaits = false;
    this.#onReady();
  }

  #fail(cause: unknown): void {
    const onSource = this.#onSource;
    const writerWaited = this.#writerWaits;
    this.#leave('failed');
    this.#options.onFailure(cause);
    if (onSource !== undefined) onSource(undefined);
    else if (writerWaited) this.#onReady();
  }

  /** Lets go of everything; a call that is under way closes the file when it returns. */
  #leave(kind: 'failed' | 'gone'): void {
    const state = this.#state;
    this.#unwritten.clear();
    this.#writerWaits = false;
    this.#onSource = undefined;
    this.#state = { kind };
    if (state.kind === 'file' && !state.busy) state.file?.drop();
  }
}
