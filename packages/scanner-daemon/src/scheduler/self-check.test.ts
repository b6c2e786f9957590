import { expect, test } from '@jest/globals';
import { createDatabaseCheck } from './self-check.js';

function build(look: () => Promise<boolean>) {
  const said: string[] = [];
  const state = { isReloading: false, requests: 0, looks: 0 };
  const check = createDatabaseCheck({
    look: () => {
      state.looks += 1;
      return look();
    },
    isReloading: () => state.isReloading,
    requestReload: () => {
      state.requests += 1;
    },
    say: (text) => void said.push(text),
    lookMaxMs: 50,
  });
  return { check, said, state };
}

test('everybody who asks during one look gets its answer', async () => {
  const { check, state } = build(() => Promise.resolve(false));
  expect(await Promise.all([check(), check(), check()])).toEqual(['upToDate', 'upToDate', 'upToDate']);
  expect(state.looks).toBe(1);
  await check();
  expect(state.looks).toBe(2);
});

test('while a reload is under way nobody looks', async () => {
  const { check, state, said } = build(() => Promise.resolve(false));
  state.isReloading = true;
  expect(await check()).toBe('reloading');
  expect([state.looks, state.requests, said]).toEqual([0, 0, []]);
});

test('a look that hangs counts as a change, and only one of them is ever under way', async () => {
  const { check, state, said } = build(() => new Promise(() => undefined));
  expect(await check()).toBe('reloading');
  expect(await check()).toBe('reloading');
  expect([state.looks, state.requests]).toEqual([1, 2]);
  expect(said[0]).toBe('No stats for Database check - forcing reload');
});

test('a look that fails counts as a change too', async () => {
  const { check, state } = build(() => Promise.reject(new Error('EIO')));
  expect(await check()).toBe('reloading');
  expect(state.requests).toBe(1);
});
