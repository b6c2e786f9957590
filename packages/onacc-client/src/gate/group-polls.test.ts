import { expect, test } from '@jest/globals';
import type { Poller } from '@portcullis/shared/native';
import { GroupPolls } from './group-polls.js';

test('heeds all groups, only those that cannot block, or none, and closes each once', () => {
  const wanted = new Map<number, boolean>();
  const poller: Poller = {
    openHandles: 0,
    watch: (fd, { readable }) => {
      wanted.set(fd, readable);
      return { want: (events) => wanted.set(fd, events.readable), close: () => wanted.delete(fd) };
    },
  };
  const groups = new GroupPolls(poller, () => undefined);
  groups.add(3, false);
  expect([groups.hasHarmless, groups.reads(3)]).toEqual([false, false]);
  groups.choose('all');
  groups.add(4, true);
  expect([...wanted.values(), groups.hasHarmless]).toEqual([true, true, true]);
  groups.choose('harmless');
  groups.add(5, false);
  expect([...wanted]).toEqual([
    [3, false],
    [4, true],
    [5, false],
  ]);
  expect([3, 4, 5].map((group) => groups.reads(group))).toEqual([false, true, false]);
  groups.choose('none');
  expect([...wanted.values()]).toEqual([false, false, false]);
  groups.release(4);
  groups.release(4);
  groups.close();
  expect(wanted.size).toBe(0);
});
