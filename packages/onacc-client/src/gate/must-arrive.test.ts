import { expect, test } from '@jest/globals';
import type { Detection, GateEvent } from './messages.js';
import { mustArrive } from './must-arrive.js';

function detection(fd?: number): GateEvent {
  const judged = fd === undefined ? {} : { judged: { fd, file: {} } };
  return { kind: 'detection', detection: { path: '/f', ...judged } as Detection }; // the rest is not looked at
}

test('a detection must arrive that brings a descriptor to be closed, others may be dropped', () => {
  expect([detection(5), detection(0), detection(-1), detection()].map(mustArrive)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test('what is acted on must arrive, what is only logged need not', () => {
  expect([{ kind: 'stopped' } as const, { kind: 'queueOverflow' } as const].map(mustArrive)).toEqual([
    true,
    true,
  ]);
  expect(mustArrive({ kind: 'trouble', message: '' })).toBe(false);
});
