import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BlockQueue, SPOOL_BLOCK_BYTES as BLOCK_BYTES, SpoolBlocks } from './spool-blocks.js';

function drain(queue: BlockQueue, blocks: SpoolBlocks): { bytes: Buffer; count: number } {
  const parts: Buffer[] = [];
  for (let block = queue.shift('any'); block !== undefined; block = queue.shift('any')) {
    parts.push(Buffer.from(block.memory.subarray(0, block.filledBytes)));
    blocks.giveBack(block);
  }
  return { bytes: Buffer.concat(parts), count: parts.length };
}

describe('BlockQueue', () => {
  test('gives back what was appended, in as few blocks as hold it, whatever the sizes', () => {
    const blocks = new SpoolBlocks();
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 300_000 }), { maxLength: 6 }), (sizes) => {
        const queue = new BlockQueue(blocks);
        const pieces = sizes.map((size, n) => Buffer.alloc(size, n + 1));
        for (const piece of pieces) queue.append(piece);
        const whole = Buffer.concat(pieces);
        const { bytes, count } = drain(queue, blocks);
        expect(bytes.equals(whole)).toBe(true);
        expect(count).toBe(Math.ceil(whole.length / BLOCK_BYTES));
      }),
      { numRuns: 30 },
    );
  });

  test('hands a block out once it is full, and the rest when asked for any', () => {
    const queue = new BlockQueue(new SpoolBlocks());
    expect(queue.shift('full')).toBeUndefined();
    queue.append(Buffer.alloc(BLOCK_BYTES - 1));
    expect(queue.shift('full')).toBeUndefined();
    queue.append(Buffer.alloc(2));
    expect(queue.shift('full')!.filledBytes).toBe(BLOCK_BYTES);
    expect(queue.shift('full')).toBeUndefined();
    expect(queue.shift('any')!.filledBytes).toBe(1);
  });

  test('does not touch a block that was taken out', () => {
    const queue = new BlockQueue(new SpoolBlocks());
    queue.append(Buffer.from('first'));
    const first = queue.shift('any')!;
    queue.append(Buffer.from('second'));
    expect(first.memory.toString('latin1', 0, first.filledBytes)).toBe('first');
    expect(queue.shift('any')!.memory.toString('latin1', 0, 6)).toBe('second');
    expect(queue.shift('any')).toBeUndefined();
  });
});

describe('SpoolBlocks', () => {
  test('uses again what came back, of a queue that is given up too', () => {
    const blocks = new SpoolBlocks();
    const queue = new BlockQueue(blocks);
    queue.append(Buffer.alloc(BLOCK_BYTES + 1));
    queue.clear();
    const again = [blocks.take(), blocks.take()];
    expect(again.map(({ filledBytes }) => filledBytes)).toEqual([0, 0]);
    const memories = new Set(again.map(({ memory }) => memory));
    for (const block of again) blocks.giveBack(block);
    expect(memories.has(blocks.take().memory)).toBe(true);
    expect(memories.has(blocks.take().memory)).toBe(true);
    expect(memories.has(blocks.take().memory)).toBe(false);
  });

  test('keeps 32 blocks and no more', () => {
    const blocks = new SpoolBlocks();
    const taken = Array.from({ length: 40 }, () => blocks.take());
    const memories = new Set(taken.map(({ memory }) => memory));
    expect(memories.size).toBe(40);
    for (const block of taken) blocks.giveBack(block);
    const again = Array.from({ length: 40 }, () => blocks.take().memory);
    expect(again.filter((memory) => memories.has(memory))).toHaveLength(32);
  });
});
