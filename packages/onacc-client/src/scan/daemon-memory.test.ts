import { describe, expect, test } from '@jest/globals';
import { DaemonMemory } from './daemon-memory.js';
import type { SessionEnd } from './daemon-memory.js';

interface Case {
  readonly pids: readonly [number, number];
  readonly version: string | undefined;
  readonly end: SessionEnd;
  readonly forgets: boolean;
}

describe('DaemonMemory', () => {
  test.each<Case>([
    { pids: [7, 7], version: '1', end: 'broken', forgets: false },
    { pids: [7, 7], version: '1', end: 'renewed', forgets: false },
    { pids: [7, 8], version: '1', end: 'broken', forgets: true },
    { pids: [7, 8], version: '1', end: 'renewed', forgets: true },
    { pids: [7, 0], version: '1', end: 'renewed', forgets: true },
    { pids: [0, 0], version: '1', end: 'renewed', forgets: false },
    { pids: [0, 0], version: '1', end: 'broken', forgets: true },
    { pids: [7, 7], version: undefined, end: 'renewed', forgets: false },
    { pids: [7, 7], version: undefined, end: 'broken', forgets: true },
    { pids: [0, 0], version: undefined, end: 'renewed', forgets: true },
  ])('processes $pids, version $version, $end: forgets = $forgets', ({ pids, version, end, forgets }) => {
    const memory = new DaemonMemory();
    expect(memory.connected(pids[0], 'broken')).toBe(false);
    if (version !== undefined) expect(memory.told(version)).toBe(false);
    expect(memory.connected(pids[1], end)).toBe(forgets);
    expect(memory.told('1')).toBe(false);
    expect(memory.told('2')).toBe(true);
  });

  test('after calls in vain nothing holds, and that is told once', () => {
    const memory = new DaemonMemory();
    memory.missed();
    expect(memory.connected(7, 'broken')).toBe(false);
    expect(memory.told('1')).toBe(false);
    memory.missed();
    expect(memory.connected(7, 'broken')).toBe(true);
    expect(memory.told('2')).toBe(false);
    expect(memory.connected(7, 'broken')).toBe(false);
  });
});
