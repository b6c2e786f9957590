import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { constants } from '@portcullis/shared/native';
import type { NativeApi } from '@portcullis/shared/native';
import { FakeNative } from '@portcullis/shared/testing';
import { failurePolicy } from '../failure-actions.js';
import { ScriptedDaemon } from '../../test/scripted-daemon.js';
import type { ScriptedVerdict } from '../../test/scripted-daemon.js';
import { Counters } from './counters.js';
import { Duty } from './duty.js';
import { EventSlots } from './event-slots.js';
import { Gate } from './gate.js';
import type { GateEvent, GateSettings } from './messages.js';

const SOCKET = '/run/clamd.sock';
const DAEMON_PID = 777;
const OWN_PID = 1_000;
const MASK = constants.FAN_OPEN_PERM | constants.FAN_CLOSE_WRITE | constants.FAN_EVENT_ON_CHILD;
const GROUP_FLAGS = constants.FAN_CLASS_CONTENT | constants.FAN_NONBLOCK | constants.FAN_UNLIMITED_QUEUE;
const SLOTS = 4;
const GATES = 2;

function judge(content: string): ScriptedVerdict {
  if (content.includes('EVIL')) return { found: 'Test.Evil' };
  if (content.includes('ERROR')) return { error: "Can't read file" };
  return content.includes('HANG') ? 'silence' : 'OK';
}

/** The same system seen from a thread with a poller of its own, which never finds the group ready. */
function onAnotherThread(native: FakeNative, group: number): NativeApi {
  const { files, leases, sockets, fanotify, limits, poller, patterns } = native;
  const idle = { want: () => undefined, close: () => undefined };
  const watch: NativeApi['poller']['watch'] = (fd, events, onReady) => {
    return fd === group ? idle : poller.watch(fd, events, onReady);
  };
  return { files, leases, sockets, fanotify, limits, patterns, poller: { watch, openHandles: 0 } };
}

describe('Gate', () => {
  let native: FakeNative;
  let daemon: ScriptedDaemon;
  let group: number;
  let gates: Gate[];
  let told: GateEvent[];
  let nowMs: number;
  let fdsBefore: number;
  const memory = () => ({
    slots: EventSlots.memory(GATES, SLOTS),
    duty: Duty.memory(GATES),
    counters: Counters.memory(GATES),
  });
  let shared: ReturnType<typeof memory>;

  function createGate(index: number, changes: Partial<GateSettings> = {}, its: NativeApi = native): Gate {
    const gate = new Gate({
      native: its,
      settings: {
        ownPid: OWN_PID,
        prevention: true,
        failurePolicy: failurePolicy(true),
        excludedUids: [],
        maxFileBytes: 100,
        deadlineMs: 5_000,
        cacheEntriesMax: 64,
        kernelCache: true,
        socketPath: SOCKET,
        scansInFlightMax: 3,
        spinMaxMs: 0,
        stuckAfterMs: 100,
        ...changes,
      },
      slots: new EventSlots(shared.slots, index, SLOTS),
      slotsPerGate: SLOTS,
      duty: new Duty(shared.duty, index, GATES),
      counters: new Counters(shared.counters, index),
      tell: (event) => told.push(event),
      nowMs: () => nowMs,
    });
    gates.push(gate);
    gate.tick();
    gate.addGroup(group);
    return gate;
  }

  function totals() {
    return Counters.totals(shared.counters, GATES);
  }

  function write(path: string, content: string, options: { uid?: number; mode?: number } = {}): void {
    native.disk.writeFile(path, content, { uid: 1000, mode: 0o644, ...options });
  }

  beforeEach(() => {
    native = new FakeNative();
    native.disk.makeDirectory('/run');
    native.disk.makeDirectory('/guarded');
    native.identity = { pid: DAEMON_PID, uid: 0, gid: 0 };
    daemon = new ScriptedDaemon(native, SOCKET, judge);
    group = native.fanotify.createGroup(GROUP_FLAGS, constants.O_RDONLY);
    native.fanotify.markPath(group, constants.FAN_MARK_ADD, MASK, '/guarded');
    gates = [];
    told = [];
    nowMs = 1_000;
    shared = memory();
    fdsBefore = native.openFdCount;
  });

  afterEach(() => {
    for (const gate of gates) gate.close();
    daemon.close();
    expect(native.unansweredEvents).toBe(0);
    native.files.close(group);
    expect(native.openFdCount).toBe(0);
    expect(native.poller.openHandles).toBe(0);
    expect(fdsBefore).toBe(2);
  });

  test('a clean file opens and an infected one is refused', async () => {
    write('/guarded/clean', 'good');
    write('/guarded/bad', 'EVIL');
    createGate(0);
    await expect(native.opener.open('/guarded/clean')).resolves.toBe('allowed');
    await expect(native.opener.open('/guarded/bad', { pid: 55 })).resolves.toBe('EPERM');
    expect(told).toContainEqual({
      kind: 'detection',
      detection: expect.objectContaining({ signatureName: 'Test.Evil', pid: 55, decision: 'deny' }),
    });
  });

  test('the second open of an unchanged file is not scanned again, a changed one is', async () => {
    write('/guarded/f', 'good');
    createGate(0);
    await native.opener.open('/guarded/f');
    await native.opener.open('/guarded/f');
    expect(daemon.scanned).toEqual(['good']);
    write('/guarded/f', 'EVIL');
    await expect(native.opener.open('/guarded/f')).resolves.toBe('EPERM');
  });

  test('a file that somebody holds open for writing is scanned at every open', async () => {
    write('/guarded/f', 'good');
    createGate(0);
    const writer = await native.opener.hold('/guarded/f', { write: true });
    await native.opener.open('/guarded/f');
    await native.opener.open('/guarded/f');
    expect(daemon.scanned).toHaveLength(3);
    if (writer.outcome === 'allowed') writer.close();
  });

  test('closing after a write drops the verdict', async () => {
    write('/guarded/f', 'good');
    createGate(0);
    await native.opener.open('/guarded/f');
    const writer = await native.opener.hold('/guarded/f', { write: true });
    if (writer.outcome === 'allowed') writer.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await native.opener.open('/guarded/f');
    expect(daemon.scanned).toHaveLength(3);
    expect(totals().closesAfterWrite).toBe(1);
  });

  test('a file that only root can write to is cached in the kernel, others are not', async () => {
    write('/guarded/root', 'good', { uid: 0 });
    write('/guarded/shared', 'good', { uid: 0, mode: 0o664 });
    createGate(0);
    for (let times = 0; times < 3; times += 1) {
      await native.opener.open('/guarded/root');
      await native.opener.open('/guarded/shared');
    }
    expect(totals()).toMatchObject({ kernelMarks: 1, events: 4, cacheHits: 2 });
  });

  test('opens of the same file that come together are one scan', async () => {
    write('/guarded/f', 'HANG');
    createGate(0);
    const opens = [1, 2, 3].map((pid) => native.opener.open('/guarded/f', { pid }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    daemon.answerHeld({ found: 'Late' });
    await expect(Promise.all(opens)).resolves.toEqual(['EPERM', 'EPERM', 'EPERM']);
    expect(daemon.scanned).toHaveLength(1);
  });

  test('its own process and the daemon are let through, whatever they open', async () => {
    write('/guarded/bad', 'EVIL');
    createGate(0);
    await new Promise((resolve) => setTimeout(resolve, 10));
    await expect(native.opener.open('/guarded/bad', { pid: OWN_PID })).resolves.toBe('allowed');
    await expect(native.opener.open('/guarded/bad', { pid: DAEMON_PID })).resolves.toBe('allowed');
    expect(daemon.scanned).toEqual([]);
  });

  test('an empty file and a file above OnAccessMaxFileSize are allowed unscanned', async () => {
    write('/guarded/empty', '');
    write('/guarded/large', 'EVIL'.padEnd(101));
    createGate(0);
    await expect(native.opener.open('/guarded/empty')).resolves.toBe('allowed');
    await expect(native.opener.open('/guarded/large')).resolves.toBe('allowed');
    expect(totals()).toMatchObject({ skippedEmpty: 1, tooLarge: 1, scans: 0 });
  });

  test.each([
    [true, 'EPERM'],
    [false, 'allowed'],
  ])('a scan error is decided by OnAccessDenyOnError (%s) and not cached', async (denyOnError, expected) => {
    write('/guarded/f', 'ERROR');
    createGate(0, { failurePolicy: failurePolicy(denyOnError) });
    await expect(native.opener.open('/guarded/f')).resolves.toBe(expected);
    await expect(native.opener.open('/guarded/f')).resolves.toBe(expected);
    expect(totals()).toMatchObject({ scanError: 2, scans: 2 });
  });

  test('an open that waits too long is decided at its deadline, and its late verdict harms nobody', async () => {
    write('/guarded/f', 'HANG');
    const gate = createGate(0);
    const open = native.opener.open('/guarded/f');
    await new Promise((resolve) => setTimeout(resolve, 20));
    nowMs += 5_001;
    gate.tick();
    await expect(open).resolves.toBe('EPERM');
    daemon.answerHeld('OK');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(totals()).toMatchObject({ timeout: 1, responseErrors: 0, cacheHits: 0 });
  });

  test('a daemon that dies with scans outstanding leaves nobody waiting', async () => {
    write('/guarded/a', 'HANG a');
    write('/guarded/b', 'HANG b');
    createGate(0);
    const opens = ['/guarded/a', '/guarded/b'].map((path) => native.opener.open(path));
    await new Promise((resolve) => setTimeout(resolve, 20));
    daemon.dropConnections();
    await expect(Promise.all(opens)).resolves.toEqual(['EPERM', 'EPERM']);
    expect(totals().daemonDown).toBe(2);
  });

  test('while the daemon is away an open is decided at once, and scanned again after the reconnect', async () => {
    write('/guarded/f', 'good');
    const gate = createGate(0);
    await new Promise((resolve) => setTimeout(resolve, 10));
    daemon.dropConnections();
    await new Promise((resolve) => setTimeout(resolve, 10));
    await expect(native.opener.open('/guarded/f')).resolves.toBe('EPERM');
    nowMs += 60;
    gate.tick();
    await expect(native.opener.open('/guarded/f')).resolves.toBe('allowed');
  });

  test('more waiting opens than slots are decided by the overload row', async () => {
    for (let index = 0; index <= SLOTS; index += 1) write(`/guarded/${index}`, `HANG ${index}`);
    createGate(0);
    const opens = Array.from({ length: SLOTS + 1 }, (_, index) => native.opener.open(`/guarded/${index}`));
    await expect(opens[SLOTS]).resolves.toBe('EPERM');
    expect(totals().overload).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    daemon.answerHeld('OK');
    await new Promise((resolve) => setTimeout(resolve, 20));
    daemon.answerHeld('OK');
    await expect(Promise.all(opens.slice(0, SLOTS))).resolves.toEqual([
      'allowed',
      'allowed',
      'allowed',
      'allowed',
    ]);
  });

  test("another database drops cached verdicts: by the daemon's notice, and by another version", async () => {
    write('/guarded/f', 'good');
    const gate = createGate(0);
    await native.opener.open('/guarded/f');
    daemon.sendRaw(Buffer.from('0: DATABASE RELOADED\0'));
    await new Promise((resolve) => setTimeout(resolve, 10));
    await native.opener.open('/guarded/f');
    expect(daemon.scanned).toHaveLength(2);
    daemon.version = 'ClamAV 1.4.6/2/Sun Nov 22 20:44:46 2026';
    nowMs += 5_001;
    gate.tick();
    await new Promise((resolve) => setTimeout(resolve, 10));
    await native.opener.open('/guarded/f');
    expect(daemon.scanned).toHaveLength(3);
    expect(told.filter(({ kind }) => kind === 'databaseChanged')).toHaveLength(2);
  });

  test('rubbish from the daemon costs the connection, not the openers', async () => {
    write('/guarded/f', 'HANG');
    createGate(0);
    const open = native.opener.open('/guarded/f');
    await new Promise((resolve) => setTimeout(resolve, 20));
    daemon.sendRaw(Buffer.from('4711: fd[3]: OK\0'));
    await expect(open).resolves.toBe('EPERM');
  });

  test('a second gate relieves a stuck one and takes its waiting opens over, each answered once', async () => {
    write('/guarded/f', 'HANG');
    createGate(0);
    const relief = createGate(1, {}, onAnotherThread(native, group));
    const open = native.opener.open('/guarded/f');
    await new Promise((resolve) => setTimeout(resolve, 20));
    new Duty(shared.duty, 0, GATES).beginTurn(nowMs); // as if its read did not come back
    nowMs += 100;
    relief.tick();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(daemon.scanned).toHaveLength(2);
    daemon.answerHeld({ found: 'Late' });
    await expect(open).resolves.toBe('EPERM');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(totals()).toMatchObject({ takeovers: 1, denied: 1, responseErrors: 0 });
  });

  test('excluded users are let through', async () => {
    write('/guarded/bad', 'EVIL');
    native.disk.makeDirectory('/proc');
    native.disk.makeDirectory('/proc/50', { uid: 33 });
    native.disk.makeDirectory('/proc/51', { uid: 34 });
    createGate(0, { excludedUids: [33] });
    await expect(native.opener.open('/guarded/bad', { pid: 50 })).resolves.toBe('allowed');
    await expect(native.opener.open('/guarded/bad', { pid: 51 })).resolves.toBe('EPERM');
    await expect(native.opener.open('/guarded/bad', { pid: 52 })).resolves.toBe('EPERM');
  });

  test('a file closed after writing during its scan is not what the scan says of it', async () => {
    write('/guarded/f', 'HANG');
    createGate(0);
    const before = native.opener.open('/guarded/f');
    await new Promise((resolve) => setTimeout(resolve, 20));
    const writer = native.opener.hold('/guarded/f', { write: true });
    await new Promise((resolve) => setTimeout(resolve, 20));
    daemon.answerHeld('OK');
    const held = await writer;
    if (held.outcome === 'allowed') held.close();
    await expect(before).resolves.toBe('allowed');
    const after = native.opener.open('/guarded/f');
    await new Promise((resolve) => setTimeout(resolve, 20));
    daemon.answerHeld({ found: 'Late' });
    await expect(after).resolves.toBe('EPERM');
  });

  test('nobody joins a scan that was spoiled by a write, or that was begun with other signatures', async () => {
    write('/guarded/f', 'HANG');
    createGate(0);
    const first = native.opener.open('/guarded/f');
    await new Promise((resolve) => setTimeout(resolve, 20));
    daemon.sendRaw(Buffer.from('0: DATABASE RELOADED\0'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const second = native.opener.open('/guarded/f');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(daemon.scanned).toHaveLength(2);
    daemon.answerHeld('OK');
    await expect(Promise.all([first, second])).resolves.toEqual(['allowed', 'allowed']);
  });

  test('a write that another gate was told of drops what this one knows', async () => {
    write('/guarded/f', 'good');
    createGate(0);
    await native.opener.open('/guarded/f');
    new Duty(shared.duty, 1, GATES).noteUnseenWrite();
    await native.opener.open('/guarded/f');
    expect(daemon.scanned).toHaveLength(2);
  });

  test('a group is let go of when it is told to', () => {
    createGate(0).releaseGroup(group);
    expect(told).toContainEqual({ kind: 'groupReleased', group });
    expect(native.poller.openHandles).toBe(2); // the daemon's listener and its session
  });
});
