import { describe, expect, test } from '@jest/globals';
import { FakeNative } from '@portcullis/shared/testing';
import { O_NONBLOCK, openInterface, openSameGroup } from './permission-group.js';

describe('openInterface', () => {
  test('takes the best rung the kernel has', () => {
    const { fanotify } = new FakeNative();
    expect(openInterface(fanotify, true).kernel).toMatchObject({
      mode: 'prevention',
      description: 'fanotify permission events, FD_ERROR',
    });
  });

  test('climbs down when a flag is unknown, and tells what it got', () => {
    const native = new FakeNative();
    native.failNext('createGroup', 'EINVAL');
    const { kernel } = openInterface(native.fanotify, true);
    expect(kernel).toMatchObject({ mode: 'prevention', description: 'fanotify permission events' });
    expect(openSameGroup(native.fanotify, kernel)).toBeGreaterThanOrEqual(0);
  });

  test('without permission events it only notifies, and says why', () => {
    const native = new FakeNative();
    native.failNext('createGroup', 'EINVAL');
    native.failNext('createGroup', 'EINVAL');
    const { kernel } = openInterface(native.fanotify, true);
    expect(kernel.mode).toBe('notify-only');
    expect(kernel.degraded).toContain('CONFIG_FANOTIFY_ACCESS_PERMISSIONS');
  });

  test('notify-only that was asked for is not degraded', () => {
    expect(openInterface(new FakeNative().fanotify, false).kernel.degraded).toBeUndefined();
  });

  test('without privilege it fails and says what it takes', () => {
    const native = new FakeNative();
    native.failNext('createGroup', 'EPERM');
    expect(() => openInterface(native.fanotify, true)).toThrow(/CAP_SYS_ADMIN/);
  });

  test('a group that must not block its reader has O_NONBLOCK among its event flags, and nothing else is different', () => {
    const { fanotify } = new FakeNative();
    const { kernel } = openInterface(fanotify, true);
    const asked: number[][] = [];
    const spy = {
      ...fanotify,
      createGroup: (...flags: number[]) => asked.push(flags),
    };
    openSameGroup(spy, kernel, { nonBlocking: true });
    openSameGroup(spy, kernel);
    expect(asked).toEqual([
      [kernel.groupFlags, kernel.eventFlags | O_NONBLOCK],
      [kernel.groupFlags, kernel.eventFlags],
    ]);
  });
});
