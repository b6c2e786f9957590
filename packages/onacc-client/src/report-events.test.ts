import { describe, expect, test } from '@jest/globals';
import { createLogger } from '@portcullis/shared';
import type { ActionReport, ActionResult } from './actions/judged-file.js';
import type { Detection } from './gate/messages.js';
import { textLine } from './logging/text-log.js';
import type { TextSeverity } from './logging/text-log.js';
import { FAILURE_CAUSES } from './policy/decide.js';
import { EventReporter } from './report-events.js';

const DETECTION: Detection = {
  path: '/a\nb',
  signatureName: 'Sig',
  pid: 5,
  executable: '/bin/cat',
  commandLine: 'cat /a\nb',
  cgroup: '/system.slice/x.service',
  container: '',
  uid: 33,
  decision: 'deny',
};
const DOWN = { kind: 'daemonDown', reason: 'gone' } as const;
const UP = { kind: 'daemonUp', pid: 7 } as const;
const SCAN_FAILED = 'ClamMisc: Unexpected issue; Daemon failed to scan: /x';

function setUp() {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => {
    lines.push(JSON.parse(line) as Record<string, unknown>);
  };
  const texts: string[] = [];
  const textLog = {
    write: (severity: TextSeverity, text: string) => {
      if (severity !== 'verbose') texts.push(textLine(severity, text));
    },
  };
  const logger = createLogger({ name: 'test', level: 'debug', stdoutIsTty: false, destination: { write } });
  const clock = { nowMs: 0 };
  return { lines, texts, clock, reporter: new EventReporter(logger, () => clock.nowMs, textLog) };
}

describe('EventReporter', () => {
  test('a detection names path, signature and all that is known of the opener, free of control characters', () => {
    const { lines, texts, reporter } = setUp();
    reporter.report({ kind: 'detection', detection: DETECTION });
    expect(lines[0]).toMatchObject({ event: 'found', path: '/a\\nb', signature: 'Sig', decision: 'deny' });
    expect(lines[0]?.['opener']).toEqual({
      pid: 5,
      uid: 33,
      executable: '/bin/cat',
      commandLine: 'cat /a\\nb',
      cgroup: '/system.slice/x.service',
    });
    expect(texts).toEqual(['/a\\nb: Sig FOUND']);
  });

  test('detections are never held back', () => {
    const { lines, texts, reporter } = setUp();
    for (let times = 0; times < 50; times += 1) reporter.report({ kind: 'detection', detection: DETECTION });
    reporter.reportFound({ path: '/c', signatureName: 'Sig' });
    expect([lines.length, texts.length, texts.at(-1)]).toEqual([51, 51, '/c: Sig FOUND']);
  });

  test('the same failure is told once in five seconds, with the number of those that were not', () => {
    const { lines, texts, clock, reporter } = setUp();
    for (let times = 0; times < 10; times += 1)
      reporter.report({ kind: 'failure', cause: 'timeout', path: '/x', pid: 1 });
    expect([lines.length, texts]).toEqual([1, [SCAN_FAILED]]);
    clock.nowMs = 5_000;
    reporter.report({ kind: 'failure', cause: 'timeout', path: '/x', pid: 1 });
    expect(lines[1]).toMatchObject({ cause: 'timeout', timesSinceLast: 9 });
  });

  test('every cause has a line of its own in the JSON log, and failed scans have clamonacc’s in the file', () => {
    const { lines, texts, reporter } = setUp();
    for (const cause of FAILURE_CAUSES) reporter.report({ kind: 'failure', cause, path: '/x', pid: 1 });
    expect(lines.map(({ cause }) => cause)).toEqual([...FAILURE_CAUSES]);
    expect(texts.filter((text) => text === SCAN_FAILED)).toHaveLength(5);
  });

  test('an outage is told once when it begins and once when it is over, however many sessions it ended', () => {
    const { lines, texts, reporter } = setUp();
    for (const event of [UP, UP, DOWN, DOWN, DOWN, UP, UP, DOWN, UP]) reporter.report(event);
    expect(lines.map(({ event }) => event)).toEqual([
      'daemonUp',
      'daemonDown',
      'daemonUp',
      'daemonDown',
      'daemonUp',
    ]);
    const failed = "ERROR: ClamClient: Connection to clamd failed, Couldn't connect to server.";
    const back = 'ClamClient: Connection to clamd re-established.';
    expect(texts).toEqual([failed, back, failed, back]);
  });

  test('what an action has done or failed to do is told in its own words; what another one did is not', () => {
    const { lines, texts, reporter } = setUp();
    const act = (result: ActionResult): void => {
      const report: ActionReport = {
        action: 'move',
        path: '/x',
        signatureName: 'Sig',
        result,
        isLate: false,
      };
      reporter.reportAction(report);
    };
    act({ kind: 'done', text: "/x: moved to '/q/x'", file: 'x', sha256: 'ab', otherNames: 0 });
    act({ kind: 'failed', text: "Can't move file '/x' to '/q'", code: 'ENOSPC', reason: 'full' });
    act({ kind: 'alreadyDone' });
    expect(texts).toEqual(["/x: moved to '/q/x'", "ERROR: Can't move file '/x' to '/q'"]);
    expect(lines).toMatchObject([
      { event: 'action', action: 'move', path: '/x', outcome: 'done', file: 'x', sha256: 'ab' },
      { event: 'action', outcome: 'failed', code: 'ENOSPC' },
    ]);
  });

  test('what is not watched is told with its reason', () => {
    const { lines, texts, reporter } = setUp();
    reporter.reportIssue({ path: '/d', code: 'EACCES', what: 'notMarked', count: 1 });
    expect(lines).toMatchObject([{ event: 'watchIssue', path: '/d', code: 'EACCES' }]);
    expect(texts).toEqual(['WARNING: ClamInotif: notMarked: /d (EACCES)']);
  });

  test('a scan that nobody waited for and that was not made is told like any other', () => {
    const { lines, texts, reporter } = setUp();
    for (const issue of ['dropped', 'dropped', 'scanFailed', 'tooLarge'] as const) {
      reporter.reportUnscanned('/x', issue);
    }
    expect(lines.map(({ cause }) => cause)).toEqual(['dropped', 'scanFailed', 'tooLarge']);
    expect(texts).toEqual([SCAN_FAILED, SCAN_FAILED]);
  });

  test('remarks keep their severity', () => {
    const { lines, texts, reporter } = setUp();
    reporter.reportRemark('WARNING: no control socket: no');
    reporter.reportRemark('looked at: /');
    expect(lines).toMatchObject([{ level: 'warn', msg: 'no control socket: no' }, { level: 'info' }]);
    expect(texts).toEqual(['WARNING: no control socket: no', 'looked at: /']);
  });
});
