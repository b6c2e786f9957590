import { describe, expect, test } from '@jest/globals';
import { createLogger } from '@portcullis/shared';
import { EventReporter } from './report-events.js';

function setUp() {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => {
    lines.push(JSON.parse(line) as Record<string, unknown>);
  };
  const logger = createLogger({ name: 'test', level: 'debug', stdoutIsTty: false, destination: { write } });
  const clock = { nowMs: 0 };
  return { lines, clock, reporter: new EventReporter(logger, () => clock.nowMs) };
}

describe('EventReporter', () => {
  test('a detection names path, signature, pid, executable and uid of the opener, free of control characters', () => {
    const { lines, reporter } = setUp();
    const detection = {
      path: '/a\nb',
      signatureName: 'Sig',
      pid: 5,
      executable: '/bin/cat',
      uid: 33,
      decision: 'deny' as const,
    };
    reporter.report({ kind: 'detection', detection });
    expect(lines[0]).toMatchObject({
      event: 'found',
      signature: 'Sig',
      decision: 'deny',
      opener: { pid: 5, uid: 33, executable: '/bin/cat' },
    });
    expect(String(lines[0]!['path'])).not.toContain('\n');
  });

  test('the same failure is told once in five seconds, with the number of those that were not', () => {
    const { lines, clock, reporter } = setUp();
    for (let times = 0; times < 10; times += 1)
      reporter.report({ kind: 'failure', cause: 'timeout', path: '/x', pid: 1 });
    expect(lines).toHaveLength(1);
    clock.nowMs = 5_000;
    reporter.report({ kind: 'failure', cause: 'timeout', path: '/x', pid: 1 });
    expect(lines[1]).toMatchObject({ cause: 'timeout', timesSinceLast: 9 });
  });
});
