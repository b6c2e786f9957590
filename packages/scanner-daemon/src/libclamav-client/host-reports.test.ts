import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { DaemonLog } from '../daemon-log.js';
import { HostReports } from './host-reports.js';

type Line = readonly [level: string, text: string];

function createReports(intoClamdLog = false): { reports: HostReports; said: Line[]; logged: Line[] } {
  const said: Line[] = [];
  const logged: Line[] = [];
  const level =
    (name: string) =>
    (_fields: unknown, text: string): void => {
      logged.push([name, text]);
    };
  const logger = Object.fromEntries(['debug', 'info', 'warn', 'error'].map((name) => [name, level(name)]));
  const log: Pick<DaemonLog, 'say'> & { logger: unknown } = {
    logger,
    say: (severity, text) => {
      said.push([severity, text]);
    },
  };
  // Of the logger four methods are called, and of the log nothing else.
  return { reports: new HostReports(log as DaemonLog, { intoClamdLog }), said, logged };
}

const message = (text: string) => ({ kind: 'message', severity: 'warning', text }) as const;
const loading = (percent: number) => ({ kind: 'progress', stage: 'loading', percent }) as const;
const compiling = (percent: number) => ({ kind: 'progress', stage: 'compiling', percent }) as const;

beforeEach(() => {
  jest.useFakeTimers({ now: 0 });
  jest.advanceTimersByTime(100_000);
});
afterEach(() => {
  jest.useRealTimers();
});

describe('messages of libclamav', () => {
  test('have their level, and do not go into clamd’s log', () => {
    const { reports, said, logged } = createReports();
    for (const severity of ['debug', 'info', 'warning', 'error'] as const)
      reports.onMessage({ kind: 'message', severity, text: severity });
    expect(logged).toEqual([
      ['debug', 'LibClamAV debug: debug'],
      ['info', 'LibClamAV info: info'],
      ['warn', 'LibClamAV Warning: warning'],
      ['error', 'LibClamAV Error: error'],
    ]);
    expect(said).toEqual([]);
  });

  test('go into clamd’s log with DevLiblog', () => {
    const { reports, said, logged } = createReports(true);
    reports.onMessage(message('cli_scan: odd'));
    reports.onOutput('LibClamAV debug: in cli_scan');
    expect(said).toEqual([
      ['warning', 'LibClamAV Warning: cli_scan: odd'],
      ['info', 'LibClamAV debug: in cli_scan'],
    ]);
    expect(logged).toEqual([]);
  });

  test('of what it writes by itself, debug lines are debug and the rest is a warning', () => {
    const { reports, logged } = createReports();
    reports.onOutput('LibClamAV debug: in cli_scan');
    reports.onOutput('free(): invalid pointer');
    expect(logged).toEqual([
      ['debug', 'LibClamAV debug: in cli_scan'],
      ['warn', 'LibClamAV Warning: free(): invalid pointer'],
    ]);
  });

  test('beyond 200 in ten seconds are counted, and told when the next ten seconds begin', () => {
    const { reports, said, logged } = createReports();
    for (let line = 0; line < 150; line += 1) reports.onMessage(message(`${line}`));
    for (let line = 150; line < 1000; line += 1) reports.onOutput(`${line}`);
    expect(logged).toHaveLength(200);
    expect(said).toEqual([]);
    jest.advanceTimersByTime(10_000);
    reports.onMessage(message('later'));
    expect(said).toEqual([['warning', 'libclamav: 800 more messages were left out']]);
    expect(logged.at(-1)).toEqual(['warn', 'LibClamAV Warning: later']);
    jest.advanceTimersByTime(10_000);
    reports.onMessage(message('last'));
    expect(said).toHaveLength(1);
  });
});

describe('progress', () => {
  test('of a short load is not told', () => {
    const { reports, said } = createReports();
    for (const percent of [10, 50, 100]) reports.onMessage(loading(percent));
    jest.advanceTimersByTime(1000);
    for (const percent of [10, 50, 100]) reports.onMessage(compiling(percent));
    expect(said).toEqual([]);
  });

  test('of a long load is told from the third second on, and the next load begins anew', () => {
    const { reports, said } = createReports();
    reports.onMessage(loading(10));
    jest.advanceTimersByTime(3000);
    reports.onMessage(loading(20));
    reports.onMessage(compiling(100));
    expect(said).toEqual([
      ['info', 'Loading signatures: 20 %'],
      ['info', 'Compiling signatures: 100 %'],
    ]);
    reports.onMessage(loading(10));
    expect(said).toHaveLength(2);
  });

  test('a load that broke off long ago does not make the next one long', () => {
    const { reports, said } = createReports();
    reports.onMessage(loading(10));
    jest.advanceTimersByTime(61_000);
    reports.onMessage(loading(10));
    expect(said).toEqual([]);
  });
});
