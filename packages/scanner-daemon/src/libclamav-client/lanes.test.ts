import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ScanVerdict } from '@portcullis/shared';
import { openNative, type NativeApi } from '@portcullis/shared/native';
import { PendingJob } from '../scheduler/pending-job.js';
import type { ScanJob } from '../scheduler/scan-job.js';
import { createDaemonStats } from '../stats/daemon-stats.js';
import { LaneWorker } from './lane-worker.js';
import { Lanes } from './lanes.js';
import { ScriptedLane } from './testing/scripted-host.js';
import { until } from './testing/until.js';

let native: NativeApi;
let lanes: Lanes;
let ends: ScriptedLane[];
let seen: string[];
let fdsBefore: number;

const openFds = (): number => readdirSync('/proc/self/fd').length;

beforeEach(() => {
  native = openNative();
  fdsBefore = openFds();
  ends = [];
  seen = [];
  lanes = new Lanes({
    giveUp: (why) => seen.push(`give up ${why ?? ''}`),
    onUnused: (generation) => seen.push(`unused ${generation}`),
  });
});

afterEach(() => {
  lanes.close();
  lanes.lose('ended with the test');
  for (const end of ends) end.close();
  expect([native.poller.openHandles, openFds()]).toEqual([0, fdsBefore]);
});

/** Sockets of a host that has started. */
function offer(count: number): void {
  const fds = Array.from({ length: count }, () => {
    const [our, their] = native.sockets.pairOfPackets();
    native.sockets.adopt(our);
    ends.push(new ScriptedLane(native, their));
    return our;
  });
  lanes.offer(fds);
}

function createWorker(name = 'worker'): LaneWorker {
  return new LaneWorker(native, {
    onReady: () => seen.push(`${name} ready`),
    onIdle: () => seen.push(`${name} idle`),
    onGone: (worker) => seen.push(`${name} gone ${worker.everReady ? '' : 'unused'}`.trim()),
  });
}

function addWorker(name = 'worker'): LaneWorker {
  const worker = createWorker(name);
  lanes.add(worker);
  return worker;
}

async function allServe(...workers: LaneWorker[]): Promise<void> {
  for (const end of ends) end.ready();
  await until(() => workers.every(({ state }) => state === 'idle'));
  seen.splice(0);
}

let lastJobId = 0;
function assign(worker: LaneWorker): ScanVerdict[] {
  const verdicts: ScanVerdict[] = [];
  const onVerdict = (verdict: ScanVerdict): void => {
    verdicts.push(verdict);
  };
  lastJobId += 1;
  const source = { kind: 'path', path: Buffer.from('/a') } as const;
  const job: ScanJob = { source, task: 'SCAN', label: '', allMatch: false, priority: 'single', onVerdict };
  const stats = createDaemonStats({ idleTimeoutSeconds: 30, now: () => 0 });
  worker.assign([new PendingJob(lastJobId, job, stats, () => undefined)], 0);
  return verdicts;
}

describe('Lanes', () => {
  test('attaches nobody before there is a database', async () => {
    const worker = addWorker();
    offer(1);
    ends[0]?.ready();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(worker.state).toBe('starting');
    lanes.use(1);
    await until(() => worker.state === 'idle');
  });

  test('one that comes later gets the socket that is left', async () => {
    offer(2);
    lanes.use(1);
    const first = addWorker();
    const second = addWorker();
    await allServe(first, second);
    expect([first.state, second.state]).toEqual(['idle', 'idle']);
  });

  test('one that was let go while it waited gets none', async () => {
    const first = addWorker('first');
    const second = addWorker('second');
    first.terminate();
    offer(1);
    lanes.use(1);
    await allServe(second);
    expect(first.state).toBe('gone');
  });

  test('a database is let go when the last scan with it has ended, and never the one in use', async () => {
    offer(2);
    lanes.use(1);
    const [first, second] = [addWorker('first'), addWorker('second')];
    await allServe(first, second);
    for (const end of ends) end.answer = () => undefined;
    assign(first);
    assign(second);
    lanes.use(2);
    expect(seen).toEqual([]);
    await until(() => ends.every((end) => end.seen.length > 0));
    ends[0]?.send(Buffer.from(`{"jobId":${lastJobId - 1},"verdict":{"kind":"clean"}}`));
    await until(() => seen.includes('first idle'));
    expect(seen).toEqual(['first idle']);
    ends[1]?.send(Buffer.from(`{"jobId":${lastJobId},"verdict":{"kind":"clean"}}`));
    await until(() => seen.includes('second idle'));
    expect(seen).toEqual(['first idle', 'unused 1', 'second idle']);
    lanes.use(3);
    expect(seen.at(-1)).toBe('unused 2');
    lanes.use(3);
    expect(seen.filter((line) => line.startsWith('unused'))).toEqual(['unused 1', 'unused 2']);
  });

  test('the loss of the host lets no database go, and the next one’s is not mistaken for it', async () => {
    offer(1);
    lanes.use(1);
    const worker = addWorker();
    await allServe(worker);
    assign(worker);
    lanes.lose('ended');
    expect(seen).toEqual(['worker gone']);
    lanes.use(2);
    expect(seen).toEqual(['worker gone']);
  });

  test('the loss of the host loses those that served, and those that had not wait for the next', async () => {
    offer(3);
    lanes.use(1);
    const served = addWorker('served');
    const starting = addWorker('starting');
    ends[0]?.ready();
    await until(() => served.state === 'idle');
    seen.splice(0);
    lanes.lose('ended');
    expect(seen).toEqual(['served gone']);
    expect([served.state, starting.state]).toEqual(['gone', 'starting']);
    expect(native.poller.openHandles).toBe(3);
    for (const end of ends.splice(0)) end.close();
    offer(1);
    lanes.use(2);
    await allServe(starting);
    expect(starting.state).toBe('idle');
  });

  test('when the first is told of the loss, no other one takes a job any more', async () => {
    offer(2);
    lanes.use(1);
    const states: string[] = [];
    const workers: LaneWorker[] = [];
    for (const name of ['first', 'second']) {
      const worker = new LaneWorker(native, {
        onReady: () => undefined,
        onIdle: () => undefined,
        onGone: () => states.push(`${name}: ${workers.map(({ state }) => state).join(' ')}`),
      });
      workers.push(worker);
      lanes.add(worker);
    }
    await allServe(...workers);
    lanes.lose('ended');
    expect(states).toEqual(['first: gone terminating', 'second: gone gone']);
  });

  test('a worker that is added in answer to the loss waits for the next host', async () => {
    offer(1);
    lanes.use(1);
    const heir = createWorker('heir');
    const worker = new LaneWorker(native, {
      onReady: () => undefined,
      onIdle: () => undefined,
      onGone: () => {
        lanes.add(heir);
      },
    });
    lanes.add(worker);
    await allServe(worker);
    lanes.lose('ended');
    expect(heir.state).toBe('starting');
    for (const end of ends.splice(0)) end.close();
    offer(1);
    lanes.use(2);
    await allServe(heir);
    expect(heir.state).toBe('idle');
  });

  test('a worker of a host that is gone does not have the next one ended', async () => {
    offer(1);
    lanes.use(1);
    const worker = addWorker();
    await allServe(worker);
    ends[0]?.close();
    await until(() => seen.length > 0);
    expect(seen).toEqual(['give up ']);
    lanes.lose('ended');
    worker.terminate();
    expect(seen).toEqual(['give up ', 'worker gone']);
  });

  test('after its end nobody waits: not those who did, nor those who come, nor those of a host that is lost', async () => {
    offer(1);
    lanes.use(1);
    const attached = addWorker('attached');
    addWorker('waiting');
    lanes.close();
    expect(seen).toEqual(['waiting gone unused']);
    lanes.lose('ended');
    expect(attached.state).toBe('gone');
    const late = addWorker('late');
    expect(late.state).toBe('starting');
    await until(() => late.state === 'gone');
    expect(seen).toEqual(['waiting gone unused', 'attached gone unused', 'late gone unused']);
  });
});
