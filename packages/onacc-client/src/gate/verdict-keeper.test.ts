import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { constants, emptyFileStatus } from '@portcullis/shared/native';
import { FakeNative } from '@portcullis/shared/testing';
import { EventSlots } from './event-slots.js';
import { keyOf } from './file-key.js';
import type { FileKey } from './file-key.js';
import { Flight } from './flights.js';
import { LEASE_SIGNAL, LeaseGuard } from './lease-guard.js';
import { LeaseReleaser } from './lease-releaser.js';
import { LeaseTable } from './lease-table.js';
import { VerdictKeeper } from './verdict-keeper.js';

const FAKE_DEVICE = '253:0';
const OPTIONS = { cacheEntriesMax: 64, kernelCache: true, leaseDevices: [FAKE_DEVICE] };

describe('VerdictKeeper', () => {
  let native: FakeNative;
  let group: number;
  let table: LeaseTable;
  let keeper: VerdictKeeper;
  let fdsBefore: number;

  beforeEach(() => {
    native = new FakeNative();
    native.disk.writeFile('/srv/roots', 'clean');
    native.disk.writeFile('/srv/users', 'clean', { uid: 1_000 });
    group = native.fanotify.createGroup(constants.FAN_CLASS_CONTENT, 0);
    table = new LeaseTable(LeaseTable.memory(8, 2_000));
    table.open(native.signals.threadId());
    native.signals.block([LEASE_SIGNAL]);
    keeper = new VerdictKeeper(native, OPTIONS, new LeaseGuard(native, table, [FAKE_DEVICE]));
    fdsBefore = native.openFdCount;
  });

  afterEach(() => {
    table.close();
    new LeaseReleaser(native, table).releaseAll();
    expect(native.openFdCount).toBe(fdsBefore);
  });

  function keyAt(path: string): FileKey {
    const status = emptyFileStatus();
    native.files.statusOfPath(path, status);
    return keyOf(status);
  }

  /** A scan of the file ends with a clean verdict; the descriptor is closed unless it was taken. */
  function scanned(path: string, its = keeper, key = keyAt(path)): string {
    const slots = new EventSlots(EventSlots.memory(1, 1), 0, 1);
    const file = { key, isQuiet: true, keepable: true, mount: 0 };
    const flight = new Flight(file, { generation: its.generation, slots, retriesLeft: 0 });
    const fd = native.openFile(path);
    const keeping = its.keepClean(flight, { fd, group, pid: 1 });
    if (keeping !== 'tookFd') native.files.close(fd);
    return keeping;
  }

  function knows(path: string, its = keeper): boolean {
    const [status, fd] = [emptyFileStatus(), native.openFile(path)];
    native.files.status(fd, status);
    const known = its.knowsClean(status, fd);
    native.files.close(fd);
    return known;
  }

  test('root’s file gets a mark, another one its descriptor held, and both are known', () => {
    expect([scanned('/srv/roots'), scanned('/srv/users')]).toEqual(['marked', 'tookFd']);
    expect([knows('/srv/roots'), knows('/srv/users'), table.used]).toEqual([true, true, 1]);
  });

  test('without leases, and where the kernel is not to know, only the verdict is kept', () => {
    const plain = new VerdictKeeper(native, OPTIONS);
    expect([scanned('/srv/users', plain), knows('/srv/users', plain)]).toEqual(['none', true]);
    const guard = new LeaseGuard(native, table, [FAKE_DEVICE]);
    const userSpace = new VerdictKeeper(native, { ...OPTIONS, kernelCache: false }, guard);
    expect([scanned('/srv/roots', userSpace), scanned('/srv/users', userSpace)]).toEqual(['none', 'none']);
    expect([knows('/srv/users', userSpace), table.used]).toEqual([true, 0]);
  });

  test('with somebody writing nothing is kept, and nothing is served', () => {
    scanned('/srv/users');
    new LeaseReleaser(native, table).releaseAll();
    const writer = native.openFile('/srv/users', 'write');
    expect([scanned('/srv/users'), knows('/srv/users'), table.used]).toEqual(['none', false, 0]);
    native.files.close(writer);
    expect(knows('/srv/users')).toBe(true);
  });

  test('a version that has changed since the scan is neither held nor known', () => {
    const before = keyAt('/srv/users');
    native.disk.writeFile('/srv/users', 'other');
    expect([scanned('/srv/users', keeper, before), knows('/srv/users'), table.used]).toEqual([
      'none',
      false,
      0,
    ]);
  });

  test('a verdict from before a flush is not kept, and a flush lets go of what is held', () => {
    const slots = new EventSlots(EventSlots.memory(1, 1), 0, 1);
    const { generation } = keeper;
    const file = { key: keyAt('/srv/users'), isQuiet: true, keepable: true, mount: 0 };
    const flight = new Flight(file, { generation, slots, retriesLeft: 0 });
    scanned('/srv/users');
    const { dropsAsked } = table;
    keeper.flush();
    expect(table.dropsAsked).not.toBe(dropsAsked);
    const fd = native.openFile('/srv/users');
    expect(keeper.keepClean(flight, { fd, group, pid: 1 })).toBe('none');
    native.files.close(fd);
    expect(knows('/srv/users')).toBe(false);
  });

  test('markInKernel holds a file that is known, and a close after writing gives it up before it is marked', () => {
    scanned('/srv/users');
    new LeaseReleaser(native, table).releaseAll();
    keeper.forget(keyAt('/srv/users'), { fd: native.openFile('/srv/users'), group });
    fdsBefore += 1;
    const fd = native.openFile('/srv/users');
    expect(keeper.markInKernel(keyAt('/srv/users'), { fd, group, pid: 1 })).toBe('tookFd');
    keeper.forget(keyAt('/srv/users'), { fd, group });
    keeper.onQueueEmpty(group);
    expect([table.used, knows('/srv/users')]).toEqual([0, false]);
  });
});
