import { describe, expect, test } from '@jest/globals';
import { constants } from '@portcullis/shared/native';
import { FakeNative } from '@portcullis/shared/testing';
import { GroupRotation } from './group-rotation.js';
import { openInterface } from './permission-group.js';

function setUp() {
  const native = new FakeNative();
  native.disk.makeDirectory('/guarded');
  const { kernel, group } = openInterface(native.fanotify, true);
  const steps: string[] = [];
  const rotation = new GroupRotation({
    fanotify: native.fanotify,
    files: native.files,
    kernel,
    group,
    marker: {
      addTarget: ({ group: added, mask }) => {
        steps.push('mark new');
        native.fanotify.markPath(added, constants.FAN_MARK_ADD, mask, '/guarded');
        return Promise.resolve();
      },
      removeTarget: () => steps.push('forget old'),
    },
    reader: {
      size: 2,
      addGroup: () => steps.push('read new'),
      retireGroup: (old) => steps.push(`retire ${old}`),
    },
  });
  return { native, rotation, steps, group };
}

describe('GroupRotation', () => {
  test('the new group is read before it is marked, and marked before the old one is let go', async () => {
    const { rotation, steps, group } = setUp();
    await rotation.rotate();
    expect(steps).toEqual(['read new', 'mark new', 'forget old', `retire ${group}`]);
  });

  test('the old group is closed when the last gate has let go of it', async () => {
    const { native, rotation, group } = setUp();
    await rotation.rotate();
    expect(native.openFdCount).toBe(2);
    rotation.onDrained(group);
    expect(native.openFdCount).toBe(2);
    rotation.onDrained(group);
    expect(native.openFdCount).toBe(1);
    rotation.close();
    expect(native.openFdCount).toBe(0);
  });

  test('many calls during a rotation are made good by one more', async () => {
    const { rotation, steps } = setUp();
    await Promise.all([rotation.rotate(), rotation.rotate(), rotation.rotate()]);
    expect(steps.filter((step) => step === 'mark new')).toHaveLength(2);
  });
});
