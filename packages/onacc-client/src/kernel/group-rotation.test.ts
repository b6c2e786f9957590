import { describe, expect, test } from '@jest/globals';
import { constants } from '@portcullis/shared/native';
import { FakeNative } from '@portcullis/shared/testing';
import { GroupRotation } from './group-rotation.js';
import { O_NONBLOCK, openInterface } from './permission-group.js';

function setUp() {
  const native = new FakeNative();
  native.disk.makeDirectory('/guarded');
  const { kernel, group } = openInterface(native.fanotify, true);
  const steps: string[] = [];
  const troubles: unknown[] = [];
  /** What the reader was told of each group. */
  const told: boolean[] = [];
  const rotation = new GroupRotation({
    fanotify: native.fanotify,
    files: native.files,
    kernel,
    group,
    releaseAfterMs: 10,
    onTrouble: (error) => troubles.push(error),
    marker: {
      addTarget: ({ group: added, mask }) => {
        steps.push('mark new');
        native.fanotify.markPath(added, constants.FAN_MARK_ADD, mask, '/guarded');
        return Promise.resolve();
      },
      removeTarget: () => steps.push('forget old'),
    },
    reader: {
      addGroup: (_, { nonBlocking }) => {
        steps.push('read new');
        told.push(nonBlocking);
      },
      releaseGroup: (old) => {
        steps.push(`release ${old}`);
        return 2;
      },
    },
  });
  return { native, rotation, steps, told, group, troubles };
}

/** Longer than `releaseAfterMs`. */
async function released(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 30));
}

describe('GroupRotation', () => {
  test('the new group is read before it is marked, and marked before the old one is let go', async () => {
    const { rotation, steps, group } = setUp();
    await rotation.rotate();
    expect(steps).toEqual(['read new', 'mark new', 'forget old']);
    await released();
    expect(steps.at(-1)).toBe(`release ${group}`);
    rotation.close();
  });

  test('the old group is closed when the last gate has let go of it', async () => {
    const { native, rotation, group } = setUp();
    await rotation.rotate();
    await released();
    expect(native.openFdCount).toBe(2);
    rotation.onReleased(group);
    expect(native.openFdCount).toBe(2);
    rotation.onReleased(group);
    expect(native.openFdCount).toBe(1);
    rotation.close();
    expect(native.openFdCount).toBe(0);
  });

  test('many calls during a rotation are made good by one more', async () => {
    const { rotation, steps } = setUp();
    await Promise.all([rotation.rotate(), rotation.rotate(), rotation.rotate()]);
    expect(steps.filter((step) => step === 'mark new')).toHaveLength(2);
    rotation.close();
  });

  test('a rotation that fails is told and made good later', async () => {
    const { native, rotation, steps, troubles } = setUp();
    native.failNext('createGroup', 'EMFILE');
    await rotation.rotate();
    expect(troubles).toHaveLength(1);
    expect(steps).toContain('mark new');
    rotation.close();
  });

  test('a group that does not block its readers replaces one that does, once, and later ones are like it', async () => {
    const { native, rotation, steps, told } = setUp();
    const created: number[] = [];
    const createGroup = native.fanotify.createGroup.bind(native.fanotify);
    native.fanotify.createGroup = (flags, eventFlags) => {
      created.push(eventFlags & O_NONBLOCK);
      return createGroup(flags, eventFlags);
    };
    await rotation.setNonBlocking(true);
    await rotation.setNonBlocking(true);
    await rotation.rotate();
    await rotation.setNonBlocking(false);
    expect(created).toEqual([O_NONBLOCK, O_NONBLOCK, 0]);
    expect(told).toEqual([true, true, false]);
    expect(steps.filter((step) => step === 'mark new')).toHaveLength(3);
    rotation.close();
  });
});
