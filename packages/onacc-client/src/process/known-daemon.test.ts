import { describe, expect, test } from '@jest/globals';
import { FakeNative } from '@portcullis/shared/testing';
import { isDaemonKnown } from './known-daemon.js';

const SOCKET = { kind: 'unix', path: '/clamd.sock' } as const;

/** A socket that was made by this process. */
function heldBy(pid: number): FakeNative {
  const native = new FakeNative();
  native.identity = { pid, uid: 0, gid: 0 };
  const fd = native.sockets.createUnix();
  native.sockets.bindUnix(fd, SOCKET.path);
  native.sockets.listen(fd, 1);
  return native;
}

describe('isDaemonKnown', () => {
  test.each([
    ['a daemon that made its socket itself', 4_711, true],
    ['systemd', 1, false],
    ['a process of another namespace', 0, false],
  ])('%s: %i, %s', (_who, pid, isKnown) => {
    const native = heldBy(pid);
    const before = native.openFdCount;
    expect(isDaemonKnown(native, SOCKET)).toBe(isKnown);
    expect(native.openFdCount).toBe(before);
  });

  test('one that is away will make its socket itself; over TCP nobody is known', () => {
    const native = new FakeNative();
    expect(isDaemonKnown(native, SOCKET)).toBe(true);
    const addresses = [{ family: 'inet', address: '127.0.0.1', port: 3310 }] as const;
    expect(isDaemonKnown(native, { kind: 'tcp', addresses })).toBe(false);
  });
});
