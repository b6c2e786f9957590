import { closeSync, fstatSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ScanVerdict } from '@portcullis/shared';
import { openNative, OwnedFd, type NativeApi } from '@portcullis/shared/native';
import { makeTempDir } from '@portcullis/shared/testing';
import { encodeReply } from '../libclamav-host/lane-wire.js';
import { PendingJob } from '../scheduler/pending-job.js';
import type { ScanSource } from '../scheduler/scan-job.js';
import { createDaemonStats } from '../stats/daemon-stats.js';
import { LaneWorker } from './lane-worker.js';
import { ScriptedLane } from './testing/scripted-host.js';
import { until } from './testing/until.js';

const clean: ScanVerdict = { kind: 'clean' };

let native: NativeApi;
let directory: ReturnType<typeof makeTempDir>;
let lane: ScriptedLane;
let worker: LaneWorker;
let seen: string[];
let ours: number;
let lastJobId: number;

beforeEach(() => {
  native = openNative();
  directory = makeTempDir('lane-');
  seen = [];
  lastJobId = 0;
  const [our, their] = native.sockets.pairOfPackets();
  native.sockets.adopt(our);
  ours = our;
  lane = new ScriptedLane(native, their);
  worker = new LaneWorker(native, {
    onReady: () => seen.push('ready'),
    onIdle: () => seen.push('idle'),
    onGone: () => seen.push('gone'),
  });
});

afterEach(() => {
  worker.lose('ended with the test');
  lane.close();
  directory.remove();
  expect(native.poller.openHandles).toBe(0);
});

function attach(): void {
  worker.attach(ours, {
    generation: () => 5,
    onScan: (generation, stage) => seen.push(`${stage} ${generation}`),
    giveUp: (why) => seen.push(`given up${why === undefined ? '' : `: ${why}`}`),
  });
}

async function attachReady(): Promise<void> {
  attach();
  lane.ready();
  await until(() => worker.state === 'idle');
  seen.splice(0);
}

/** A file's descriptor, and how often it was closed. */
function fileWith(text: string): { source: ScanSource; closed: number[] } {
  const path = `${directory.path}/file`;
  writeFileSync(path, text);
  const closed: number[] = [];
  const close = (fd: number): void => {
    closed.push(fd);
    closeSync(fd);
  };
  const fd = new OwnedFd({ close }, openSync(path, 'r'));
  return { source: { kind: 'fd', fd, sizeBytes: text.length }, closed };
}

function memoryWith(text: string): ScanSource {
  const bytes = new SharedArrayBuffer(text.length + 10);
  new Uint8Array(bytes).set(Buffer.from(text));
  return { kind: 'memory', bytes, sizeBytes: text.length };
}

const pathOf = (path: string): ScanSource => ({ kind: 'path', path: Buffer.from(path) });

function jobOn(source: ScanSource, allMatch = false): { pending: PendingJob; verdicts: ScanVerdict[] } {
  const verdicts: ScanVerdict[] = [];
  const stats = createDaemonStats({ idleTimeoutSeconds: 30, now: () => 0 });
  const onVerdict = (verdict: ScanVerdict): void => {
    verdicts.push(verdict);
  };
  lastJobId += 1;
  const pending = new PendingJob(
    lastJobId,
    { source, task: 'SCAN', label: '', allMatch, priority: 'single', onVerdict },
    stats,
    () => undefined,
  );
  return { pending, verdicts };
}

const openFds = (): number => readdirSync('/proc/self/fd').length;

describe('a lane', () => {
  test('is ready when the thread behind it has said that it is', async () => {
    attach();
    expect([worker.state, worker.everReady]).toEqual(['starting', false]);
    lane.ready();
    await until(() => seen.includes('ready'));
    expect([worker.state, worker.everReady]).toEqual(['idle', true]);
  });

  test('sends a path as it is, and reports once', async () => {
    await attachReady();
    const { pending, verdicts } = jobOn({ kind: 'path', path: Buffer.from([0x2f, 0xff, 0x41]) }, true);
    worker.assign([pending], 0);
    expect([worker.state, worker.runningJob]).toEqual(['busy', pending]);
    await until(() => verdicts.length > 0);
    expect(verdicts).toEqual([clean]);
    expect(seen).toEqual(['began 5', 'ended 5', 'idle']);
    expect(lane.seen).toEqual([
      { jobId: 1, generation: 5, allMatch: true, path: Buffer.from([0x2f, 0xff, 0x41]), text: undefined },
    ]);
    expect([...worker.jobs]).toEqual([]);
  });

  test('sends a descriptor, and lets go of it once', async () => {
    await attachReady();
    const { source, closed } = fileWith('hello');
    const { pending, verdicts } = jobOn(source);
    worker.assign([pending], 0);
    expect(closed).toEqual([]);
    await until(() => seen.includes('idle'));
    expect([lane.seen[0]?.text, verdicts, closed.length]).toEqual(['hello', [clean], 1]);
  });

  test('sends a stream in memory as a file, and keeps no descriptor of it', async () => {
    await attachReady();
    const before = openFds();
    const { pending, verdicts } = jobOn(memoryWith('from memory'));
    worker.assign([pending], 0);
    await until(() => verdicts.length > 0);
    expect([lane.seen[0]?.text, openFds()]).toEqual(['from memory', before]);
  });

  test('answers for a path that is too long without sending it, and not from within', async () => {
    await attachReady();
    const { pending, verdicts } = jobOn(pathOf('x'.repeat(4096)));
    worker.assign([pending], 0);
    expect(verdicts).toEqual([]);
    await until(() => seen.includes('idle'));
    expect(verdicts).toEqual([{ kind: 'failed', message: "Can't open file or directory" }]);
    expect(lane.seen).toEqual([]);
  });

  test('answers for a stream that finds no memory file, and serves on', async () => {
    const createMemoryFile = (): number => {
      throw new Error('EMFILE');
    };
    const [our, their] = native.sockets.pairOfPackets();
    native.sockets.adopt(our);
    const other = new ScriptedLane(native, their);
    const files = Object.assign(Object.create(native.files) as NativeApi['files'], { createMemoryFile });
    const poor = new LaneWorker(
      { ...native, files },
      { onReady: () => undefined, onIdle: () => undefined, onGone: () => undefined },
    );
    poor.attach(our, { generation: () => 1, onScan: () => undefined, giveUp: () => undefined });
    other.ready();
    await until(() => poor.state === 'idle');
    const { pending, verdicts } = jobOn(memoryWith('x'));
    poor.assign([pending], 0);
    await until(() => verdicts.length > 0);
    expect(verdicts).toEqual([{ kind: 'failed', message: "Can't create temporary file" }]);
    expect(poor.state).toBe('idle');
    poor.lose('ended with the test');
    other.close();
  });

  test('takes one job at a time, and none before it serves', async () => {
    attach();
    const [first, second] = [jobOn(pathOf('/a')), jobOn(pathOf('/b'))];
    expect(() => {
      worker.assign([first.pending], 0);
    }).toThrow('a lane that is starting');
    lane.ready();
    await until(() => worker.state === 'idle');
    expect(() => {
      worker.assign([first.pending, second.pending], 0);
    }).toThrow('2 jobs');
    lane.answer = () => undefined;
    worker.assign([first.pending], 0);
    expect(() => {
      worker.assign([second.pending], 0);
    }).toThrow('a lane that is busy');
    expect(worker.stuckMs(70)).toBe(70);
  });
});

describe('the other end', () => {
  test('rubbish has the host ended, and is no verdict', async () => {
    await attachReady();
    lane.answer = () => Buffer.from('{"jobId":1,"verdict":{"kind":"cl\u0000an"}}');
    const { pending, verdicts } = jobOn(pathOf('/a'));
    worker.assign([pending], 0);
    await until(() => seen.length > 1);
    expect(seen[1]).toMatch(/^given up: sent what is no verdict/);
    expect([verdicts, [...worker.jobs], worker.state]).toEqual([[], [pending], 'busy']);
    worker.lose('ended');
    expect(seen.slice(2)).toEqual(['ended 5', 'gone']);
  });

  test('a verdict on another job is not taken for this one', async () => {
    await attachReady();
    lane.answer = ({ jobId }) => encodeReply({ jobId: jobId + 1, verdict: clean });
    const { pending, verdicts } = jobOn(pathOf('/a'));
    worker.assign([pending], 0);
    await until(() => seen.length > 1);
    expect(seen).toEqual(['began 5', 'given up: answered what it was not asked']);
    expect([verdicts, [...worker.jobs]]).toEqual([[], [pending]]);
  });

  test('a verdict that nobody asked for has the host ended', async () => {
    await attachReady();
    lane.send(encodeReply({ jobId: 1, verdict: clean }));
    await until(() => seen.length > 0);
    expect(seen).toEqual(['given up: answered what it was not asked']);
    expect(worker.state).toBe('terminating');
  });

  test('descriptors that come with a reply are closed', async () => {
    await attachReady();
    const [our, their] = native.sockets.pairOfPackets();
    native.sockets.adopt(our);
    const other = new LaneWorker(native, {
      onReady: () => seen.push('other ready'),
      onIdle: () => undefined,
      onGone: () => undefined,
    });
    other.attach(our, { generation: () => 1, onScan: () => undefined, giveUp: () => undefined });
    const before = openFds();
    native.sockets.sendWithFd(their, Buffer.from('{"jobId":0,"verdict":{"kind":"clean"}}'), their);
    await until(() => seen.includes('other ready'));
    expect(openFds()).toBe(before);
    other.lose('ended with the test');
    closeSync(their);
  });

  test('that ends while idle gets no job any more', async () => {
    await attachReady();
    lane.close();
    await until(() => seen.length > 0);
    expect(seen).toEqual(['given up']);
    expect(worker.state).toBe('terminating');
    worker.lose('ended');
    expect(seen).toEqual(['given up', 'gone']);
  });

  test('that ends while busy leaves the job to whoever tells the end', async () => {
    await attachReady();
    lane.answer = () => {
      lane.close();
      return undefined;
    };
    const { source, closed } = fileWith('x');
    const { pending, verdicts } = jobOn(source);
    worker.assign([pending], 0);
    await until(() => seen.length > 1);
    expect(seen).toEqual(['began 5', 'given up']);
    expect([worker.runningJob, verdicts, closed]).toEqual([pending, [], []]);
    worker.lose('ended');
    expect(seen.slice(2)).toEqual(['ended 5', 'gone']);
  });

  test('that had ended before the job came leaves the job to another worker', async () => {
    await attachReady();
    lane.close();
    const { pending, verdicts } = jobOn(memoryWith('x'));
    worker.assign([pending], 0);
    expect(seen).toEqual(['began 5', 'given up']);
    expect(worker.runningJob).toBeUndefined();
    expect([...worker.jobs]).toEqual([pending]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([verdicts, worker.state]).toEqual([[], 'busy']);
  });

  test('that ends before it served lets the worker wait for another', async () => {
    attach();
    lane.close();
    await until(() => seen.length > 0);
    expect(seen).toEqual(['given up']);
    expect(worker.detach()).toBe(true);
    expect([worker.state, native.poller.openHandles]).toEqual(['starting', 0]);
    expect(() => fstatSync(ours, { bigint: true })).toThrow('EBADF');
  });
});

describe('the end of a worker', () => {
  test('is told once, and its socket closed once', async () => {
    await attachReady();
    worker.disconnect();
    // Whoever gets the number now keeps it.
    const reused = openSync('/dev/null', 'r');
    expect(reused).toBe(ours);
    worker.lose('ended');
    worker.lose('ended');
    worker.terminate();
    worker.disconnect();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(seen).toEqual(['gone']);
    expect(fstatSync(reused).isCharacterDevice()).toBe(true);
    closeSync(reused);
  });

  test('while idle comes later, not from within', async () => {
    await attachReady();
    worker.terminate();
    expect(seen).toEqual([]);
    await until(() => seen.length > 0);
    expect(seen).toEqual(['gone']);
  });

  test('while busy takes the host with it, and a late verdict is not reported', async () => {
    await attachReady();
    lane.answer = () => undefined;
    const { pending, verdicts } = jobOn(pathOf('/a'));
    worker.assign([pending], 0);
    await until(() => lane.seen.length > 0);
    worker.terminate();
    expect(seen).toEqual(['began 5', 'given up: a scan did not end in time']);
    lane.send(encodeReply({ jobId: pending.id, verdict: clean }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([verdicts, worker.state]).toEqual([[], 'terminating']);
    worker.lose('ended');
    expect(seen.slice(2)).toEqual(['ended 5', 'gone']);
  });

  test('one that was never attached ends too', async () => {
    const other: string[] = [];
    const waiting = new LaneWorker(native, {
      onReady: () => undefined,
      onIdle: () => undefined,
      onGone: () => other.push('gone'),
    });
    waiting.terminate();
    await until(() => other.length > 0);
    expect(other).toEqual(['gone']);
    attach();
  });
});
