import { expect, test } from '@jest/globals';
import { emptyFileStatus } from '@portcullis/shared/native';
import { Deadlines } from './deadlines.js';
import { EventSlots } from './event-slots.js';
import { keyOf } from './file-key.js';
import { Flight, HeldEvent } from './flights.js';

function held(deadlineAtMs: number): HeldEvent {
  const file = { key: keyOf(emptyFileStatus()), isQuiet: true, keepable: true, mount: 0 };
  const slots = new EventSlots(EventSlots.memory(1, 1), 0, 1);
  const flight = new Flight(file, { generation: 1, slots, retriesLeft: 0 });
  const event = new HeldEvent({ fd: 3, group: 4, pid: 5, kind: 'permission' }, 0, flight, 0);
  event.deadlineAtMs = deadlineAtMs;
  return event;
}

test('one that was taken over, and is older than those that are here, expires before them', () => {
  const deadlines = new Deadlines();
  const [late, later, early] = [held(200), held(300), held(100)];
  for (const event of [late, later, early]) deadlines.add(event);
  expect(deadlines.nextExpired(99)).toBeUndefined();
  expect(deadlines.nextExpired(250)).toBe(early);
  expect(deadlines.nextExpired(250)).toBe(late);
  expect(deadlines.nextExpired(250)).toBeUndefined();
  expect(deadlines.takeAll()).toEqual([later]);
});
