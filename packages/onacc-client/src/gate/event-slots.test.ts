import { describe, expect, test } from '@jest/globals';
import { EventSlots } from './event-slots.js';

describe('EventSlots', () => {
  test('hands out as many as there are and takes them back', () => {
    const slots = new EventSlots(EventSlots.memory(2, 2), 1, 2);
    const first = slots.hold(10, 3, 100);
    const second = slots.hold(11, 3, 100);
    expect(new Set([first, second])).toEqual(new Set([2, 3]));
    expect(slots.hold(12, 3, 100)).toBeUndefined();
    slots.release(first!);
    expect(slots.freeSlots).toBe(1);
  });

  test('a parked event is answered by one of two, never by both', () => {
    const memory = EventSlots.memory(2, 4);
    const own = new EventSlots(memory, 0, 4);
    const relief = new EventSlots(memory, 1, 4);
    const kept = own.hold(10, 3, 100)!;
    const lost = own.hold(11, 3, 101)!;
    own.park(kept);
    own.park(lost);
    expect(own.resume(kept)).toBe(true);
    expect([...relief.claimFrom(0, 4)]).toEqual([{ fd: 11, group: 3, pid: 101 }]);
    expect([...relief.claimFrom(0, 4)]).toEqual([]);
    expect(own.resume(lost)).toBe(false);
  });

  test('a claim that was begun before the slot was used again does not get the next event', () => {
    const memory = EventSlots.memory(2, 1);
    const own = new EventSlots(memory, 0, 1);
    const slot = own.hold(10, 3, 100)!;
    own.park(slot);
    const words = new Int32Array(memory);
    const wordBefore = words[0]!;
    expect(own.resume(slot)).toBe(true);
    own.release(slot);
    own.park(own.hold(11, 3, 101)!);
    expect(words[0]).not.toBe(wordBefore);
  });

  test('an event that its gate is working on cannot be claimed', () => {
    const memory = EventSlots.memory(2, 4);
    const own = new EventSlots(memory, 0, 4);
    own.hold(10, 3, 100);
    expect([...new EventSlots(memory, 1, 4).claimFrom(0, 4)]).toEqual([]);
  });
});
