import { mkdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { constants, openNative } from '@portcullis/shared/native';
import { describeIfFanotify, makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { TreeWatcher } from '../../src/watch/watch-tree.js';
import { until } from '../pair-fixture.js';

let directory: TempDir;

beforeEach(() => {
  directory = makeTempDir('watch-failure-');
});

afterEach(() => {
  directory.remove();
});

describeIfFanotify('TreeWatcher', () => {
  test('a walk that nobody waits for and that fails as nobody foresaw is told of', async () => {
    const native = openNative();
    const root = `${directory.path}/tree`;
    mkdirSync(root);
    const failures: unknown[] = [];
    const fanotify = {
      ...native.fanotify,
      markPath: () => {
        throw new Error('unforeseen');
      },
    };
    const watcher = new TreeWatcher({
      native: { ...native, fanotify },
      roots: [root],
      // Nothing is marked in it.
      targets: [{ group: -1, mask: constants.FAN_OPEN_PERM }],
      onIssue: () => undefined,
      onFailure: (error) => failures.push(error),
    });
    watcher.onChanges([{ kind: 'lost', code: 'overflow' }]);
    await until('it is told', () => failures.length > 0);
    watcher.stop();
    expect(failures[0]).toMatchObject({ message: 'unforeseen' });
  }, 30_000);
});
