import { describe, expect, test } from '@jest/globals';
import { JobGate } from './job-gate.js';

function waiter(name: string, log: string[]) {
  return { onSlot: () => void log.push(name) };
}

const microtasks = () => Promise.resolve();

describe('JobGate', () => {
  test('gives slots up to its bound, then to waiters in order', async () => {
    const gate = new JobGate(2);
    const log: string[] = [];
    const [a, b, c] = ['a', 'b', 'c'].map((name) => waiter(name, log));
    expect([a, b, c].map((each) => gate.acquire(each!))).toEqual([true, true, false]);
    expect(gate.acquire(a!)).toBe(false);
    gate.release();
    expect(log).toEqual([]);
    await microtasks();
    expect(log).toEqual(['c']);
    gate.release();
    await microtasks();
    expect(log).toEqual(['c', 'a']);
    expect([gate.pending, gate.waiting]).toEqual([2, 0]);
  });

  test('a newcomer does not overtake those who wait', () => {
    const gate = new JobGate(1);
    const log: string[] = [];
    gate.acquire(waiter('a', log));
    gate.acquire(waiter('b', log));
    gate.release();
    expect(gate.acquire(waiter('c', log))).toBe(false);
  });

  test('forgets a waiter that is gone', async () => {
    const gate = new JobGate(1);
    const log: string[] = [];
    const gone = waiter('gone', log);
    gate.acquire(waiter('a', log));
    gate.acquire(gone);
    gate.forget(gone);
    gate.release();
    await microtasks();
    expect(log).toEqual([]);
    expect(gate.pending).toBe(0);
  });

  test('survives waiters that release and ask again at once', async () => {
    const gate = new JobGate(1);
    let served = 0;
    const greedy = {
      onSlot() {
        served += 1;
        if (served < 1000) gate.acquire(greedy);
        gate.release();
      },
    };
    gate.acquire({ onSlot: () => undefined });
    gate.acquire(greedy);
    gate.release();
    await microtasks();
    expect(served).toBe(1000);
    expect(gate.pending).toBe(0);
  });

  test('takes a bound below one as one, or nothing would ever be scanned', () => {
    expect(new JobGate(0).acquire(waiter('a', []))).toBe(true);
  });
});
