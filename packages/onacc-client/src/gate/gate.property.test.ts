import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { failurePolicy } from '../failure-actions.js';
import { GateBench, NOTHING_LEFT } from './testing/gate-bench.js';

const FILES = ['a', 'b', 'c'];

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('open' as const), file: fc.constantFrom(...FILES) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('write' as const), file: fc.constantFrom(...FILES) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 400 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'dropConnections' as const }) },
  { weight: 2, arbitrary: fc.constantFrom({ kind: 'answer' as const }, { kind: 'wait' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('stuck' as const, 'freed' as const),
      gate: fc.constantFrom(0, 1),
    }),
  },
);

/** Each scan takes the next of these, over and over. */
const verdicts = fc.array(
  fc.constantFrom('OK' as const, 'silence' as const, { error: 'busy' }, { found: 'Evil' }),
  { minLength: 1, maxLength: 8 },
);

/** Each process its own: notifications of the same one would be merged. */
function firstPid(): () => number {
  let pid = 2_000;
  return () => (pid += 1);
}

describe('whatever happens', () => {
  test('every open is answered once, no descriptor is lost, and nobody waits past the deadline', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 30 }),
        verdicts,
        fc.integer({ min: 0, max: 3 }),
        fc.boolean(),
        async (steps, script, retryAttempts, extraScanning) => {
          let scans = 0;
          const bench = new GateBench({
            slots: 6,
            judge: () => script[scans++ % script.length] ?? 'OK',
          });
          const changes = {
            retryAttempts,
            extraScanning,
            deadlineMs: 600,
            failurePolicy: failurePolicy({ denyOnError: true }),
          };
          for (const file of FILES) bench.write(`/guarded/${file}`, 'content');
          for (const gate of [0, 1]) bench.createGate(gate, changes);
          const pid = firstPid();
          const opens: Promise<string>[] = [];
          for (const each of steps) {
            switch (each.kind) {
              case 'open':
                opens.push(bench.native.opener.open(`/guarded/${each.file}`, { pid: pid() }));
                break;
              case 'write':
                opens.push(bench.native.opener.open(`/guarded/${each.file}`, { write: true, pid: pid() }));
                break;
              case 'pass':
                bench.nowMs += each.ms;
                bench.tick();
                break;
              case 'dropConnections':
                bench.daemon.dropConnections();
                break;
              case 'answer':
                bench.daemon.answerHeld('OK');
                break;
              case 'stuck':
                bench.stick(each.gate);
                break;
              case 'freed':
                bench.free(each.gate);
                break;
              case 'wait':
                await new Promise((resolve) => setImmediate(resolve));
            }
          }
          for (const gate of [0, 1]) bench.free(gate);
          await drain(bench);
          expect((await Promise.all(opens)).every((outcome) => ['allowed', 'EPERM'].includes(outcome))).toBe(
            true,
          );
          expect(bench.totals().responseErrors).toBe(0);
          expect(bench.told.filter(({ kind }) => kind === 'trouble')).toEqual([]);
          expect(bench.close()).toEqual(NOTHING_LEFT);
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);
});

/** Lets enough time pass for every deadline. */
async function drain(bench: GateBench): Promise<void> {
  for (let turn = 0; turn < 40 && (turn < 5 || bench.native.unansweredEvents > 0); turn += 1) {
    for (let round = 0; round < 20; round += 1) await new Promise((resolve) => setImmediate(resolve));
    bench.nowMs += 100;
    bench.tick();
  }
  expect(bench.native.unansweredEvents).toBe(0);
}
