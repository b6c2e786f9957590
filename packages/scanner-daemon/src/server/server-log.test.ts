import { describe, expect, test } from '@jest/globals';
import { createLogger, type ScanVerdict, type WireText } from '@portcullis/shared';
import { createDaemonStats } from '../stats/daemon-stats.js';
import { createServerLog } from './server-log.js';

function build(cleanFiles = false) {
  const json: string[] = [];
  const lines: string[] = [];
  const { counters } = createDaemonStats({ idleTimeoutSeconds: 30, now: () => 0 });
  const log = createServerLog({
    logger: createLogger({
      name: 'test',
      level: 'info',
      stdoutIsTty: false,
      destination: { write: (line) => void json.push(line) },
    }),
    clamdLog: {
      cleanFiles,
      write: (severity, text) => void lines.push(`${severity} ${text}`),
      reopen: () => undefined,
      close: () => undefined,
    },
    counters,
  });
  const scanned = (name: WireText, verdict: ScanVerdict, durationMs: number): void => {
    log.scanned({ name, verdict, shown: verdict, durationMs });
  };
  return { log, scanned, json, lines, counters };
}

describe('createServerLog', () => {
  test('writes one JSON line a detection, and clamd’s line for each signature', () => {
    const { scanned, json, lines, counters } = build();
    scanned('/tmp/x', { kind: 'infected', signatureNames: ['A', 'B'] }, 1.23456);
    expect(json.map((line): unknown => JSON.parse(line))).toEqual([
      expect.objectContaining({
        event: 'verdict',
        name: '/tmp/x',
        signatureNames: ['A', 'B'],
        durationMs: 1.235,
      }),
    ]);
    expect(lines).toEqual(['info /tmp/x: A FOUND', 'info /tmp/x: B FOUND']);
    expect(counters.infected).toBe(1);
  });

  test('makes names from strangers harmless', () => {
    const { scanned, lines } = build();
    scanned(Buffer.from('/tmp/x\n/etc/passwd: OK'), { kind: 'failed', message: 'bad\u001b[2J' }, 0);
    expect(lines).toEqual(['info /tmp/x\\n/etc/passwd: OK: bad\\x1b[2J ERROR']);
  });

  test('tells of clean files only when asked to', () => {
    const quiet = build();
    quiet.scanned('/tmp/x', { kind: 'clean' }, 0);
    expect([quiet.json, quiet.lines]).toEqual([[], []]);
    expect(quiet.counters.clean).toBe(1);
    const loud = build(true);
    loud.scanned('/tmp/x', { kind: 'clean' }, 0);
    expect(loud.lines).toEqual(['info /tmp/x: OK']);
  });

  test('counts what clients break and whom they leave waiting', () => {
    const { log, counters } = build();
    log.violation('local', 'x');
    log.clientClosed('local', 'ended', 0);
    log.clientClosed('local', 'gone', 3);
    expect(counters).toMatchObject({ protocolViolations: 1, clientsGone: 1, repliesDropped: 3 });
  });
});
