import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { ask, createSite, DaemonProcess, instream, MARKER, type Site } from './daemon-process.js';

/** What the daemon is started with, and how many threads it has for scans. */
const STARTED_WITH = 3;
const SCAN_THREADS = 3;
const EVENT_MAX_MS = 20_000;

let site: Site;
let daemon: DaemonProcess | undefined;

beforeEach(async () => {
  site = await createSite();
  const command = `nice > ${site.root}/event.part; mv ${site.root}/event.part ${site.root}/event`;
  site.put('clamd.conf', `${site.read('clamd.conf')}\nVirusEvent ${command}\n`);
});
afterEach(async () => {
  await daemon?.stop();
  site.remove();
});

async function start(through: readonly string[]): Promise<DaemonProcess> {
  daemon = new DaemonProcess(['-c', site.configFile], {
    env: { SCANNER_THREADS: String(SCAN_THREADS) },
    through: ['nice', '-n', String(STARTED_WITH), ...through],
  });
  await daemon.says('Ready for clients');
  return daemon;
}

/** Field 19 of /proc/PID/task/TID/stat (proc_pid_stat(5)) of every thread, the main one apart. */
function niceValuesOf({ pid }: DaemonProcess): { main: number; others: number[] } {
  const valueOf = (thread: string): number => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1');
    // The name, the second field, is in brackets and may hold spaces.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
  };
  const threads = readdirSync(`/proc/${pid}/task`);
  const others = threads.filter((thread) => thread !== String(pid));
  return { main: valueOf(String(pid)), others: others.map(valueOf) };
}

/** What nice(1) says in a VirusEvent command. */
async function niceValueOfEvent(): Promise<number> {
  expect(await ask(site.socketPath, instream(MARKER))).toContain('FOUND');
  const file = join(site.root, 'event');
  const deadlineAtMs = Date.now() + EVENT_MAX_MS;
  while (!existsSync(file) && Date.now() < deadlineAtMs)
    await new Promise((resolve) => setTimeout(resolve, 20));
  return Number(readFileSync(file, 'utf8'));
}

const noRoot = process.getuid?.() === 0 ? undefined : 'only root may raise a priority';

describeOrSkip('priorities of a running daemon', noRoot, () => {
  test('the scan threads keep what the daemon was started with; all others go ten levels before them', async () => {
    const running = await start([]);
    const { main, others } = niceValuesOf(running);
    expect(main).toBe(STARTED_WITH - 10);
    expect(others.filter((niceValue) => niceValue === STARTED_WITH)).toHaveLength(SCAN_THREADS);
    expect(new Set(others)).toEqual(new Set([STARTED_WITH, STARTED_WITH - 10]));
    expect(await niceValueOfEvent()).toBe(STARTED_WITH);
  }, 60_000);

  test('where it may not be raised, the scan threads go back by ten levels; commands keep what was given', async () => {
    const running = await start(['setpriv', '--bounding-set', '-sys_nice', '--inh-caps', '-sys_nice']);
    const { main, others } = niceValuesOf(running);
    expect(main).toBe(STARTED_WITH);
    expect(others.filter((niceValue) => niceValue === STARTED_WITH + 10)).toHaveLength(SCAN_THREADS);
    expect(new Set(others)).toEqual(new Set([STARTED_WITH, STARTED_WITH + 10]));
    expect(await niceValueOfEvent()).toBe(STARTED_WITH);
  }, 60_000);
});
