import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { constants } from '@portcullis/shared/native';
import { describeIfFanotify, makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { TreeWatcher } from '../../src/watch/watch-tree.js';
import type { TreeWatcherOptions } from '../../src/watch/watch-tree.js';
import {
  marksOfProcess,
  mountAt,
  mountTmpfs,
  native,
  OpenListener,
  until,
  withoutHandles,
} from './watch-fixture.js';
import type { TestMount } from './watch-fixture.js';

const { FAN_MOVED_TO } = constants;

// Others may keep the machine busy: what takes a second by itself has a minute.
jest.setTimeout(60_000);

describeIfFanotify('TreeWatcher where file systems meet, on a real kernel', () => {
  let directory: TempDir;
  let mounts: TestMount[];
  let listener: OpenListener;
  let watchers: TreeWatcher[];

  beforeEach(() => {
    directory = makeTempDir('watch-mounts-');
    mounts = [];
    listener = new OpenListener();
    watchers = [];
  });

  afterEach(() => {
    for (const watcher of watchers) watcher.stop();
    listener.close();
    for (const mount of mounts.reverse()) expect(mount.unmount()).toBe('');
    directory.remove();
  });

  function watch(options: Partial<TreeWatcherOptions>): TreeWatcher {
    const roots = [directory.path];
    const watcher = new TreeWatcher({
      native,
      roots,
      targets: [listener],
      onIssue: () => undefined,
      ...options,
    });
    watchers.push(watcher);
    return watcher;
  }

  const at = (...names: string[]): string => join(directory.path, ...names);

  function make(...names: string[]): string {
    mkdirSync(at(...names), { recursive: true });
    return at(...names);
  }

  function tmpfs(...names: string[]): TestMount {
    const mount = mountTmpfs(make(...names));
    mounts.push(mount);
    return mount;
  }

  test('a mount below a root is a border: it is reported, and what it covers is marked once it is gone', async () => {
    const mount = tmpfs('root', 'mount');
    make('root', 'mount', 'inner');
    const watcher = watch({ roots: [at('root')] });
    await watcher.start();
    expect(listener.sees(at('root'))).toBe(true);
    expect(listener.sees(at('root/mount'))).toBe(false);
    expect(watcher.coverage()).toMatchObject({
      directories: 1,
      roots: [{ state: 'protected', issues: [{ what: 'otherDevice', path: at('root/mount') }] }],
    });
    mkdirSync(at('root/other'));
    await until(() => watcher.coverage().directories === 2, 'other is known');
    expect(mount.unmount()).toBe('');
    await until(() => watcher.coverage().directories === 3, 'what was covered is known');
    expect(listener.sees(at('root/mount'))).toBe(true);
    expect(watcher.coverage()).toMatchObject({ resyncs: 0, roots: [{ state: 'protected', issues: [] }] });
    tmpfs('root', 'mount');
    await until(() => watcher.coverage().directories === 2, 'it is covered again');
    expect(watcher.coverage().roots).toMatchObject([{ issues: [{ what: 'otherDevice' }] }]);
  });

  test('a mount below a root that is a root itself is protected', async () => {
    tmpfs('root', 'mount');
    make('root', 'mount', 'inner');
    const watcher = watch({ roots: [at('root'), at('root/mount')] });
    await watcher.start();
    expect(listener.sees(at('root/mount/inner'))).toBe(true);
    make('root', 'mount', 'later');
    await until(() => watcher.coverage().directories === 4, 'later is known');
    expect(listener.sees(at('root/mount/later'))).toBe(true);
  });

  test('the same directory through a bind mount is covered, whichever name is used, and marked once', async () => {
    make('real', 'x');
    mounts.push(mountAt(make('elsewhere'), '--bind', at('real')));
    mounts.push(mountAt(make('real', 'bound'), '--bind', at('real/x')));
    const watcher = watch({ roots: [at('real')] });
    await watcher.start();
    expect(listener.sees(at('elsewhere/x'))).toBe(true);
    expect(listener.sees(at('real/bound'))).toBe(true);
    expect(watcher.coverage()).toMatchObject({ directories: 2, roots: [{ state: 'protected', issues: [] }] });
    mkdirSync(at('elsewhere/x/made-there'));
    await until(() => watcher.coverage().directories === 3, 'it is seen under the other name, too');
    expect(listener.sees(at('real/x/made-there'))).toBe(true);
  });

  test('what is bound into a tree from elsewhere on the same device is protected, and its changes followed', async () => {
    make('outside', 'x');
    mounts.push(mountAt(make('root', 'bound'), '--bind', at('outside')));
    const watcher = watch({ roots: [at('root')] });
    await watcher.start();
    expect(listener.sees(at('outside/x'))).toBe(true);
    make('outside', 'later');
    await until(() => watcher.coverage().directories === 4, 'later is known');
    expect(listener.sees(at('outside/later'))).toBe(true);
  });

  test('a symbolic link in a tree is not followed, also when it comes late or takes the place of a directory', async () => {
    make('outside', 'x');
    make('root', 'was');
    symlinkSync(at('outside'), at('root/link'));
    const watcher = watch({ roots: [at('root')] });
    await watcher.start();
    symlinkSync(at('outside'), at('root/later'));
    renameSync(at('root/was'), at('away'));
    symlinkSync(at('outside'), at('root/was'));
    await until(() => watcher.coverage().directories === 1, 'was is forgotten');
    await delay(50);
    expect(listener.sees(at('outside/x'))).toBe(false);
    expect(watcher.coverage().roots).toMatchObject([{ state: 'protected', issues: [] }]);
  });

  test.each([false, true])(
    'marks do not keep a file system from being unmounted, and what is mounted next is found; inotify alone: %s',
    async (inotifyOnly) => {
      const mount = tmpfs('root');
      make('root', 'gone');
      const watcher = watch({ roots: [at('root')], inotifyOnly });
      await watcher.start();
      renameSync(at('root/gone'), at('root/moved'));
      await until(() => watcher.coverage().directories === 2, 'it is in its new place');
      expect(mount.unmount()).toBe('');
      await until(() => watcher.coverage().directories === 1, 'what was covered is known');
      expect(listener.sees(at('root'))).toBe(true);
      tmpfs('root');
      await until(() => listener.sees(at('root')), 'what is mounted next is known');
      make('root', 'new');
      await until(() => watcher.coverage().directories === 2, 'new is known');
      expect(watcher.coverage().roots).toMatchObject([{ state: 'protected', issues: [] }]);
    },
  );

  test('a directory that leaves the tree of a tmpfs is unmarked, and the file system can be unmounted', async () => {
    const mount = tmpfs('disk');
    make('disk', 'root', 'a', 'b');
    const watcher = watch({ roots: [at('disk/root')] });
    await watcher.start();
    renameSync(at('disk/root/a'), at('disk/a'));
    await until(() => marksOfProcess() === 2, 'only the root is marked');
    expect(listener.sees(at('disk/a/b'))).toBe(false);
    expect(mount.unmount()).toBe('');
  });

  test.each([
    ['overlay', native],
    ['overlay, taken to have no file handles', withoutHandles()],
  ])('%s is protected and followed', async (_what, nativeOfTest) => {
    tmpfs('disk');
    for (const layer of ['lower', 'upper', 'work', 'merged']) make('disk', layer);
    make('disk', 'lower', 'old', 'deep');
    const layers = ['lower', 'upper', 'work'].map((layer) => `${layer}dir=${at('disk', layer)}`).join(',');
    mounts.push(mountAt(at('disk/merged'), '-t', 'overlay', '-o', layers, 'overlay'));
    const watcher = watch({ roots: [at('disk/merged')], native: nativeOfTest });
    await watcher.start();
    expect(listener.sees(at('disk/merged/old/deep'))).toBe(true);
    make('disk', 'merged', 'new', 'deep');
    make('disk', 'merged', 'old', 'new');
    await until(() => watcher.coverage().directories === 6, 'what is new is known');
    for (const path of ['new', 'new/deep', 'old/new'])
      expect(listener.sees(at('disk/merged', path))).toBe(true);
    const { followedBy, state, issues } = watcher.coverage().roots[0] ?? {};
    process.stdout.write(`overlay: followed by ${String(followedBy)}\n`);
    expect({ state, issues }).toEqual({ state: 'protected', issues: [] });
  });

  test('where the user has no inotify watches left, that is an issue with advice, and tried again', async () => {
    make('a');
    let isFull = true;
    let nowMs = 0;
    const inotify = {
      ...native.inotify,
      addWatch: (fd: number, path: string, mask: number) => {
        if (isFull) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
        return native.inotify.addWatch(fd, path, mask);
      },
    };
    const told: string[] = [];
    const watcher = watch({
      native: { ...native, inotify },
      inotifyOnly: true,
      nowMs: () => nowMs,
      onIssue: ({ what }) => told.push(what),
    });
    await watcher.start();
    expect(listener.sees(at('a'))).toBe(true);
    expect(watcher.coverage().roots[0]).toMatchObject({
      state: 'partial',
      issues: [
        {
          what: 'notFollowed',
          code: 'ENOSPC',
          advice: expect.stringContaining('fs.inotify.max_user_watches'),
        },
        { what: 'notFollowed', path: at('a') },
      ],
    });
    nowMs += 60_000;
    await watcher.retryMissing();
    expect(watcher.coverage().resyncs).toBe(1);
    expect(told).toEqual(['notFollowed', 'notFollowed']);
    isFull = false;
    nowMs += 60_000;
    await watcher.retryMissing();
    // The gap grows.
    expect(watcher.coverage().resyncs).toBe(1);
    nowMs += 60_000;
    await watcher.retryMissing();
    expect(watcher.coverage().roots).toMatchObject([{ state: 'protected', issues: [] }]);
  });

  test('where the FID group refuses a directory of the device, inotify takes over', async () => {
    make('a');
    const fanotify = {
      ...native.fanotify,
      markPath: (group: number, flags: number, mask: number, path: string) => {
        if ((mask & FAN_MOVED_TO) !== 0) throw Object.assign(new Error('subvolume'), { code: 'EXDEV' });
        native.fanotify.markPath(group, flags, mask, path);
      },
    };
    const watcher = watch({ native: { ...native, fanotify } });
    await watcher.start();
    await watcher.resync();
    make('a', 'b');
    await until(() => watcher.coverage().directories === 3, 'b is known');
    expect(listener.sees(at('a/b'))).toBe(true);
    expect(watcher.coverage().roots).toMatchObject([
      { state: 'protected', followedBy: 'inotify', issues: [] },
    ]);
  });
});
