import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { failurePolicy } from '../failure-actions.js';
import { GateBench, NOTHING_LEFT, OWN_PID } from './testing/gate-bench.js';

describe('scans', () => {
  let bench: GateBench;

  beforeEach(() => {
    bench = new GateBench({ slots: 128 });
  });

  afterEach(() => {
    expect(bench.close()).toEqual(NOTHING_LEFT);
    expect(bench.totals().responseErrors).toBe(0);
  });

  test('64 openers of one file are one scan, and each gets its answer', async () => {
    const { native, daemon } = bench;
    bench.write('/guarded/f', 'HANG');
    bench.createGate(0);
    const opens = Array.from({ length: 64 }, (_, pid) => native.opener.open('/guarded/f', { pid: pid + 1 }));
    await bench.settle();
    daemon.answerHeld({ found: 'Late' });
    expect(await Promise.all(opens)).toEqual(Array.from({ length: 64 }, () => 'EPERM'));
    expect(daemon.scanned).toHaveLength(1);
    expect(bench.totals()).toMatchObject({ scans: 1, joinedFlights: 63, denied: 64 });
    expect(bench.detections).toHaveLength(64);
  });

  test.each([
    ['allow', 'allowed'],
    ['deny', 'EPERM'],
  ] as const)(
    'that a limit ended are decided by their own row (%s), not tried again, not kept',
    async (said, expected) => {
      const own = new GateBench({ judge: () => ({ error: 'Incomplete scan (MaxFileSize)' }) });
      own.write('/guarded/f', 'large');
      const failures = failurePolicy({ denyOnError: said === 'allow', overrides: { incomplete: said } });
      own.createGate(0, { failurePolicy: failures, retryAttempts: 3 });
      for (let times = 0; times < 2; times += 1) {
        await expect(own.native.opener.open('/guarded/f')).resolves.toBe(expected);
      }
      expect(own.daemon.scanned).toHaveLength(2);
      expect(own.totals()).toMatchObject({ incomplete: 2, scanError: 0, retries: 0 });
      expect(own.close()).toEqual(NOTHING_LEFT);
    },
  );

  describe('of written files (OnAccessExtraScanning)', () => {
    test('a file that was closed after writing is scanned, and only told of', async () => {
      bench.write('/guarded/f', 'good');
      bench.createGate(0, { extraScanning: true });
      await bench.writeAndClose('/guarded/f', 'EVIL', 60);
      await bench.settle();
      expect(bench.detections).toMatchObject([{ path: '/guarded/f', pid: 60, decision: 'notified' }]);
      expect(bench.totals()).toMatchObject({ extraScans: 1, denied: 0, infected: 1 });
    });

    test('not without the option, not those of this process, not empty ones', async () => {
      bench.write('/guarded/f', 'good');
      const gate = bench.createGate(0);
      await bench.writeAndClose('/guarded/f', 'EVIL');
      await bench.settle();
      gate.close();
      expect(bench.totals().extraScans).toBe(0);
      bench.write('/guarded/f', 'good');
      bench.createGate(0, { extraScanning: true });
      await bench.writeAndClose('/guarded/f', '', 60);
      await bench.writeAndClose('/guarded/f', 'EVIL', OWN_PID);
      await bench.settle();
      expect(bench.totals().extraScans).toBe(0);
      expect(bench.detections).toEqual([]);
    });

    test('its descriptor can be handed over', async () => {
      bench.write('/guarded/f', 'good');
      bench.createGate(0, { extraScanning: true, handOverInfected: true });
      await bench.writeAndClose('/guarded/f', 'EVIL');
      await bench.settle();
      const { fd } = bench.detections[0]!.judged!;
      bench.native.files.close(fd);
    });

    test('they leave room for opens: a quarter of the window, in line behind it, ahead when somebody opens them', async () => {
      const { native, daemon } = bench;
      bench.createGate(0, { extraScanning: true, scansInFlightMax: 4 });
      for (let file = 0; file < 5; file += 1) {
        bench.write(`/guarded/${file}`, 'good');
        await bench.writeAndClose(`/guarded/${file}`, `HANG ${file}`);
      }
      await bench.settle();
      const scannedFirst = daemon.scanned.filter((content) => content.startsWith('HANG'));
      expect(scannedFirst).toEqual(['HANG 0']);
      const open = native.opener.open('/guarded/3');
      await bench.settle();
      expect(daemon.scanned.at(-1)).toBe('HANG 3');
      for (let turn = 0; turn < 5; turn += 1) {
        daemon.answerHeld('OK');
        await bench.settle();
      }
      await expect(open).resolves.toBe('allowed');
      expect(daemon.scanned.filter((content) => content.startsWith('HANG'))).toHaveLength(5);
      expect(bench.totals()).toMatchObject({ extraScans: 5, timeout: 0 });
    });

    test('they take at most half of the slots, and the daemon’s absence ends them all at once', async () => {
      const { daemon } = bench;
      bench.createGate(0, { extraScanning: true, scansInFlightMax: 4 });
      for (let file = 0; file < 70; file += 1) {
        bench.write(`/guarded/${file}`, 'good');
        await bench.writeAndClose(`/guarded/${file}`, `HANG ${file}`);
      }
      await bench.settle();
      expect(bench.totals()).toMatchObject({ extraScans: 64, overload: 6 });
      daemon.dropConnections();
      await bench.settle();
      expect(bench.totals().daemonDown).toBe(64);
    });

    test('those that a stop finds in line are let go of', async () => {
      const gate = bench.createGate(0, { extraScanning: true, scansInFlightMax: 4 });
      for (let file = 0; file < 3; file += 1) {
        bench.write(`/guarded/${file}`, 'good');
        await bench.writeAndClose(`/guarded/${file}`, `HANG ${file}`);
      }
      await bench.settle();
      gate.close();
      expect(bench.native.openFdCount).toBe(3); // the group, the daemon's listener and its end of the session
    });

    test('another gate that takes one over does not answer it', async () => {
      bench.write('/guarded/f', 'good');
      bench.createGate(0, { extraScanning: true });
      const relief = bench.createGate(1, { extraScanning: true });
      await bench.writeAndClose('/guarded/f', 'HANG');
      await bench.settle();
      bench.stick(0);
      bench.nowMs += 100;
      relief.tick();
      await bench.settle();
      bench.daemon.answerHeld({ found: 'Late' });
      await bench.settle();
      expect(bench.detections).toMatchObject([{ decision: 'notified' }]);
      expect(bench.totals().takeovers).toBe(1);
    });
  });

  describe('that fail (OnAccessRetryAttempts)', () => {
    /** Lets so much time pass, with the clock's ticks in it. */
    async function pass(gate: { tick(): void }, ms: number): Promise<void> {
      for (let passed = 0; passed < ms; passed += 25) {
        bench.nowMs += 25;
        gate.tick();
        await bench.settle();
      }
    }

    test('are tried again so often, and the last failure counts as what it is', async () => {
      bench.write('/guarded/f', 'ERROR');
      const gate = bench.createGate(0, { retryAttempts: 2 });
      const open = bench.native.opener.open('/guarded/f');
      await bench.settle();
      expect(bench.daemon.scanned).toHaveLength(1);
      await pass(gate, 75);
      expect(bench.daemon.scanned).toHaveLength(1);
      await pass(gate, 200);
      await expect(open).resolves.toBe('EPERM');
      expect(bench.daemon.scanned).toHaveLength(3);
      expect(bench.totals()).toMatchObject({ retries: 2, scanError: 1, scans: 1, denied: 1 });
    });

    test('end with the verdict once there is one', async () => {
      const tries: string[] = [];
      const own = new GateBench({
        judge: (content) => (tries.push(content) < 2 ? { error: 'busy' } : 'OK'),
      });
      own.write('/guarded/f', 'good');
      const gate = own.createGate(0, { retryAttempts: 5 });
      const opens = [1, 2].map((pid) => own.native.opener.open('/guarded/f', { pid }));
      await own.settle();
      own.nowMs += 100;
      gate.tick();
      await expect(Promise.all(opens)).resolves.toEqual(['allowed', 'allowed']);
      expect(tries).toHaveLength(2);
      expect(own.close()).toEqual(NOTHING_LEFT);
    });

    test('a daemon that comes back in time judges what it lost', async () => {
      bench.write('/guarded/f', 'HANG');
      const gate = bench.createGate(0, { retryAttempts: 3 });
      const open = bench.native.opener.open('/guarded/f');
      await bench.settle();
      bench.daemon.dropConnections();
      await pass(gate, 200);
      bench.daemon.answerHeld('OK');
      await expect(open).resolves.toBe('allowed');
      expect(bench.totals()).toMatchObject({ daemonDown: 0, retries: 1 });
    });

    test('are not tried past the deadline, and one that pauses then ends as it failed', async () => {
      bench.write('/guarded/f', 'ERROR');
      const gate = bench.createGate(0, { retryAttempts: 100, deadlineMs: 250 });
      const open = bench.native.opener.open('/guarded/f');
      await bench.settle();
      await pass(gate, 300);
      await expect(open).resolves.toBe('EPERM');
      expect(bench.totals()).toMatchObject({ retries: 2, scanError: 1, timeout: 0 });
    });

    test('a stop in a pause answers by the row for that', async () => {
      bench.write('/guarded/f', 'ERROR');
      const gate = bench.createGate(0, { retryAttempts: 1 });
      const open = bench.native.opener.open('/guarded/f');
      await bench.settle();
      gate.close();
      await expect(open).resolves.toBe('allowed');
    });

    test('with OnAccessDenyOnError and the daemon away all attempts end in a refusal (4.10, 5)', async () => {
      bench.write('/guarded/f', 'good');
      const gate = bench.createGate(0, { retryAttempts: 3 });
      await bench.settle();
      bench.stopDaemon();
      const open = bench.native.opener.open('/guarded/f');
      await pass(gate, 400);
      await expect(open).resolves.toBe('EPERM');
      expect(bench.totals()).toMatchObject({ daemonDown: 1 });
    });
  });
});
