import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { ScanVerdict } from '@portcullis/shared';
import { openNative, type NativeApi } from '@portcullis/shared/native';
import { makeTempDir } from '@portcullis/shared/testing';
import type { DaemonLog } from '../daemon-log.js';
import type { LoadedDatabase } from '../database/loaded-database.js';
import type { FailureReason } from '../failure-actions.js';
import { encodeReply } from '../libclamav-host/lane-wire.js';
import type { ScanEngine } from '../scheduler/scan-engine.js';
import type { ScanSide } from '../scheduler/start-scan-side.js';
import { createDaemonStats } from '../stats/daemon-stats.js';
import { openLibclamavEngine } from './libclamav-engine.js';
import { PLAIN_SETTINGS as settings, ScriptedHosts } from './testing/scripted-host.js';
import { until } from './testing/until.js';

const clean: ScanVerdict = { kind: 'clean' };
const aborted: ScanVerdict = { kind: 'failed', message: 'Process aborted' };

let native: NativeApi;
let hosts: ScriptedHosts;
let directory: ReturnType<typeof makeTempDir>;
let said: string[];
let failures: FailureReason[];
let adopted: LoadedDatabase[];
let engine: ScanEngine | undefined;
let side: ScanSide | undefined;
let fdsBefore: number;

const openFds = (): number => readdirSync('/proc/self/fd').length;

beforeEach(() => {
  native = openNative();
  fdsBefore = openFds();
  hosts = new ScriptedHosts(native);
  directory = makeTempDir('engine-');
  [said, failures, adopted] = [[], [], []];
  engine = side = undefined;
  // setTimeout is ours: the clock of the engine stands still until a test moves it.
  jest.useFakeTimers({
    doNotFake: [
      ...(['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask'] as const),
      ...(['setImmediate', 'clearImmediate', 'setInterval', 'clearInterval'] as const),
    ],
  });
});

afterEach(async () => {
  jest.useRealTimers();
  const ended = side?.stop(0);
  const stopped = engine?.stop();
  hosts.close();
  await ended;
  await stopped;
  await turn();
  const left = readdirSync(directory.path);
  directory.remove();
  expect([left, native.poller.openHandles, openFds()]).toEqual([[], 0, fdsBefore]);
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function open(): Promise<ScanEngine | { readonly refused: string }> {
  const log: Pick<DaemonLog, 'say'> = {
    say: (severity, text) => {
      said.push(`${severity}: ${text}`);
    },
  };
  const opened = await openLibclamavEngine({
    host: {
      start: hosts.start,
      lanes: 2,
      host: { settings, followFileSymlinks: false, sampleDetections: false },
      temporaryDirectory: directory.path,
      leaveTemporaryFiles: false,
    },
    hostEvents: { onMessage: () => undefined, onOutput: () => undefined },
    databasePaths: ['/db'],
    native,
    // Of the log one method is called.
    log: log as DaemonLog,
    onFailure: (reason) => failures.push(reason),
  });
  if (!('refused' in opened)) engine = opened;
  return opened;
}

async function load(from: ScanEngine): Promise<LoadedDatabase> {
  const message = await from.load(new AbortController().signal);
  if (message.kind === 'failed') throw new Error(message.failure.text);
  return message.loaded;
}

/** As the daemon does: a database that comes back goes to the scan side, once there is one. */
async function serve(opened: Awaited<ReturnType<typeof open>>, loaded?: LoadedDatabase): Promise<ScanSide> {
  if ('refused' in opened) throw new Error(opened.refused);
  opened.onLoadedAgain((again) => {
    adopted.push(again);
    side?.useDatabase(again);
  });
  side = await opened.startScanSide(loaded ?? (await load(opened)), {
    threads: 2,
    queueLimit: 100,
    hangAfterMs: 60_000,
    stats: createDaemonStats({ idleTimeoutSeconds: 30, now: () => 0 }),
    onFailure: (reason) => failures.push(reason),
  });
  return side;
}

function scan({ scanner }: ScanSide): { verdicts: ScanVerdict[] } {
  const verdicts: ScanVerdict[] = [];
  scanner.submit({
    source: { kind: 'path', path: Buffer.from('/a') },
    ...{ task: 'SCAN', label: '/a', allMatch: false, priority: 'single' },
    onVerdict: (verdict) => verdicts.push(verdict),
  });
  return { verdicts };
}

async function verdictOf(from: ScanSide): Promise<ScanVerdict | undefined> {
  const { verdicts } = scan(from);
  await until(() => verdicts.length > 0);
  return verdicts[0];
}

describe('the first start', () => {
  test('says what it is', async () => {
    const opened = await open();
    expect(said).toEqual([
      'info: Engine: libclamav 9.9.9, functionality level 999 (scripted.so), in this process',
    ]);
    if ('refused' in opened) throw new Error(opened.refused);
    expect(opened.description).toMatchObject({ name: 'libclamav', clamavVersion: '9.9.9' });
  });

  test('that is refused ends the host, and nothing is started again', async () => {
    hosts.script.opens = 'refused';
    expect(await open()).toEqual({ refused: 'there is none' });
    expect([hosts.last.isKilled, failures, jest.getTimerCount()]).toEqual([true, [], 1]);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(hosts.lives).toHaveLength(1);
  });

  test('that fails is refused', async () => {
    hosts.startError = new Error('EMFILE');
    expect(await open()).toEqual({ refused: 'Error: EMFILE' });
  });

  test('answers for a host that dies while it opens', async () => {
    hosts.script.opens = 'nothing';
    const opened = open();
    await until(() => hosts.lives.length > 0);
    hosts.last.die();
    expect(await opened).toEqual({ refused: 'ended (SIGKILL)' });
    await jest.advanceTimersByTimeAsync(60_000);
    expect([hosts.lives.length, failures]).toEqual([1, []]);
  });
});

describe('a host that dies', () => {
  test('is started again, and serves with the database that it loads', async () => {
    const running = await serve(await open());
    expect(await verdictOf(running)).toEqual(clean);
    hosts.last.die();
    expect(failures).toEqual(['workerCrashed', 'workerCrashed', 'engineDied']);
    const { verdicts } = scan(running);
    await jest.advanceTimersByTimeAsync(0);
    await until(() => verdicts.length > 0);
    expect(verdicts).toEqual([clean]);
    expect(hosts.lives).toHaveLength(2);
    expect(adopted.map(({ compiled }) => compiled)).toMatchObject([{ generation: 2 }]);
    expect(hosts.last.lanes.flatMap(({ seen }) => seen.map(({ generation }) => generation))).toEqual([2]);
  });

  test('fails the scans in it, and only those', async () => {
    const running = await serve(await open());
    for (const lane of hosts.last.lanes) lane.answer = () => undefined;
    const scans = Array.from({ length: 6 }, () => scan(running));
    await until(() => hosts.last.lanes.every(({ seen }) => seen.length > 0));
    hosts.last.die();
    expect(scans.map(({ verdicts }) => verdicts)).toEqual([[aborted], [aborted], [], [], [], []]);
    await jest.advanceTimersByTimeAsync(0);
    await until(() => scans.every(({ verdicts }) => verdicts.length > 0));
    expect(scans.slice(2).map(({ verdicts }) => verdicts)).toEqual([[clean], [clean], [clean], [clean]]);
  });

  test('whose sockets end before its end is told loses no scan that came in between', async () => {
    const running = await serve(await open());
    for (const lane of hosts.last.lanes) lane.close();
    hosts.script.dies = false;
    const scans = Array.from({ length: 6 }, () => scan(running));
    await until(() => hosts.last.isKilled);
    expect(scans.flatMap(({ verdicts }) => verdicts)).toEqual([]);
    hosts.script.dies = true;
    hosts.last.die();
    await jest.advanceTimersByTimeAsync(0);
    await until(() => scans.every(({ verdicts }) => verdicts.length > 0));
    expect(scans.map(({ verdicts }) => verdicts)).toEqual(scans.map(() => [clean]));
  });

  test('for ten seconds: scans are answered with an error until a scan thread serves again', async () => {
    const running = await serve(await open());
    hosts.script.opens = 'nothing';
    hosts.last.die();
    const waiting = scan(running);
    await jest.advanceTimersByTimeAsync(9_999);
    expect(waiting.verdicts).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(waiting.verdicts).toEqual([aborted]);
    expect(scan(running).verdicts).toEqual([aborted]);
    expect(said.filter((line) => line.includes('not back yet'))).toHaveLength(1);
    hosts.script.opens = 'opened';
    hosts.last.die();
    await jest.advanceTimersByTimeAsync(500);
    await until(() => adopted.length > 0);
    await until(() => scan(running).verdicts.length === 0);
    expect(await verdictOf(running)).toEqual(clean);
  });

  test('that comes back with a database but without scan threads counts as absent', async () => {
    const running = await serve(await open());
    hosts.script.lanesServe = false;
    hosts.last.die();
    const waiting = scan(running);
    await jest.advanceTimersByTimeAsync(0);
    await until(() => adopted.length > 0);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(waiting.verdicts).toEqual([aborted]);
    for (const lane of hosts.last.lanes) lane.ready();
    await until(() => scan(running).verdicts.length === 0);
    expect(await verdictOf(running)).toEqual(clean);
  });

  test('whose database cannot be loaded again is ended, and the next one tried', async () => {
    const running = await serve(await open());
    hosts.script.loads = 'fails';
    hosts.last.die();
    await jest.advanceTimersByTimeAsync(0);
    await until(() => hosts.last.isKilled);
    await until(() => failures.filter((reason) => reason === 'engineDied').length === 2);
    expect(said).toContain('error: libclamav: the database could not be loaded again: Malformed database');
    hosts.script.loads = 'loaded';
    await jest.advanceTimersByTimeAsync(500);
    await until(() => adopted.length > 0);
    expect(hosts.lives).toHaveLength(3);
    expect(await verdictOf(running)).toEqual(clean);
  });

  test('that cannot be started again is tried later', async () => {
    const running = await serve(await open());
    hosts.startError = new Error('EMFILE');
    hosts.last.die();
    await jest.advanceTimersByTimeAsync(0);
    hosts.startError = undefined;
    await jest.advanceTimersByTimeAsync(500);
    await until(() => adopted.length > 0);
    expect(await verdictOf(running)).toEqual(clean);
  });

  test('while a reload is under way fails it, and the reload after serves', async () => {
    const opened = await open();
    const running = await serve(opened);
    hosts.script.loads = 'nothing';
    if ('refused' in opened) throw new Error(opened.refused);
    const reload = opened.load(new AbortController().signal);
    hosts.last.die();
    expect(await reload).toMatchObject({ kind: 'failed' });
    expect(await opened.load(new AbortController().signal)).toMatchObject({ kind: 'failed' });
    hosts.script.loads = 'loaded';
    await jest.advanceTimersByTimeAsync(0);
    await until(() => adopted.length > 0);
    running.useDatabase(await load(opened));
    expect(await verdictOf(running)).toEqual(clean);
    expect(hosts.last.lanes.flatMap(({ seen }) => seen.map(({ generation }) => generation))).toEqual([4]);
    expect(hosts.last.released).toEqual([3]);
  });
});

describe('the start of the scan threads', () => {
  test('a host that dies before they served is started again, and they serve', async () => {
    const opened = await open();
    hosts.script.lanesServe = false;
    const starting = serve(opened);
    await until(() => native.poller.openHandles > 2);
    hosts.script.lanesServe = true;
    hosts.last.die();
    await jest.advanceTimersByTimeAsync(0);
    expect(await verdictOf(await starting)).toEqual(clean);
  });

  test('a database that went with its host before them is not scanned with', async () => {
    const opened = await open();
    if ('refused' in opened) throw new Error(opened.refused);
    const loaded = await load(opened);
    opened.onLoadedAgain((again) => adopted.push(again));
    hosts.last.die();
    await jest.advanceTimersByTimeAsync(0);
    await until(() => adopted.length > 0);
    const running = await serve(opened, loaded);
    expect(await verdictOf(running)).toEqual(clean);
    expect(hosts.last.lanes.flatMap(({ seen }) => seen.map(({ generation }) => generation))).toEqual([2]);
  });

  test('has a bound', async () => {
    hosts.script.lanesServe = false;
    const starting = serve(await open()).catch((error: unknown) => error);
    await until(() => native.poller.openHandles > 2);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(await starting).toMatchObject({ message: 'no scan thread of libclamav could start' });
    expect(failures).toContain('noWorkersLeft');
  });
});

describe('databases', () => {
  test('the one before is let go when its last scan has ended', async () => {
    const opened = await open();
    const running = await serve(opened);
    const [first] = hosts.last.lanes;
    if (first === undefined || 'refused' in opened) throw new Error('no lane');
    first.answer = () => undefined;
    const slow = scan(running);
    await until(() => first.seen.length > 0);
    running.useDatabase(await load(opened));
    running.useDatabase(await load(opened));
    expect(hosts.last.released).toEqual([2]);
    first.send(encodeReply({ jobId: first.seen[0]?.jobId ?? 0, verdict: clean }));
    await until(() => slow.verdicts.length > 0);
    expect(hosts.last.released).toEqual([2, 1]);
  });
});

describe('a host that cannot be ended', () => {
  test('keeps nobody waiting: scans are answered with an error', async () => {
    const running = await serve(await open());
    hosts.script.dies = false;
    hosts.last.lanes[0]?.send(Buffer.from('rubbish'));
    await until(() => hosts.last.isKilled);
    for (const lane of hosts.last.lanes) lane.answer = () => undefined;
    const scans = Array.from({ length: 3 }, () => scan(running));
    await jest.advanceTimersByTimeAsync(10_000);
    // One is in the hands of the other thread, where it is bound by MaxScanTime.
    expect(scans.map(({ verdicts }) => verdicts)).toEqual([[], [aborted], [aborted]]);
  });
});

describe('a stop', () => {
  test('ends the host and tells nobody', async () => {
    const running = await serve(await open());
    await running.stop(0);
    await engine?.stop();
    expect([hosts.last.isKilled, failures]).toEqual([true, []]);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(hosts.lives).toHaveLength(1);
  });

  test('while a host is about to be started again starts none', async () => {
    const running = await serve(await open());
    hosts.last.die();
    await running.stop(0);
    await engine?.stop();
    await jest.advanceTimersByTimeAsync(60_000);
    expect([hosts.lives.length, jest.getTimerCount()]).toEqual([1, 0]);
  });

  test('while a host loads again ends that one, without a word', async () => {
    const running = await serve(await open());
    hosts.script.loads = 'nothing';
    hosts.last.die();
    await jest.advanceTimersByTimeAsync(0);
    await until(() => hosts.last.sent.some(({ kind }) => kind === 'load'));
    const before = said.length;
    const stopped = running.stop(0);
    await jest.advanceTimersByTimeAsync(1000);
    await stopped;
    await engine?.stop();
    await jest.advanceTimersByTimeAsync(60_000);
    expect([hosts.lives.length, hosts.last.isKilled, said.slice(before)]).toEqual([2, true, []]);
  });

  test('does not wait for long for a host that does not end', async () => {
    const running = await serve(await open());
    await running.stop(0);
    hosts.script.dies = false;
    const stopped = engine?.stop();
    await jest.advanceTimersByTimeAsync(1000);
    await stopped;
    expect(hosts.last.isKilled).toBe(true);
  });
});
