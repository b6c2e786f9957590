import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { FakeNative } from '@portcullis/shared/testing';
import { failurePolicy } from '../failure-actions.js';
import type { ScriptedDaemon } from '../../test/scripted-daemon.js';
import { Duty } from './duty.js';
import { DAEMON_PID, GateBench, GATES, NOTHING_LEFT, OWN_PID } from './testing/gate-bench.js';

describe('Gate', () => {
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

  test('a clean file opens and an infected one is refused', async () => {
    bench.write('/guarded/clean', 'good');
    bench.write('/guarded/bad', 'EVIL');
    bench.createGate(0);
    await expect(native.opener.open('/guarded/clean')).resolves.toBe('allowed');
    await expect(native.opener.open('/guarded/bad', { pid: 55 })).resolves.toBe('EPERM');
    expect(bench.told).toContainEqual({
      kind: 'detection',
      detection: expect.objectContaining({ signatureName: 'Test.Evil', pid: 55, decision: 'deny' }),
    });
  });

  test('the second open of an unchanged file is not scanned again, a changed one is', async () => {
    bench.write('/guarded/f', 'good');
    bench.createGate(0);
    await native.opener.open('/guarded/f');
    await native.opener.open('/guarded/f');
    expect(daemon.scanned).toEqual(['good']);
    bench.write('/guarded/f', 'EVIL');
    await expect(native.opener.open('/guarded/f')).resolves.toBe('EPERM');
  });

  test('a file that somebody holds open for writing is scanned at every open', async () => {
    bench.write('/guarded/f', 'good');
    bench.createGate(0);
    const writer = await native.opener.hold('/guarded/f', { write: true });
    await native.opener.open('/guarded/f');
    await native.opener.open('/guarded/f');
    expect(daemon.scanned).toHaveLength(3);
    if (writer.outcome === 'allowed') writer.close();
  });

  test('closing after a write drops the verdict', async () => {
    bench.write('/guarded/f', 'good');
    bench.createGate(0);
    await native.opener.open('/guarded/f');
    const writer = await native.opener.hold('/guarded/f', { write: true });
    if (writer.outcome === 'allowed') writer.close();
    await bench.settle();
    await native.opener.open('/guarded/f');
    expect(daemon.scanned).toHaveLength(3);
    expect(bench.totals().closesAfterWrite).toBe(1);
  });

  test('a file that only root can write to is cached in the kernel, others are not', async () => {
    bench.write('/guarded/root', 'good', { uid: 0 });
    bench.write('/guarded/shared', 'good', { uid: 0, mode: 0o664 });
    bench.createGate(0);
    for (let times = 0; times < 3; times += 1) {
      await native.opener.open('/guarded/root');
      await native.opener.open('/guarded/shared');
    }
    expect(bench.totals()).toMatchObject({ kernelMarks: 1, events: 4, cacheHits: 2 });
  });

  test('opens of the same file that come together are one scan', async () => {
    bench.write('/guarded/f', 'HANG');
    bench.createGate(0);
    const opens = [1, 2, 3].map((pid) => native.opener.open('/guarded/f', { pid }));
    await bench.settle();
    daemon.answerHeld({ found: 'Late' });
    await expect(Promise.all(opens)).resolves.toEqual(['EPERM', 'EPERM', 'EPERM']);
    expect(daemon.scanned).toHaveLength(1);
  });

  test('its own process and the daemon are let through, whatever they open', async () => {
    bench.write('/guarded/bad', 'EVIL');
    bench.createGate(0);
    await bench.settle();
    await expect(native.opener.open('/guarded/bad', { pid: OWN_PID })).resolves.toBe('allowed');
    await expect(native.opener.open('/guarded/bad', { pid: DAEMON_PID })).resolves.toBe('allowed');
    expect(daemon.scanned).toEqual([]);
  });

  test('an empty file and a file above OnAccessMaxFileSize are allowed unscanned', async () => {
    bench.write('/guarded/empty', '');
    bench.write('/guarded/large', 'EVIL'.padEnd(101));
    bench.createGate(0);
    await expect(native.opener.open('/guarded/empty')).resolves.toBe('allowed');
    await expect(native.opener.open('/guarded/large')).resolves.toBe('allowed');
    expect(bench.totals()).toMatchObject({ skippedEmpty: 1, tooLarge: 1, scans: 0 });
  });

  test.each([
    [true, 'EPERM'],
    [false, 'allowed'],
  ])('a scan error is decided by OnAccessDenyOnError (%s) and not cached', async (denyOnError, expected) => {
    bench.write('/guarded/f', 'ERROR');
    bench.createGate(0, { failurePolicy: failurePolicy({ denyOnError }) });
    await expect(native.opener.open('/guarded/f')).resolves.toBe(expected);
    await expect(native.opener.open('/guarded/f')).resolves.toBe(expected);
    expect(bench.totals()).toMatchObject({ scanError: 2, scans: 2 });
  });

  test('an open that waits too long is decided at its deadline, and its late verdict harms nobody', async () => {
    bench.write('/guarded/f', 'HANG');
    const gate = bench.createGate(0);
    const open = native.opener.open('/guarded/f');
    await bench.settle();
    bench.nowMs += 5_001;
    gate.tick();
    await expect(open).resolves.toBe('EPERM');
    daemon.answerHeld('OK');
    await bench.settle();
    expect(bench.totals()).toMatchObject({ timeout: 1, responseErrors: 0, cacheHits: 0 });
  });

  test('a daemon that dies with scans outstanding leaves nobody waiting', async () => {
    bench.write('/guarded/a', 'HANG a');
    bench.write('/guarded/b', 'HANG b');
    bench.createGate(0);
    const opens = ['/guarded/a', '/guarded/b'].map((path) => native.opener.open(path));
    await bench.settle();
    daemon.dropConnections();
    await expect(Promise.all(opens)).resolves.toEqual(['EPERM', 'EPERM']);
    expect(bench.totals().daemonDown).toBe(2);
  });

  test('while the daemon is away an open is decided at once, and scanned again after the reconnect', async () => {
    bench.write('/guarded/f', 'good');
    const gate = bench.createGate(0);
    await bench.settle();
    daemon.dropConnections();
    await bench.settle();
    await expect(native.opener.open('/guarded/f')).resolves.toBe('EPERM');
    bench.nowMs += 60;
    gate.tick();
    await expect(native.opener.open('/guarded/f')).resolves.toBe('allowed');
  });

  test('more waiting opens than slots are decided by the overload row', async () => {
    for (let index = 0; index <= bench.slots; index += 1) bench.write(`/guarded/${index}`, `HANG ${index}`);
    bench.createGate(0);
    const opens = Array.from({ length: bench.slots + 1 }, (_, index) =>
      native.opener.open(`/guarded/${index}`),
    );
    await expect(opens[bench.slots]).resolves.toBe('EPERM');
    expect(bench.totals().overload).toBe(1);
    await bench.settle();
    daemon.answerHeld('OK');
    await bench.settle();
    daemon.answerHeld('OK');
    await expect(Promise.all(opens.slice(0, bench.slots))).resolves.toEqual([
      'allowed',
      'allowed',
      'allowed',
      'allowed',
    ]);
  });

  test("another database drops cached verdicts: by the daemon's notice, and by another version", async () => {
    bench.write('/guarded/f', 'good');
    const gate = bench.createGate(0);
    await native.opener.open('/guarded/f');
    daemon.sendRaw(Buffer.from('0: DATABASE RELOADED\0'));
    await bench.settle();
    await native.opener.open('/guarded/f');
    expect(daemon.scanned).toHaveLength(2);
    daemon.version = 'ClamAV 1.4.6/2/Sun Nov 22 20:44:46 2026';
    bench.nowMs += 5_001;
    gate.tick();
    await bench.settle();
    await native.opener.open('/guarded/f');
    expect(daemon.scanned).toHaveLength(3);
    expect(bench.told.filter(({ kind }) => kind === 'databaseChanged')).toHaveLength(2);
  });

  test('rubbish from the daemon costs the connection, not the openers', async () => {
    bench.write('/guarded/f', 'HANG');
    bench.createGate(0);
    const open = native.opener.open('/guarded/f');
    await bench.settle();
    daemon.sendRaw(Buffer.from('4711: fd[3]: OK\0'));
    await expect(open).resolves.toBe('EPERM');
  });

  test('a second gate relieves a stuck one and takes its waiting opens over, each answered once', async () => {
    bench.write('/guarded/f', 'HANG');
    bench.createGate(0);
    const relief = bench.createGate(1);
    const open = native.opener.open('/guarded/f');
    await bench.settle();
    bench.stick(0);
    bench.nowMs += 100;
    relief.tick();
    await bench.settle();
    expect(daemon.scanned).toHaveLength(2);
    daemon.answerHeld({ found: 'Late' });
    await expect(open).resolves.toBe('EPERM');
    await bench.settle();
    expect(bench.totals()).toMatchObject({ takeovers: 1, denied: 1, responseErrors: 0 });
  });

  test('excluded users are let through', async () => {
    bench.write('/guarded/bad', 'EVIL');
    native.disk.makeDirectory('/proc');
    native.disk.makeDirectory('/proc/50', { uid: 33 });
    native.disk.makeDirectory('/proc/51', { uid: 34 });
    bench.procTexts.set('/proc/50/status', 'Uid:\t33\t33\t33\t33\n');
    bench.createGate(0, { excludedUids: [33] });
    await expect(native.opener.open('/guarded/bad', { pid: 50 })).resolves.toBe('allowed');
    await expect(native.opener.open('/guarded/bad', { pid: 51 })).resolves.toBe('EPERM');
    await expect(native.opener.open('/guarded/bad', { pid: 52 })).resolves.toBe('EPERM');
  });

  test('a file closed after writing during its scan is not what the scan says of it', async () => {
    bench.write('/guarded/f', 'HANG');
    bench.createGate(0);
    const before = native.opener.open('/guarded/f');
    await bench.settle();
    const writer = native.opener.hold('/guarded/f', { write: true });
    await bench.settle();
    daemon.answerHeld('OK');
    const held = await writer;
    if (held.outcome === 'allowed') held.close();
    await expect(before).resolves.toBe('allowed');
    const after = native.opener.open('/guarded/f');
    await bench.settle();
    daemon.answerHeld({ found: 'Late' });
    await expect(after).resolves.toBe('EPERM');
  });

  test('nobody joins a scan that was spoiled by a write, or that was begun with other signatures', async () => {
    bench.write('/guarded/f', 'HANG');
    bench.createGate(0);
    const first = native.opener.open('/guarded/f');
    await bench.settle();
    daemon.sendRaw(Buffer.from('0: DATABASE RELOADED\0'));
    await bench.settle();
    const second = native.opener.open('/guarded/f');
    await bench.settle();
    expect(daemon.scanned).toHaveLength(2);
    daemon.answerHeld('OK');
    await expect(Promise.all([first, second])).resolves.toEqual(['allowed', 'allowed']);
  });

  test('a write that another gate was told of drops what this one knows', async () => {
    bench.write('/guarded/f', 'good');
    bench.createGate(0);
    await native.opener.open('/guarded/f');
    new Duty(bench.dutyMemory, 1, GATES).noteUnseenWrite();
    await native.opener.open('/guarded/f');
    expect(daemon.scanned).toHaveLength(2);
  });

  test('a group is let go of when it is told to', () => {
    bench.createGate(0).releaseGroup(bench.group);
    expect(bench.told).toContainEqual({ kind: 'groupReleased', group: bench.group });
    expect(native.poller.openHandles).toBe(3); // the bench's, the daemon's listener and its session
  });
});
