import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { constants } from '@portcullis/shared/native';
import type { FakeNative } from '@portcullis/shared/testing';
import type { ScriptedDaemon } from '../../test/scripted-daemon.js';
import { DAEMON_PID, GateBench, NOTHING_LEFT } from './testing/gate-bench.js';

describe('Gate, with somebody who would get around it, and when a thread fails', () => {
  let bench: GateBench;
  let native: FakeNative;
  let daemon: ScriptedDaemon;

  beforeEach(() => {
    bench = new GateBench();
    ({ native, daemon } = bench);
  });

  afterEach(() => {
    expect(bench.close()).toEqual(NOTHING_LEFT);
  });

  test('with a writer about, nobody joins a scan: what it has read may be other content by now', async () => {
    bench.write('/guarded/f', 'HANG');
    bench.createGate(0);
    const first = native.opener.open('/guarded/f');
    await bench.settle();
    // Through a mount that is not marked.
    const writing = native.openFile('/guarded/f', 'write');
    const second = native.opener.open('/guarded/f');
    await bench.settle();
    expect([daemon.scanned.length, bench.totals().joinedFlights]).toEqual([2, 0]);
    native.files.close(writing);
    daemon.answerHeld('OK');
    await expect(Promise.all([first, second])).resolves.toEqual(['allowed', 'allowed']);
  });

  test('nobody joins a scan that was begun with a writer about, though he is gone', async () => {
    bench.write('/guarded/f', 'HANG');
    bench.createGate(0);
    const writing = native.openFile('/guarded/f', 'write');
    const first = native.opener.open('/guarded/f');
    await bench.settle();
    native.fanotify.markPath(bench.group, constants.FAN_MARK_REMOVE, constants.FAN_CLOSE_WRITE, '/guarded');
    native.files.close(writing);
    const second = native.opener.open('/guarded/f');
    await bench.settle();
    expect(daemon.scanned).toHaveLength(2);
    daemon.answerHeld('OK');
    await expect(Promise.all([first, second])).resolves.toEqual(['allowed', 'allowed']);
  });

  test('on a filesystem whose word is not to be relied on nothing is kept, joined or taken for empty', async () => {
    const OVERLAYFS = 0x794c_7630;
    for (const [name, content] of [
      ['clean', 'good'],
      ['empty', ''],
      ['slow', 'HANG'],
    ] as const) {
      bench.write(`/guarded/${name}`, content, { uid: 0 });
      native.disk.require(`/guarded/${name}`, 'open').filesystemType = OVERLAYFS;
    }
    bench.createGate(0);
    await native.opener.open('/guarded/clean');
    await native.opener.open('/guarded/clean');
    await native.opener.open('/guarded/empty');
    expect(daemon.scanned).toEqual(['good', 'good', '']);
    const opens = [1, 2].map((pid) => native.opener.open('/guarded/slow', { pid }));
    await bench.settle();
    expect(daemon.scanned).toHaveLength(5);
    daemon.answerHeld('OK');
    await Promise.all(opens);
    expect(bench.totals()).toMatchObject({ cacheHits: 0, kernelMarks: 0, skippedEmpty: 0, joinedFlights: 0 });
  });

  test('what is known of a removable disk holds for one mount of it, of any other disk for all', async () => {
    bench.write('/guarded/f', 'good');
    const inode = native.disk.require('/guarded/f', 'open');
    bench.createGate(0, { leaseDevices: ['8:1'] });
    for (const mountId of [5, 5, 6, 6]) {
      inode.mountId = mountId;
      await native.opener.open('/guarded/f');
    }
    expect([daemon.scanned.length, bench.totals().cacheHits]).toEqual([2, 2]);
    const other = new GateBench();
    other.write('/guarded/f', 'good');
    other.createGate(0, { leaseDevices: ['253:0'] });
    for (const mountId of [5, 6]) {
      other.native.disk.require('/guarded/f', 'open').mountId = mountId;
      await other.native.opener.open('/guarded/f');
    }
    expect([other.daemon.scanned.length, other.totals().cacheHits]).toEqual([1, 1]);
    expect(other.close()).toEqual(NOTHING_LEFT);
  });

  test('a process that has the number of a daemon that is gone is nobody special', async () => {
    bench.write('/guarded/f', 'good');
    bench.createGate(0);
    await bench.settle();
    daemon.dropConnections();
    await bench.settle();
    await expect(native.opener.open('/guarded/f', { pid: DAEMON_PID })).resolves.toBe('EPERM');
    expect(bench.totals().skippedDaemonProcess).toBe(0);
  });

  test('a gate whose turn has failed is relieved at once', async () => {
    bench.write('/guarded/f', 'HANG');
    const failing = bench.createGate(0);
    const relief = bench.createGate(1);
    const open = native.opener.open('/guarded/f');
    await bench.settle();
    const { nowMs } = bench;
    // With a group of this kind the clock is asked within the turn, too; there it fails once.
    const harmless = native.fanotify.createGroup(constants.FAN_CLASS_CONTENT, constants.O_RDONLY);
    failing.addGroup(harmless, true);
    let asked = 0;
    Object.defineProperty(bench, 'nowMs', {
      configurable: true,
      get: () => {
        asked += 1;
        if (asked === 3) throw new Error('broken');
        return nowMs;
      },
    });
    expect(() => {
      failing.tick();
    }).toThrow('broken');
    Object.defineProperty(bench, 'nowMs', { configurable: true, writable: true, value: nowMs });
    relief.tick();
    await bench.settle();
    expect(bench.totals().takeovers).toBe(1);
    daemon.answerHeld({ found: 'Late' });
    await expect(open).resolves.toBe('EPERM');
    failing.releaseGroup(harmless);
    native.files.close(harmless);
  });

  test('an open that was taken over keeps its first deadline', async () => {
    bench.write('/guarded/f', 'HANG');
    bench.write('/guarded/g', 'HANG g');
    bench.createGate(0);
    const relief = bench.createGate(1);
    const first = native.opener.open('/guarded/f');
    await bench.settle();
    bench.stick(0);
    bench.nowMs += 4_000;
    relief.tick();
    const second = native.opener.open('/guarded/g');
    await bench.settle();
    expect(bench.totals().takeovers).toBe(1);
    bench.nowMs += 1_001;
    relief.tick();
    await expect(first).resolves.toBe('EPERM');
    expect(bench.totals().timeout).toBe(1);
    bench.nowMs += 4_000;
    relief.tick();
    await expect(second).resolves.toBe('EPERM');
    expect(bench.totals().timeout).toBe(2);
  });
});
