import { describe, expect, test } from '@jest/globals';
import { ReadQueue } from './read-queue.js';

/** A read that ends when the test says so. */
function heldReads() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const queue = new ReadQueue<string>((item) => {
    begun.push(item);
    return new Promise((resolve) => ends.set(item, resolve));
  }, 2);
  return { begun, queue, end: (item: string) => ends.get(item)?.() };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('ReadQueue', () => {
  test('reads at most as many at once as it has lanes, and the newest of the rest first', async () => {
    const { queue, begun, end } = heldReads();
    for (const item of ['a', 'b', 'c', 'd']) queue.push(item);
    expect(begun).toEqual(['a', 'b']);
    end('a');
    await turn();
    expect(begun).toEqual(['a', 'b', 'd']);
  });

  test('is idle only when what was pushed meanwhile is read as well', async () => {
    const { queue, end } = heldReads();
    let idle = false;
    queue.push('a');
    const waiting = queue.whenIdle().then(() => {
      idle = true;
    });
    queue.push('b');
    queue.push('c');
    end('a');
    end('b');
    await turn();
    expect(idle).toBe(false);
    end('c');
    await waiting;
    expect(idle).toBe(true);
    await queue.whenIdle();
  });

  test('clear forgets what has not been begun, and it can be used again', async () => {
    const { queue, begun, end } = heldReads();
    for (const item of ['a', 'b', 'c']) queue.push(item);
    queue.clear();
    end('a');
    end('b');
    await queue.whenIdle();
    queue.push('e');
    expect(begun).toEqual(['a', 'b', 'e']);
    end('e');
    await queue.whenIdle();
  });
});
