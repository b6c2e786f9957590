import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { adjustQueueLimit, ScanQueue } from './scan-queue.js';

function drain(queue: ScanQueue<string>): string[] {
  const taken: string[] = [];
  for (let item = queue.take(); item !== undefined; item = queue.take()) taken.push(item);
  return taken;
}

describe('ScanQueue', () => {
  test('takes four single jobs for each bulk job', () => {
    const queue = new ScanQueue<string>(100);
    for (let n = 1; n <= 3; n += 1) queue.push(`b${n}`, 'bulk');
    for (let n = 1; n <= 9; n += 1) queue.push(`s${n}`, 'single');
    expect(drain(queue).join(' ')).toBe('s1 s2 s3 s4 b1 s5 s6 s7 s8 b2 s9 b3');
  });

  test('takes no more than its limit, of both kinds together', () => {
    const queue = new ScanQueue<string>(2);
    expect([queue.push('a', 'bulk'), queue.push('b', 'single'), queue.push('c', 'single')]).toEqual([
      true,
      true,
      false,
    ]);
    queue.take();
    expect([queue.push('d', 'bulk'), queue.push('e', 'bulk')]).toEqual([true, false]);
  });

  test('removes a job from the middle', () => {
    const queue = new ScanQueue<string>(10);
    for (const item of ['a', 'b', 'c']) queue.push(item, 'single');
    expect([queue.remove('b'), queue.remove('b')]).toEqual([true, false]);
    expect(drain(queue)).toEqual(['a', 'c']);
  });

  test('peek names what take will give', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 60 }), (bulk) => {
        const queue = new ScanQueue<string>(1000);
        bulk.forEach((isBulk, n) => queue.push(`${n}`, isBulk ? 'bulk' : 'single'));
        for (let left = bulk.length; left >= 0; left -= 1) expect(queue.peek()).toBe(queue.take());
        expect(queue.length).toBe(0);
      }),
    );
  });
});

describe('adjustQueueLimit', () => {
  const facts = { maxThreads: 10, maxRecursion: 17, openFilesMax: 1024 };

  test.each([
    [5, 20, 'MaxQueue is lower than twice MaxThreads, increasing to: 20'],
    [19, 20, 'MaxQueue is lower than twice MaxThreads, increasing to: 20'],
    [20, 20, undefined],
    [100, 100, undefined],
    [858, 858, undefined],
    [859, 858, 'MaxQueue value too high, lowering to: 858'],
  ])('MaxQueue %i becomes %i as in clamd', (maxQueue, limit, warning) => {
    expect(adjustQueueLimit({ ...facts, maxQueue })).toEqual(
      warning === undefined ? { limit } : { limit, warning },
    );
  });
});
