import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { constants } from '@portcullis/shared/native';
import { failurePolicy } from '../failure-actions.js';
import { DAEMON_PID, GateBench, NOTHING_LEFT } from './testing/gate-bench.js';

const MASK = constants.FAN_OPEN_PERM | constants.FAN_EVENT_ON_CHILD;
const ID = 'ab'.repeat(32);

describe('what the gate tells and decides', () => {
  let bench: GateBench;
  /** What {@link GateBench.close} will say. */
  let left: ReturnType<GateBench['close']>;

  beforeEach(() => {
    bench = new GateBench({ slots: 128 });
    left = NOTHING_LEFT;
  });

  afterEach(() => {
    expect(bench.close()).toEqual(left);
  });

  test('a detection says what the opener is', async () => {
    const { native, procTexts } = bench;
    bench.write('/guarded/bad', 'EVIL');
    native.disk.makeDirectory('/proc');
    native.disk.makeDirectory('/proc/55', { uid: 33 });
    native.disk.symlink('/usr/bin/less', '/proc/55/exe');
    procTexts.set('/proc/55/cmdline', 'less\0-R\0/guarded/bad\0');
    procTexts.set('/proc/55/cgroup', `0::/system.slice/docker-${ID}.scope\n`);
    bench.createGate(0);
    await expect(native.opener.open('/guarded/bad', { pid: 55 })).resolves.toBe('EPERM');
    expect(bench.detections).toEqual([
      {
        path: '/guarded/bad',
        signatureName: 'Test.Evil',
        pid: 55,
        executable: '/usr/bin/less',
        commandLine: 'less -R /guarded/bad',
        cgroup: `/system.slice/docker-${ID}.scope`,
        container: ID,
        uid: 33,
        decision: 'deny',
      },
    ]);
  });

  test('the opener is answered before its command line is read, and so is everybody else', async () => {
    const { native, daemon, procTexts } = bench;
    bench.write('/guarded/bad', 'HANG');
    bench.createGate(0);
    const opens = [55, 56].map((pid) => native.opener.open('/guarded/bad', { pid }));
    await bench.settle();
    const waitingWhenRead: number[] = [];
    const get = procTexts.get.bind(procTexts);
    procTexts.get = (path) => {
      if (/(cmdline|cgroup)$/.test(path)) waitingWhenRead.push(native.unansweredEvents);
      return get(path);
    };
    daemon.answerHeld({ found: 'Late' });
    await expect(Promise.all(opens)).resolves.toEqual(['EPERM', 'EPERM']);
    expect(waitingWhenRead).toEqual([0, 0, 0, 0]);
  });

  test('a process that is gone costs its facts, not the decision', async () => {
    bench.write('/guarded/bad', 'EVIL');
    bench.createGate(0);
    await expect(bench.native.opener.open('/guarded/bad')).resolves.toBe('EPERM');
    expect(bench.detections).toMatchObject([{ commandLine: '', cgroup: '', container: '', uid: -1 }]);
    expect(bench.detections[0]).not.toHaveProperty('judged');
  });

  test('the descriptor of an infected file is handed over once a scan, after the answer', async () => {
    const { native, daemon } = bench;
    bench.write('/guarded/bad', 'HANG');
    bench.createGate(0, { handOverInfected: true });
    const opens = [1, 2, 3].map((pid) => native.opener.open('/guarded/bad', { pid }));
    await bench.settle();
    daemon.answerHeld({ found: 'Late' });
    await expect(Promise.all(opens)).resolves.toEqual(['EPERM', 'EPERM', 'EPERM']);
    const judged = bench.detections.flatMap((detection) => detection.judged ?? []);
    expect(judged).toHaveLength(1);
    expect(judged[0]!.file.sizeBytes).toBe(4);
    const content = Buffer.alloc(4);
    native.files.readAt(judged[0]!.fd, content, 0);
    expect(content.toString()).toBe('HANG');
    expect(bench.handOver.handedOver).toBe(1);
    native.files.close(judged[0]!.fd);
    bench.handOver.giveBack();
  });

  test('no more than 64 descriptors are out at a time; what is beyond is closed here and said', async () => {
    const { native } = bench;
    bench.write('/guarded/bad', 'EVIL');
    bench.createGate(0, { handOverInfected: true });
    for (let times = 0; times < 66; times += 1) await native.opener.open('/guarded/bad');
    const fds = bench.detections.map((detection) => detection.judged!.fd);
    expect(fds.filter((fd) => fd >= 0)).toHaveLength(64);
    expect(fds.slice(64)).toEqual([-1, -1]);
    for (const fd of fds.slice(0, 64)) native.files.close(fd);
    bench.handOver.giveBack();
    await native.opener.open('/guarded/bad');
    const { fd } = bench.detections.at(-1)!.judged!;
    expect(fd).toBeGreaterThanOrEqual(0);
    native.files.close(fd);
  });

  test('a clean file is never handed over', async () => {
    bench.write('/guarded/f', 'good');
    bench.createGate(0, { handOverInfected: true });
    await expect(bench.native.opener.open('/guarded/f')).resolves.toBe('allowed');
    expect(bench.detections).toEqual([]);
  });

  test('who waits when the client is told to stop is decided by the row for that', async () => {
    for (const [overrides, expected] of [
      [{}, 'allowed'],
      [{ stopping: 'deny' }, 'EPERM'],
    ] as const) {
      bench.write('/guarded/f', 'HANG');
      const gate = bench.createGate(0, { failurePolicy: failurePolicy({ denyOnError: true, overrides }) });
      const open = bench.native.opener.open('/guarded/f');
      await bench.settle();
      gate.close();
      await expect(open).resolves.toBe(expected);
    }
    expect(bench.totals()).toMatchObject({ stopping: 2, daemonDown: 0 });
  });

  test('a gate that stops answers for one that is stuck', async () => {
    const { native } = bench;
    bench.write('/guarded/f', 'HANG');
    bench.createGate(0);
    const other = bench.createGate(1);
    const open = native.opener.open('/guarded/f');
    await bench.settle();
    bench.stick(0);
    bench.nowMs += 100;
    other.close();
    await expect(open).resolves.toBe('allowed');
    expect(bench.totals()).toMatchObject({ stopping: 1, responseErrors: 0 });
  });

  test('an opener that was killed while it waited is no trouble', async () => {
    const { native } = bench;
    bench.write('/guarded/f', 'good');
    bench.createGate(0);
    native.failNext('respond', 'ENOENT');
    void native.opener.open('/guarded/f');
    await bench.settle();
    expect(bench.told.filter(({ kind }) => kind === 'trouble')).toEqual([]);
    left = { ...NOTHING_LEFT, unansweredEvents: 1 }; // the fake's opener is not dead, only not answered
  });

  test('another error of the answer is trouble', async () => {
    const { native } = bench;
    bench.write('/guarded/f', 'good');
    bench.createGate(0);
    native.failNext('respond', 'EINVAL');
    void native.opener.open('/guarded/f');
    await bench.settle();
    expect(bench.told.filter(({ kind }) => kind === 'trouble')).toHaveLength(1);
    left = { ...NOTHING_LEFT, unansweredEvents: 1 };
  });

  describe('the lifeline', () => {
    beforeEach(() => {
      const { disk } = bench.native;
      disk.makeDirectory('/proc');
      disk.makeDirectory('/proc/50', { uid: 0 });
      disk.makeDirectory('/proc/51', { uid: 1000 });
      bench.write('/guarded/kill', 'ERROR', { uid: 0, mode: 0o755 });
      bench.write('/guarded/shared', 'ERROR', { uid: 0, mode: 0o775 });
      bench.write('/guarded/infected', 'EVIL', { uid: 0, mode: 0o755 });
    });

    test('lets root have what only root can write, whatever fails', async () => {
      const { opener } = bench.native;
      bench.createGate(0, { lifeline: true });
      await expect(opener.open('/guarded/kill', { pid: 50 })).resolves.toBe('allowed');
      await expect(opener.open('/guarded/kill', { pid: 51 })).resolves.toBe('EPERM');
      await expect(opener.open('/guarded/shared', { pid: 50 })).resolves.toBe('EPERM');
      await expect(opener.open('/guarded/infected', { pid: 50 })).resolves.toBe('EPERM');
      expect(bench.totals()).toMatchObject({ lifeline: 1, scanError: 3, denied: 3 });
    });

    test('also where the file could not be asked about before', async () => {
      bench.createGate(0, { lifeline: true });
      await bench.settle();
      bench.native.failNext('status', 'EIO');
      await expect(bench.native.opener.open('/guarded/kill', { pid: 50 })).resolves.toBe('allowed');
      expect(bench.totals()).toMatchObject({ lifeline: 1, internalError: 1 });
    });

    test('is not there unless asked for', async () => {
      bench.createGate(0);
      await expect(bench.native.opener.open('/guarded/kill', { pid: 50 })).resolves.toBe('EPERM');
    });
  });

  describe('the scope', () => {
    const paths = ['/guarded/in/f', '/guarded/in/not/deep/f', '/guarded/f', '/guarded/in/tmp/f'];

    beforeEach(() => {
      for (const path of paths) {
        bench.write(path, 'EVIL');
        bench.native.fanotify.markPath(
          bench.group,
          constants.FAN_MARK_ADD,
          MASK,
          path.slice(0, path.lastIndexOf('/')),
        );
      }
    });

    test('lets through what lies outside of it, and what is excluded', async () => {
      bench.createGate(0, {
        scope: {
          include: ['/guarded/in'],
          exclude: ['/guarded/in/not'],
          excludeExactly: ['/guarded/in/tmp'],
        },
      });
      const opens = paths.map((path) => bench.native.opener.open(path));
      await expect(Promise.all(opens)).resolves.toEqual(['EPERM', 'allowed', 'allowed', 'allowed']);
      expect(bench.totals()).toMatchObject({ skippedOutsideScope: 3, infected: 1 });
    });

    test('says nothing of what was reached in a mount namespace that is not ours', async () => {
      bench.procTexts.set('/proc/self/mountinfo', '22 1 253:0 / / rw - ext4 /dev/sda1 rw\n');
      bench.createGate(0, { scope: { include: ['/guarded/in'], exclude: ['/guarded/in/not'] } });
      const opens = paths.map((path) => bench.native.opener.open(path));
      await expect(Promise.all(opens)).resolves.toEqual(['EPERM', 'EPERM', 'EPERM', 'EPERM']);
      expect(bench.totals()).toMatchObject({ skippedOutsideScope: 0, infected: 4 });
    });

    test('knows regular expressions', async () => {
      bench.createGate(0, { scope: { include: [], exclude: ['/(not|tmp)$'] } });
      const opens = paths.map((path) => bench.native.opener.open(path));
      await expect(Promise.all(opens)).resolves.toEqual(['EPERM', 'allowed', 'EPERM', 'allowed']);
    });

    test('a pattern that does not compile is an error before anything is answered by it', () => {
      expect(() => bench.createGate(0, { scope: { include: [], exclude: ['('] } })).toThrow(
        /OnAccessExcludePath \(/,
      );
    });
  });

  test('events that only tell are told, not answered', async () => {
    const { native } = bench;
    bench.write('/guarded/bad', 'EVIL');
    bench.createGate(0, { prevention: false });
    await bench.openUnasked('/guarded/bad');
    expect(bench.detections).toMatchObject([{ decision: 'notified', pid: DAEMON_PID + 1 }]);
    expect(native.unansweredEvents).toBe(0);
    expect(bench.totals()).toMatchObject({ infected: 1, denied: 0, responseErrors: 0 });
  });
});
