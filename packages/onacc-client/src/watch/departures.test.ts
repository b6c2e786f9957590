import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Departures } from './departures.js';

const GRACE_MS = 20;

describe('Departures', () => {
  const givenUp: string[] = [];
  let departures = new Departures<string>(GRACE_MS, (items) => givenUp.push(...items));

  afterEach(() => {
    departures.close();
    departures = new Departures<string>(GRACE_MS, (items) => givenUp.push(...items));
    givenUp.length = 0;
  });

  test('gives up each item once, in order, after the grace', async () => {
    departures.add('a');
    departures.add('b');
    expect(givenUp).toEqual([]);
    await delay(GRACE_MS * 5);
    expect(givenUp).toEqual(['a', 'b']);
  });

  test('what is taken back is not given up, and what leaves again has a new grace', async () => {
    departures.add('a');
    departures.add('b');
    departures.takeBack('a');
    departures.add('b');
    await delay(GRACE_MS * 5);
    expect(givenUp).toEqual(['b']);
    departures.add('a');
    await delay(GRACE_MS * 5);
    expect(givenUp).toEqual(['b', 'a']);
  });

  test('gives up nothing once it is closed', async () => {
    departures.add('a');
    departures.close();
    await delay(GRACE_MS * 5);
    expect(givenUp).toEqual([]);
  });
});
