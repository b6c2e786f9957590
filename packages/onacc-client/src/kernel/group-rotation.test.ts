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
  const refusals: number[] = [];
  let marking: Promise<void> = Promise.resolve();
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
        return marking.then(() => ({ refused: refusals.shift() ?? 0 }));
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
  const holdMarking = (): (() => void) => {
    let goOn = (): void => undefined;
    marking = new Promise((resolve) => {
      goOn = resolve;
    });
    return goOn;
  };
  return { native, rotation, steps, told, group, troubles, refusals, holdMarking };
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
    await rotation.close();
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
    await rotation.close();
    expect(native.openFdCount).toBe(0);
  });

  test('many calls during a rotation are made good by one more', async () => {
    const { rotation, steps } = setUp();
    await Promise.all([rotation.rotate(), rotation.rotate(), rotation.rotate()]);
    expect(steps.filter((step) => step === 'mark new')).toHaveLength(2);
    await rotation.close();
  });

  test('a rotation that fails is told and made good later', async () => {
    const { native, rotation, steps, troubles } = setUp();
    native.failNext('createGroup', 'EMFILE');
    await rotation.rotate();
    expect(troubles).toHaveLength(1);
    expect(steps).toContain('mark new');
    await rotation.close();
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
    await rotation.close();
  });

  test('stopped in the middle of a rotation, it leaves no group armed and none open', async () => {
    const { native, rotation, group, holdMarking } = setUp();
    const goOn = holdMarking();
    const rotating = rotation.rotate();
    const flushed: number[] = [];
    const markPath = native.fanotify.markPath.bind(native.fanotify);
    native.fanotify.markPath = (of, flags, mask, path) => {
      if ((flags & constants.FAN_MARK_FLUSH) !== 0) flushed.push(of);
      markPath(of, flags, mask, path);
    };
    rotation.disarm();
    expect(new Set(flushed).size).toBe(2);
    expect(flushed).toContain(group);
    const closed = rotation.close();
    goOn();
    await Promise.all([rotating, closed]);
    await rotation.rotate();
    expect(native.openFdCount).toBe(0);
  });

  test('a marking that hangs keeps nobody from closing; its group is closed when it ends', async () => {
    const { native, rotation, holdMarking } = setUp();
    const goOn = holdMarking();
    const rotating = rotation.rotate();
    rotation.disarm();
    await rotation.close();
    expect(native.openFdCount).toBe(1);
    goOn();
    await rotating;
    expect(native.openFdCount).toBe(0);
  });

  test('while something cannot be marked in the new group the old one stays, but not for ever', async () => {
    const { rotation, group, steps, troubles, refusals } = setUp();
    refusals.push(5, 5, 5, 5);
    await rotation.rotate();
    expect(troubles).toHaveLength(3);
    await released();
    // Three that were given up, and at last the old one.
    expect(steps.filter((step) => step.startsWith('release'))).toHaveLength(4);
    expect(steps.at(-1)).toBe(`release ${group}`);
    await rotation.close();
  });
});
