import { expect, test } from '@jest/globals';
import { DaemonTracker } from './daemon-tracker.js';

test('keeps the moment of the last change, whichever gate repeats the word', () => {
  let nowMs = 1_000;
  const tracker = new DaemonTracker('unix:/s', () => nowMs);
  expect(tracker.status()).toEqual({
    endpoint: 'unix:/s',
    state: 'unknown',
    since: '1970-01-01T00:00:01.000Z',
  });
  nowMs = 2_000;
  tracker.hear({ kind: 'daemonUp', pid: 7 });
  nowMs = 3_000;
  tracker.hear({ kind: 'daemonUp', pid: 7 });
  tracker.hear({ kind: 'takeover' });
  expect(tracker.status()).toMatchObject({ state: 'up', pid: 7, since: '1970-01-01T00:00:02.000Z' });
  nowMs = 4_000;
  tracker.hear({ kind: 'daemonDown', reason: 'gone\n' });
  expect(tracker.status()).toEqual({
    endpoint: 'unix:/s',
    state: 'down',
    reason: 'gone\\n',
    since: '1970-01-01T00:00:04.000Z',
  });
});

test('has no pid where the socket does not tell one', () => {
  const tracker = new DaemonTracker('tcp:127.0.0.1:3310', () => 0);
  tracker.hear({ kind: 'daemonUp', pid: 0 });
  expect(tracker.status()).not.toHaveProperty('pid');
});
