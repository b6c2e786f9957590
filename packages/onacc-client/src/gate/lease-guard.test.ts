import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { constants, emptyFileStatus, WOULD_BLOCK } from '@portcullis/shared/native';
import { FakeNative } from '@portcullis/shared/testing';
import { monotonicMs } from './clock.js';
import { keyOf } from './file-key.js';
import type { FileKey } from './file-key.js';
import { LEASE_SIGNAL, LeaseGuard } from './lease-guard.js';
import { LEASE_MAX_MS, LeaseReleaser } from './lease-releaser.js';
import { LeaseTable } from './lease-table.js';

const FAKE_DEVICE = '253:0';
const { FAN_CLASS_CONTENT, FAN_EVENT_ON_CHILD, FAN_MARK_ADD, FAN_OPEN_PERM } = constants;

describe('LeaseGuard with LeaseReleaser', () => {
  let native: FakeNative;
  let group: number;
  let table: LeaseTable;
  let guard: LeaseGuard;
  let releaser: LeaseReleaser;
  let signalFd: number;
  let fdsBefore: number;

  beforeEach(() => {
    native = new FakeNative();
    for (const name of ['a', 'b', 'c']) native.disk.writeFile(`/srv/${name}`, 'clean', { uid: 1_000 });
    group = native.fanotify.createGroup(FAN_CLASS_CONTENT, 0);
    native.fanotify.markPath(group, FAN_MARK_ADD, FAN_OPEN_PERM | FAN_EVENT_ON_CHILD, '/srv');
    const memory = LeaseTable.memory(4, 2_000);
    table = new LeaseTable(memory);
    native.signals.block([LEASE_SIGNAL, constants.SIGIO]);
    signalFd = native.signals.open([LEASE_SIGNAL, constants.SIGIO]);
    table.open(native.signals.threadId());
    guard = new LeaseGuard(native, table, [FAKE_DEVICE]);
    releaser = new LeaseReleaser(native, table);
    fdsBefore = native.openFdCount;
  });

  afterEach(() => {
    table.close();
    releaser.releaseAll();
    expect([table.used, native.openFdCount]).toEqual([0, fdsBefore]);
  });

  function keyAt(path: string): FileKey {
    const status = emptyFileStatus();
    native.files.statusOfPath(path, status);
    return keyOf(status);
  }

  /** As a gate does after a clean verdict. @returns whether the descriptor was taken; closed if not. */
  function guarded(path: string, key = keyAt(path)): boolean {
    const fd = native.openFile(path);
    const taken = guard.guard({ fd, group }, key, 'again');
    if (!taken) native.files.close(fd);
    return taken;
  }

  /** Whether the kernel asks about an open of the file; the opener is let through. */
  async function asks(path: string): Promise<boolean> {
    const opened = native.opener.open(path);
    const record = Buffer.alloc(24);
    const asked = native.fanotify.readEvents(group, record) !== WOULD_BLOCK;
    if (asked) {
      const answer = Buffer.alloc(8);
      record.copy(answer, 0, 16, 20);
      answer.writeUInt32LE(constants.FAN_ALLOW, 4);
      native.fanotify.respond(group, answer, 1);
      native.files.close(record.readInt32LE(16));
    }
    expect(await opened).toBe('allowed');
    return asked;
  }

  function handleSignals(): void {
    releaser.onSignals(native.signals.read(signalFd) ?? []);
  }

  test('the mark is set once the queue is empty, and goes before the writer comes in', async () => {
    expect(guarded('/srv/a')).toBe(true);
    expect(await asks('/srv/a')).toBe(true);
    guard.settle(group);
    expect(await asks('/srv/a')).toBe(false);
    const writer = native.opener.hold('/srv/a', { write: true });
    await new Promise(setImmediate);
    handleSignals();
    expect((await writer).outcome).toBe('allowed');
    expect([await asks('/srv/a'), table.used]).toEqual([true, 0]);
  });

  test('a writer that comes before the mark goes on at once, and no mark is set afterwards', async () => {
    guarded('/srv/a');
    const asked = native.opener.hold('/srv/a', { write: true });
    native.fanotify.readEvents(group, Buffer.alloc(24));
    native.files.close(group); // Whoever waits is allowed.
    group = native.fanotify.createGroup(FAN_CLASS_CONTENT, 0);
    await new Promise(setImmediate);
    handleSignals();
    expect((await asked).outcome).toBe('allowed');
    guard.settle(group);
    expect(table.used).toBe(0);
    fdsBefore = native.openFdCount;
  });

  test('only the group whose queue is empty is settled', async () => {
    guarded('/srv/a');
    guard.settle(group + 1);
    expect(await asks('/srv/a')).toBe(true);
    guard.settle(group);
    expect(await asks('/srv/a')).toBe(false);
  });

  test('a file that a writer has closed before the mark is left unmarked', async () => {
    guarded('/srv/a');
    guarded('/srv/b');
    guard.forget(keyAt('/srv/a'));
    guard.settle(group);
    expect([await asks('/srv/a'), await asks('/srv/b'), table.used]).toEqual([true, false, 1]);
  });

  test('not guarded: another version, an open writer, a strange device, no name, no lease, full, twice', async () => {
    const key = keyAt('/srv/a');
    expect(guarded('/srv/a', { ...key, sizeBytes: 4 })).toBe(false);
    expect(guarded('/srv/a', { ...key, devMinor: 1 })).toBe(false);
    expect(guarded('/srv/a', { ...key, linkCount: 0 })).toBe(false);
    const writer = native.openFile('/srv/a', 'write');
    expect(guarded('/srv/a')).toBe(false);
    native.files.close(writer);
    const bounded = new LeaseTable(LeaseTable.memory(1, 2_000));
    bounded.open(1);
    const small = new LeaseGuard(native, bounded, [FAKE_DEVICE]);
    const fd = native.openFile('/srv/a');
    expect(small.guard({ fd, group }, key, 'once')).toBe(false);
    native.files.close(fd);
    expect([guarded('/srv/a'), guarded('/srv/a')]).toEqual([true, false]);
    native.disk.require('/srv/b', 'open').leases = false;
    expect(guarded('/srv/b')).toBe(false);
    // The device is known to have no leases from now on.
    expect(guarded('/srv/c')).toBe(false);
    guard.settle(group);
    expect(await asks('/srv/a')).toBe(false);
  });

  test('work: what is held too long goes, the rest stays, and everything goes when that is asked for', async () => {
    for (const name of ['a', 'b']) guarded(`/srv/${name}`);
    guard.settle(group);
    expect(releaser.work(monotonicMs())).toBe(false);
    expect(await asks('/srv/a')).toBe(false);
    expect(releaser.work(monotonicMs() + LEASE_MAX_MS + 1_000)).toBe(false);
    expect([await asks('/srv/a'), await asks('/srv/b'), table.used]).toEqual([true, true, 0]);
    guarded('/srv/a');
    guard.settle(group);
    guarded('/srv/b');
    guard.dropAll();
    expect(releaser.work(monotonicMs())).toBe(false);
    guard.settle(group);
    expect([await asks('/srv/a'), await asks('/srv/b'), table.used]).toEqual([true, true, 0]);
  });

  test('SIGIO: signals were lost, so every lease is asked', async () => {
    for (const name of ['a', 'b']) guarded(`/srv/${name}`);
    guard.settle(group);
    const writer = native.opener.hold('/srv/a', { write: true });
    await new Promise(setImmediate);
    native.signals.read(signalFd); // Lost.
    releaser.onSignals([{ signal: constants.SIGIO, fd: 0 }]);
    expect((await writer).outcome).toBe('allowed');
    expect([await asks('/srv/a'), await asks('/srv/b')]).toEqual([true, false]);
  });

  test('a call that fails leaves no place taken', () => {
    native.failNext('hold', 'EIO');
    const fd = native.openFile('/srv/a');
    expect(() => guard.guard({ fd, group }, keyAt('/srv/a'), 'again')).toThrow('EIO');
    native.files.close(fd);
    expect(table.used).toBe(0);
  });

  test('nothing is entrusted to a lease thread that is gone', () => {
    const fd = native.openFile('/srv/a');
    const ticket = table.take(fd, group, { nowMs: 1, usedMax: 4 })!;
    table.close();
    expect(table.park(fd, ticket)).toBe(false);
    expect(table.commit(fd, ticket)).toBe(false);
    table.abandon(fd);
    native.files.close(fd);
    table.open(1);
    guarded('/srv/b');
    table.close();
    guard.settle(group);
    expect([table.used, native.openFdCount]).toEqual([0, fdsBefore]);
  });

  test('SIGIO: a descriptor that is let go of meanwhile harms nobody, and it is looked again for a while', async () => {
    guarded('/srv/a');
    guarded('/srv/b');
    guard.settle(group);
    const writer = native.opener.hold('/srv/a', { write: true });
    await new Promise(setImmediate);
    native.signals.read(signalFd); // Lost.
    // Neither can be asked at the first look.
    for (let times = 0; times < 2; times += 1) native.failNext('isBeingBroken', 'EBADF');
    releaser.onSignals([{ signal: constants.SIGIO, fd: 0 }]);
    expect(table.used).toBe(2);
    releaser.work(monotonicMs());
    expect((await writer).outcome).toBe('allowed');
    expect([await asks('/srv/a'), await asks('/srv/b')]).toEqual([true, false]);
  });

  test('a mark that cannot be set leaves nothing held', () => {
    guarded('/srv/a');
    native.failNext('markFd', 'ENOSPC');
    guard.settle(group);
    expect([table.used, native.openFdCount]).toEqual([0, fdsBefore]);
    expect(guarded('/srv/a')).toBe(true);
    native.failNext('markFd', 'EINVAL');
    guard.settle(group);
    // A kernel without evictable marks: nothing is tried any more.
    expect([guarded('/srv/a'), table.used, native.openFdCount]).toEqual([false, 0, fdsBefore]);
  });
});
