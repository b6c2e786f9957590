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

  const sample = { md5: '9285cca3b2a1488ed27abd1f1fd41608', sizeBytes: 12 };

  test('adds digest and size where ExtendedDetectionInfo had them made', () => {
    const { scanned, json, lines } = build();
    scanned('/tmp/a', { kind: 'infected', signatureNames: ['Test.A'], sample }, 0);
    expect(lines).toEqual(['info /tmp/a: Test.A(9285cca3b2a1488ed27abd1f1fd41608:12) FOUND']);
    expect(JSON.parse(json[0] ?? '')).toMatchObject({ signatureNames: ['Test.A'], ...sample });
  });

  test('writes both forms of each match of ALLMATCHSCAN then, as clamd does', () => {
    const { log, json, lines } = build();
    const verdict: ScanVerdict = { kind: 'infected', signatureNames: ['Test.A', 'Test.B'], sample };
    log.scanned({ name: '/tmp/a', verdict, shown: verdict, allMatch: true, durationMs: 0 });
    expect(lines).toEqual([
      'info /tmp/a: Test.A(9285cca3b2a1488ed27abd1f1fd41608:12) FOUND',
      'info /tmp/a: Test.A FOUND',
      'info /tmp/a: Test.B(9285cca3b2a1488ed27abd1f1fd41608:12) FOUND',
      'info /tmp/a: Test.B FOUND',
    ]);
    expect(json).toHaveLength(1);
  });

  test('clamd’s line says what the client was told, the JSON line says the truth', () => {
    const { log, json, lines, counters } = build(true);
    const verdict: ScanVerdict = { kind: 'incomplete', reason: 'fileTooLarge' };
    const alert: ScanVerdict = {
      kind: 'infected',
      signatureNames: ['Heuristics.Limits.Exceeded.MaxFileSize'],
    };
    log.scanned({ name: '/big', verdict, shown: alert, durationMs: 0 });
    log.scanned({ name: '/big', verdict, shown: verdict, durationMs: 0 });
    expect(lines).toEqual([
      'info /big: Heuristics.Limits.Exceeded.MaxFileSize FOUND',
      'info /big: OK',
      'verbose /big: not scanned to the end (fileTooLarge)',
    ]);
    const [alerted, silent] = json.map((line) => JSON.parse(line) as Record<string, unknown>);
    const truth = { event: 'verdict', name: '/big', verdict: 'incomplete', reason: 'fileTooLarge' };
    expect(alerted).toMatchObject({ ...truth, alert: 'Heuristics.Limits.Exceeded.MaxFileSize' });
    expect(silent).toMatchObject(truth);
    expect(silent).not.toHaveProperty('alert');
    expect(counters).toMatchObject({ incomplete: 2, infected: 0 });
  });

  test('a scan out of time reads as an error, a cancelled one as nothing', () => {
    const { scanned, lines } = build(true);
    scanned('/a', { kind: 'incomplete', reason: 'timeLimit' }, 0);
    scanned('/b', { kind: 'incomplete', reason: 'cancelled' }, 0);
    expect(lines).toEqual(['info /a: Exceeded time limit ERROR']);
  });

  test('words what was not scanned as clamd does', () => {
    const { log, scanned, json, lines } = build();
    const path = Buffer.from('/p\n');
    log.notScanned({ kind: 'checkFailed', path, strerror: 'No such file or directory' });
    log.notScanned({ kind: 'notSupported', path });
    log.notScanned({ kind: 'accessDenied', path });
    log.notScanned({ kind: 'excluded', path });
    log.notScanned({ kind: 'otherFilesystem', path });
    scanned('/p', { kind: 'failed', message: 'Access denied.' }, 0);
    log.streamTooLong('local', { requestedBytes: 4096, maxBytes: 1024 });
    expect(lines).toEqual([
      'warning File path check failure on: /p\\n',
      'verbose Not supported file type: /p\\n',
      'verbose Access denied: /p\\n',
      'verbose Access denied: /p',
      'warning INSTREAM: Size limit reached, (requested: 4096, max: 1024)',
    ]);
    expect(json.map((line) => (JSON.parse(line) as Record<string, unknown>)['event'])).toEqual([
      'verdict',
      'streamTooLong',
    ]);
  });

  test('writes a long path whole', () => {
    const { scanned, lines } = build(true);
    const path = `/${'n'.repeat(4000)}`;
    scanned(path, { kind: 'clean' }, 0);
    expect(lines).toEqual([`info ${path}: OK`]);
  });

  test('counts what clients break and whom they leave waiting', () => {
    const { log, counters } = build();
    log.violation('local', 'x');
    log.clientClosed('local', 'ended', 0);
    log.clientClosed('local', 'gone', 3);
    expect(counters).toMatchObject({ protocolViolations: 1, clientsGone: 1, repliesDropped: 3 });
  });
});
