import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createLogger, type CommandQueueLimits, type ScanVerdict } from '@portcullis/shared';
import { createDaemonLog } from '../daemon-log.js';
import type { ScanOutcome } from '../server/server-log.js';
import type { EventRunnerOptions } from './event-runner.js';
import { createVirusEvent } from './virus-event.js';

let directory: string;
let seen: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'virus-event-'));
  seen = join(directory, 'seen');
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function build(
  command: string,
  limits: Partial<CommandQueueLimits> = {},
  runner: Partial<EventRunnerOptions> = {},
) {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger({
    name: 'test',
    level: 'debug',
    stdoutIsTty: false,
    // Written by pino: JSON it is.
    destination: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
  const virusEvent = createVirusEvent({
    command,
    log: createDaemonLog(logger, undefined),
    limits,
    ...runner,
  });
  return { virusEvent, lines };
}

function detection(name: string, ...names: string[]): ScanOutcome {
  const [first = 'Test.A', ...rest] = names;
  const verdict: ScanVerdict = { kind: 'infected', signatureNames: [first, ...rest] };
  return { name, verdict, shown: verdict, durationMs: 1 };
}

async function until(isTrue: () => boolean): Promise<void> {
  const deadlineAtMs = performance.now() + 20_000;
  while (!isTrue() && performance.now() < deadlineAtMs) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(isTrue()).toBe(true);
}

function seenLines(): string[] {
  return existsSync(seen) ? readFileSync(seen, 'utf8').split('\n').slice(0, -1) : [];
}

describe('createVirusEvent', () => {
  test('runs the command once a detection, with the name the client was shown', async () => {
    const { virusEvent } = build(
      `echo "$CLAM_VIRUSEVENT_FILENAME $CLAM_VIRUSEVENT_VIRUSNAME %v" >> ${directory}/seen`,
      { runningMax: 1 },
    );
    const incomplete: ScanVerdict = { kind: 'incomplete', reason: 'fileTooLarge' };
    const alert: ScanVerdict = {
      kind: 'infected',
      signatureNames: ['Heuristics.Limits.Exceeded.MaxFileSize'],
    };
    virusEvent.report(detection('/tmp/a b', 'Test.A'));
    virusEvent.report({ name: 'instream(local)', verdict: incomplete, shown: alert, durationMs: 1 });
    virusEvent.report({
      name: '/clean',
      verdict: { kind: 'clean' },
      shown: { kind: 'clean' },
      durationMs: 1,
    });
    virusEvent.report({ ...detection('/all', 'Test.A', 'Test.B'), allMatch: true });
    await until(() => seenLines().length === 3);
    expect(seenLines()).toEqual([
      '/tmp/a b Test.A Test.A',
      'instream(local) Heuristics.Limits.Exceeded.MaxFileSize Heuristics.Limits.Exceeded.MaxFileSize',
      '/all Test.B Test.B',
    ]);
    await virusEvent.stop();
  });

  test('report returns before the command is started, and never throws', async () => {
    const { virusEvent } = build(`echo x >> ${directory}/seen`);
    const startedAtMs = performance.now();
    for (let n = 0; n < 20; n += 1) virusEvent.report(detection('/x'));
    expect(performance.now() - startedAtMs).toBeLessThan(2000);
    expect(seenLines()).toEqual([]);
    await until(() => seenLines().length === 20);
    await virusEvent.stop();
  });

  test('runs so many at a time, keeps so many waiting, and drops and counts the rest', async () => {
    const { virusEvent, lines } = build(
      `echo begin >> ${directory}/seen; while [ ! -e ${directory}/go ]; do sleep 0.05; done; echo end >> ${directory}/seen`,
      { runningMax: 2, waitingMax: 3 },
    );
    for (let n = 0; n < 2; n += 1) virusEvent.report(detection('/x'));
    await until(() => seenLines().length === 2);
    for (let n = 0; n < 10; n += 1) virusEvent.report(detection('/x'));
    expect(virusEvent.droppedCount).toBe(7);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(seenLines()).toEqual(['begin', 'begin']);
    writeFileSync(join(directory, 'go'), '');
    await until(() => seenLines().length === 10);
    await virusEvent.stop();
    // The first drop is told at once, the others together.
    const told = lines.filter((line) => line['event'] === 'virusEventDropped').map((line) => line['dropped']);
    expect(told).toEqual([1, 6]);
  });

  test('the rest of a burst of drops is told by itself, once the interval is over', async () => {
    const { virusEvent, lines } = build('sleep 60', {
      ...{ runningMax: 1, waitingMax: 1, dropsToldEveryMs: 500 },
      ...{ stopGraceMs: 0, killGraceMs: 100 },
    });
    for (let n = 0; n < 30; n += 1) virusEvent.report(detection('/x'));
    const told = (): unknown[] =>
      lines.filter((line) => line['event'] === 'virusEventDropped').map((line) => line['msg']);
    await until(() => told().length === 2);
    expect(told()).toEqual([
      'VirusEvent: the command was not run for 1 detection',
      'VirusEvent: the command was not run for 28 detections',
    ]);
    await virusEvent.stop();
  });

  test('a command that cannot be started is told with the reason, and the next is tried', async () => {
    const { virusEvent, lines } = build('exit 0', {}, { workingDirectory: '/nonexistent/directory' });
    virusEvent.report(detection('/x'));
    virusEvent.report(detection('/x'));
    const told = (): unknown[] => lines.filter((line) => line['level'] === 'warn').map((line) => line['msg']);
    await until(() => told().length === 2);
    const msg = expect.stringMatching(/^VirusEvent: the command could not be run: .*ENOENT/);
    expect(told()).toEqual([msg, msg]);
    await virusEvent.stop();
  });

  test('starts no more than its rate allows, and loses nothing by it', async () => {
    const { virusEvent } = build(`echo x >> ${directory}/seen`, { startsPerSecond: 2, burstMax: 2 });
    const startedAtMs = performance.now();
    for (let n = 0; n < 6; n += 1) virusEvent.report(detection('/x'));
    await until(() => seenLines().length === 6);
    // Two at once, four more at two a second.
    expect(performance.now() - startedAtMs).toBeGreaterThan(1500);
    expect(virusEvent.droppedCount).toBe(0);
    await virusEvent.stop();
  });

  test('warns of a command that fails, and shows its output at debug, cleaned', async () => {
    const { virusEvent, lines } = build('printf "a\\033[2J\\n"; exit 3');
    virusEvent.report(detection('/x'));
    await until(() => lines.length === 2);
    expect(lines).toMatchObject([
      { level: 'warn', event: 'virusEvent', exitCode: 3, msg: 'VirusEvent: the command failed' },
      { level: 'debug', event: 'virusEvent', output: 'a\\x1b[2J\\n' },
    ]);
    await virusEvent.stop();
  });

  test('a command that takes too long is ended, and the next has its turn', async () => {
    const { virusEvent, lines } = build(
      `case $CLAM_VIRUSEVENT_FILENAME in /slow) sleep 600;; *) echo x >> ${directory}/seen;; esac`,
      { runningMax: 1, timeoutMs: 300, killGraceMs: 200 },
    );
    virusEvent.report(detection('/slow'));
    virusEvent.report(detection('/quick'));
    await until(() => seenLines().length === 1);
    expect(lines[0]).toMatchObject({ msg: 'VirusEvent: the command took too long and was ended' });
    await virusEvent.stop();
  });

  test('stop lets a command finish within its grace, drops what waits, and takes no more', async () => {
    const { virusEvent, lines } = build(`sleep 0.5; echo x >> ${directory}/seen`, { runningMax: 1 });
    virusEvent.report(detection('/x'));
    virusEvent.report(detection('/x'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    await virusEvent.stop();
    virusEvent.report(detection('/x'));
    expect(seenLines()).toEqual(['x']);
    expect(virusEvent.droppedCount).toBe(2);
    expect(lines).toContainEqual(expect.objectContaining({ event: 'virusEventDropped', dropped: 1 }));
  });

  test('stop ends a command that does not finish', async () => {
    const { virusEvent } = build(`trap "" TERM; echo $$ >> ${directory}/seen; while :; do sleep 1; done`, {
      stopGraceMs: 100,
      killGraceMs: 100,
    });
    virusEvent.report(detection('/x'));
    await until(() => seenLines().length === 1);
    const startedAtMs = performance.now();
    await virusEvent.stop();
    expect(performance.now() - startedAtMs).toBeLessThan(10_000);
    expect(existsSync(`/proc/${seenLines()[0] ?? ''}/exe`)).toBe(false);
  });
});
