import { expect, test } from '@jest/globals';
import { ImageTurns } from './image-turns.js';

const never = new AbortController().signal;

test('one after the other: the next one waits for the one before', async () => {
  const turns = new ImageTurns(60_000);
  const endFirst = await turns.take(never);
  const second = turns.take(never);
  setTimeout(() => endFirst?.(), 20);
  expect(await second).toBeDefined();
});

test('nobody waits twice for a use that does not end, and when it has ended all is as before', async () => {
  const turns = new ImageTurns(3000);
  const endFirst = await turns.take(never);
  expect(await turns.take(never)).toBeUndefined();
  const before = performance.now();
  expect(await turns.take(never)).toBeUndefined();
  expect(performance.now() - before).toBeLessThan(2500);
  endFirst?.();
  expect(await turns.take(never)).toBeDefined();
});

test('a wait that nobody needs any more is over', async () => {
  const turns = new ImageTurns(60_000);
  await turns.take(never);
  const given = new AbortController();
  const second = turns.take(given.signal);
  given.abort();
  expect(await second).toBeUndefined();
});
