import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { StatsSnapshot, StatsTask } from '../stats/daemon-stats.js';
import { formatStats } from '../stats/stats-text.js';
import { parseStats } from './parse-stats.js';

/** Captured from clamd 1.4.6, MaxThreads 2 (behaviour 1.12). */
const BUSY = [
  'POOLS: 1',
  '',
  'STATE: VALID PRIMARY',
  'THREADS: live 2  idle 0 max 2 idle-timeout 30',
  'QUEUE: 1 items min_wait: 5.191946 max_wait: 5.191946 avg_wait: 5.191946',
  '\tSTATS 0.000003 ',
  '\tSCAN 0.202816 /srv/big1',
  '',
  'MEMSTATS: heap N/A mmap N/A used N/A free N/A releasable N/A pools 1 pools_used 5.884M pools_total 5.964M',
  'END',
];

function withLine(at: number, line: string): string {
  return BUSY.map((old, index) => (index === at ? line : old)).join('\n');
}

describe('parseStats', () => {
  test("reads clamd's reply", () => {
    expect(parseStats(BUSY.join('\n'))).toEqual({
      kind: 'stats',
      status: {
        state: 'VALID',
        threads: { live: 2, idle: 0, max: 2, idleTimeoutSeconds: 30 },
        queuedItems: 1,
        waits: [{ minSeconds: 5.191946, maxSeconds: 5.191946, avgSeconds: 5.191946 }],
        tasks: [
          { task: 'STATS', seconds: 0.000003, name: '' },
          { task: 'SCAN', seconds: 0.202816, name: '/srv/big1' },
        ],
        databaseUsedBytes: 6_169_821,
        databaseTotalBytes: 6_253_707,
      },
    });
  });

  test.each([
    ['no memory statistics', 8, 'ERROR: error encountered while formatting statistics'],
    [
      'memory statistics of a libc that has them',
      8,
      'MEMSTATS: heap 3.641M mmap 0.129M used 3.221M free 0.422M releasable 0.127M pools 1 pools_used 565.979M pools_total 565.999M',
    ],
    [
      'an oddity of the queue',
      4,
      'QUEUE: 2 items min_wait: 0.000000 max_wait: 1.000000 avg_wait: 0.500000 (INVALID timestamps: 1) (ERROR: 1 != 2)',
    ],
    ['a task without a name for its kind', 5, '\tN/A 0.000000 '],
    ['a name with spaces and separators', 6, '\tSCAN 1.000000 /srv/a b\u2028\r c'],
    ['a daemon that goes down', 2, 'STATE: EXIT PRIMARY'],
  ])('reads %s', (_, at, line) => {
    expect(parseStats(withLine(at, line))).toMatchObject({ kind: 'stats' });
  });

  test.each([
    ['no pools', 0, 'POOLS: 0', 1],
    ['more pools than there are', 0, 'POOLS: 2', 9],
    ['a billion pools', 0, 'POOLS: 9999999999', 1],
    ['a state that is none', 2, 'STATE: FINE PRIMARY', 3],
    ['one space too few', 3, 'THREADS: live 2 idle 0 max 2 idle-timeout 30', 4],
    ['a negative count', 3, 'THREADS: live -2  idle 0 max 2 idle-timeout 30', 4],
    ['a number that is too long', 4, 'QUEUE: 99999999999 items', 5],
    [
      'three wait blocks',
      4,
      `QUEUE: 3 items${' min_wait: 0.000000 max_wait: 0.000000 avg_wait: 0.000000'.repeat(3)}`,
      5,
    ],
    ['a task without its tab', 6, 'SCAN 0.202816 /srv/big1', 7],
    ['a line end in a name', 6, '\tSCAN 0.202816 /srv/big\n1', 8],
    ['something behind the end', 9, 'END\n', 11],
    ['no end', 9, '', 10],
  ])('%s is malformed', (_, at, text, line) => {
    expect(parseStats(withLine(at, text))).toEqual({ kind: 'malformed', line });
  });

  test('what is cut anywhere is malformed', () => {
    const whole = BUSY.join('\n');
    for (let length = 0; length < whole.length; length += 1) {
      expect(parseStats(whole.slice(0, length)).kind).toBe('malformed');
    }
  });

  test('reads back whatever our own STATS prints', () => {
    fc.assert(
      fc.property(snapshots(), (snapshot) => {
        const reading = parseStats(formatStats(snapshot));
        expect(reading).toMatchObject({
          kind: 'stats',
          status: {
            state: snapshot.state,
            queuedItems: snapshot.queuedItems,
            threads: { ...snapshot.threads, idleTimeoutSeconds: snapshot.idleTimeoutSeconds },
          },
        });
        if (reading.kind === 'stats') {
          expect(reading.status.tasks).toHaveLength(snapshot.tasks.length);
          expect(reading.status.waits).toHaveLength(snapshot.queueWaits.length);
        }
      }),
    );
  });

  test('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(BUSY.length - 1), (text, at) => {
        parseStats(text);
        parseStats(withLine(at, text));
      }),
    );
  });

  test('a mebibyte of almost-right lines takes no time worth speaking of', () => {
    const startedAtMs = performance.now();
    parseStats(withLine(4, `QUEUE: 1 items${' min_wait: 0.000000'.repeat(50_000)}`));
    parseStats(withLine(6, '\tSCAN 0.202816 x\n'.repeat(60_000)));
    parseStats('\n'.repeat(1_000_000));
    expect(performance.now() - startedAtMs).toBeLessThan(3000);
  });
});

function snapshots(): fc.Arbitrary<StatsSnapshot> {
  const count = fc.nat(100_000);
  const seconds = fc.double({ min: 0, max: 1e6, noNaN: true });
  const task: fc.Arbitrary<StatsTask> = fc.constantFrom(
    'SCAN',
    'INSTREAM',
    'FILDES',
    'STATS',
    'MULTISCANFILE',
  );
  return fc.record({
    state: fc.constantFrom('VALID', 'INVALID', 'EXIT'),
    threads: fc.record({ live: count, idle: count, max: count }),
    idleTimeoutSeconds: count,
    queuedItems: count,
    queueWaits: fc.array(
      fc.record({ items: count, minSeconds: seconds, maxSeconds: seconds, avgSeconds: seconds }),
      { maxLength: 2 },
    ),
    tasks: fc.array(
      fc.record({
        task,
        label: fc.string({ unit: 'binary' }),
        startedAtMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
      }),
      { maxLength: 20 },
    ),
    databasePools: fc.constant(1),
    databaseUsedBytes: count,
    databaseTotalBytes: count,
    takenAtMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
  });
}
