import { describe, expect, test } from '@jest/globals';
import { EventSlots } from './event-slots.js';
import type { SlottedEvent } from './event-slots.js';

/** The 32 bits that are kept of it wrap 50 ms later. */
const NOW_MS = 3 * 2 ** 31 - 50;

function event(fd: number, pid: number): SlottedEvent {
  return { fd, group: 3, pid, kind: fd % 2 === 0 ? 'permission' : 'written' };
}

describe('EventSlots', () => {
  test('hands out as many as there are and takes them back', () => {
    const memory = EventSlots.memory(2, 2);
    const slots = new EventSlots(memory, 1, 2);
    const first = slots.hold(event(10, 100), NOW_MS);
    const second = slots.hold(event(11, 100), NOW_MS);
    expect(new Set([first, second])).toEqual(new Set([2, 3]));
    expect(slots.hold(event(12, 100), NOW_MS)).toBeUndefined();
    expect(EventSlots.held(memory)).toBe(2);
    slots.release(first!);
    expect(EventSlots.held(memory)).toBe(1);
    expect(slots.freeSlots).toBe(1);
  });

  test('a parked event is answered by one of two, never by both', () => {
    const memory = EventSlots.memory(2, 4);
    const own = new EventSlots(memory, 0, 4);
    const relief = new EventSlots(memory, 1, 4);
    const kept = own.hold(event(10, 100), NOW_MS)!;
    const lost = own.hold(event(11, 101), NOW_MS)!;
    own.park(kept);
    own.park(lost);
    expect(own.resume(kept)).toBe(true);
    expect([...relief.claimFrom(0, 4, NOW_MS + 70)]).toEqual([{ ...event(11, 101), arrivedAtMs: NOW_MS }]);
    expect([...relief.claimFrom(0, 4, NOW_MS + 70)]).toEqual([]);
    expect(own.resume(lost)).toBe(false);
  });

  test('a claim that was begun before the slot was used again does not get the next event', () => {
    const memory = EventSlots.memory(2, 1);
    const own = new EventSlots(memory, 0, 1);
    const slot = own.hold(event(10, 100), NOW_MS)!;
    own.park(slot);
    const words = new Int32Array(memory);
    const wordBefore = words[0]!;
    expect(own.resume(slot)).toBe(true);
    own.release(slot);
    own.park(own.hold(event(11, 101), NOW_MS)!);
    expect(words[0]).not.toBe(wordBefore);
  });

  test('an event that its gate is working on cannot be claimed', () => {
    const memory = EventSlots.memory(2, 4);
    const own = new EventSlots(memory, 0, 4);
    own.hold(event(10, 100), NOW_MS);
    expect([...new EventSlots(memory, 1, 4).claimFrom(0, 4, NOW_MS + 70)]).toEqual([]);
  });
});
