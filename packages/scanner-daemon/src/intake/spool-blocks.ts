/** Size of a block. */
export const SPOOL_BLOCK_BYTES = 256 * 1024;
/** Blocks that wait for the next upload: 8 MiB, what sixteen uploads have under way. What comes back beyond is freed. */
const FREE_BLOCKS_MAX = 32;

/** A block with some bytes in it. */
export interface FilledBlock {
  readonly memory: Buffer;
  filledBytes: number;
}

/** Memory on its way to disk, in blocks of one size that are used again and again. Shared by all spools of a daemon. */
export class SpoolBlocks {
  readonly #free: Buffer[] = [];

  /** An empty block. Its memory holds whatever was in it before. */
  take(): FilledBlock {
    return { memory: this.#free.pop() ?? Buffer.allocUnsafeSlow(SPOOL_BLOCK_BYTES), filledBytes: 0 };
  }

  /** Takes a block back that nobody reads any more. */
  giveBack({ memory }: FilledBlock): void {
    if (this.#free.length < FREE_BLOCKS_MAX) this.#free.push(memory);
  }
}

/** What one spool has accepted and not yet begun to write. */
export class BlockQueue {
  readonly #blocks: SpoolBlocks;
  #queue: FilledBlock[] = [];

  constructor(blocks: SpoolBlocks) {
    this.#blocks = blocks;
  }

  /** Copies `bytes` behind what is there. */
  append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength;) {
      const block = this.#unfilled();
      const copiedBytes = Math.min(bytes.byteLength - at, block.memory.byteLength - block.filledBytes);
      block.memory.set(bytes.subarray(at, at + copiedBytes), block.filledBytes);
      block.filledBytes += copiedBytes;
      at += copiedBytes;
    }
  }

  /** The oldest block, or undefined when there is none of the kind. The caller gives it back to the blocks. */
  shift(kind: 'full' | 'any'): FilledBlock | undefined {
    const [oldest] = this.#queue;
    const takesMore = oldest !== undefined && oldest.filledBytes < oldest.memory.byteLength;
    return kind === 'full' && takesMore ? undefined : this.#queue.shift();
  }

  clear(): void {
    for (const block of this.#queue) this.#blocks.giveBack(block);
    this.#queue = [];
  }

  #unfilled(): FilledBlock {
    const last = this.#queue.at(-1);
    if (last !== undefined && last.filledBytes < last.memory.byteLength) return last;
    const fresh = this.#blocks.take();
    this.#queue.push(fresh);
    return fresh;
  }
}
