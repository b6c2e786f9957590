import { execFile } from 'node:child_process';
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { constants, encodePath } from '@portcullis/shared/native';
import { describeIfFanotify, makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { TreeWatcher } from '../../src/watch/watch-tree.js';
import type { TreeWatcherOptions } from '../../src/watch/watch-tree.js';
import { marksOfProcess, native, OpenListener, until, withoutHandles } from './watch-fixture.js';

const { FAN_OPEN } = constants;

const SOURCES: readonly (readonly [string, Partial<TreeWatcherOptions>])[] = [
  ['a FID group', {}],
  ['inotify', { inotifyOnly: true }],
  ['inotify where there are no file handles', { native: withoutHandles() }],
];

// Others may keep the machine busy: what takes a second by itself has a minute.
jest.setTimeout(60_000);

describeIfFanotify('TreeWatcher on a real kernel', () => {
  describe.each(SOURCES)('told by %s', (source, sourceOptions) => {
    let inside: TempDir;
    let outside: TempDir;
    let listener: OpenListener;
    let watchers: TreeWatcher[];

    beforeEach(() => {
      inside = makeTempDir('watch-in-');
      outside = makeTempDir('watch-out-');
      listener = new OpenListener();
      watchers = [];
    });

    afterEach(() => {
      for (const watcher of watchers) watcher.stop();
      listener.close();
      inside.remove();
      outside.remove();
      expect(native.poller.openHandles).toBe(0);
    });

    function watch(options: Partial<TreeWatcherOptions> = {}): TreeWatcher {
      const watcher = new TreeWatcher({
        native,
        roots: [inside.path],
        targets: [listener],
        onIssue: () => undefined,
        ...sourceOptions,
        ...options,
      });
      watchers.push(watcher);
      return watcher;
    }

    function make(...names: string[]): string {
      const path = join(inside.path, ...names);
      mkdirSync(path, { recursive: true });
      return path;
    }

    test('marks every directory that is there at the start', async () => {
      const deep = make('a', 'b', 'c');
      const watcher = watch();
      await watcher.start();
      for (const path of [inside.path, join(inside.path, 'a'), deep]) expect(listener.sees(path)).toBe(true);
      expect(listener.sees(outside.path)).toBe(false);
      expect(watcher.coverage()).toMatchObject({
        directories: 4,
        roots: [{ path: inside.path, state: 'protected', directories: 4, issues: [] }],
      });
    });

    test('marks each directory of forty nested trees made at once (behaviour 4.10, weakness 7)', async () => {
      const watcher = watch();
      await watcher.start();
      for (let round = 0; round < 40; round += 1) {
        make(`t${round}`, 'a', 'b', 'c', 'd');
        if (round % 5 === 0) await delay(1);
      }
      await until(() => watcher.coverage().directories === 201, '201 directories');
      for (let round = 0; round < 40; round += 1) {
        for (const below of ['', 'a', 'a/b', 'a/b/c', 'a/b/c/d']) {
          expect(listener.sees(join(inside.path, `t${round}`, below))).toBe(true);
        }
      }
      expect(watcher.coverage().roots[0]?.state).toBe('protected');
    });

    test('marks what another process makes with mkdir -p, forty times, and sees the file in the deepest', async () => {
      const watcher = watch();
      await watcher.start();
      const script = 'for i in $(seq 40); do mkdir -p t$i/a/b/c/d; echo x > t$i/a/b/c/d/file; done';
      await promisify(execFile)('sh', ['-c', script], { cwd: inside.path });
      await until(() => watcher.coverage().directories === 201, '201 directories');
      for (let round = 1; round <= 40; round += 1) {
        listener.take();
        readFileSync(join(inside.path, `t${round}/a/b/c/d/file`));
        expect(listener.take()).toBe(1);
      }
    });

    test('marks a tree that is moved in, whole', async () => {
      const watcher = watch();
      await watcher.start();
      mkdirSync(join(outside.path, 'm/x/y'), { recursive: true });
      renameSync(join(outside.path, 'm'), join(inside.path, 'm'));
      await until(() => watcher.coverage().directories === 4, 'm, x and y are known');
      expect(listener.sees(join(inside.path, 'm/x/y'))).toBe(true);
    });

    test('follows a rename within the tree: new directories below the new name are marked', async () => {
      make('old', 'x', 'y');
      make('elsewhere');
      const watcher = watch();
      await watcher.start();
      const moved = join(inside.path, 'elsewhere', 'new');
      renameSync(join(inside.path, 'old'), moved);
      mkdirSync(join(moved, 'x/y/z'));
      await until(() => watcher.coverage().directories === 6, 'z is known');
      mkdirSync(join(moved, 'x/later'));
      await until(() => watcher.coverage().directories === 7, 'later is known');
      for (const below of ['', 'x', 'x/y', 'x/y/z', 'x/later']) {
        expect(listener.sees(join(moved, below))).toBe(true);
      }
      expect(watcher.coverage()).toMatchObject({ strayed: 0, roots: [{ state: 'protected' }] });
    });

    test('keeps up when two directories swap names and one goes below the other', async () => {
      make('p', 'p1');
      make('q', 'q1');
      const watcher = watch();
      await watcher.start();
      renameSync(join(inside.path, 'p'), join(inside.path, 't'));
      renameSync(join(inside.path, 'q'), join(inside.path, 'p'));
      renameSync(join(inside.path, 't'), join(inside.path, 'p/q1/t'));
      await delay(50);
      mkdirSync(join(inside.path, 'p/q1/t/p1/fresh'));
      await until(() => watcher.coverage().directories === 6, 'fresh is known');
      expect(listener.sees(join(inside.path, 'p/q1/t/p1/fresh'))).toBe(true);
    });

    test('a directory that is moved out loses its marks after the grace, where it can be had by its handle', async () => {
      const watcher = watch();
      make('gone', 'x');
      await watcher.start();
      const away = join(outside.path, 'gone');
      renameSync(join(inside.path, 'gone'), away);
      const hasHandles = sourceOptions.native === undefined;
      await until(() => watcher.coverage().directories === 1, 'it is forgotten');
      // One in the listener and one in the source.
      await until(() => marksOfProcess() === (hasHandles ? 2 : 4), 'it is let go of');
      expect(watcher.coverage().strayed).toBe(hasHandles ? 0 : 2);
      expect(listener.sees(join(away, 'x'))).toBe(!hasHandles);
      // Its own later changes are nobody's business any more.
      mkdirSync(join(away, 'new'));
      await delay(50);
      expect(listener.sees(join(away, 'new'))).toBe(false);
      renameSync(away, join(inside.path, 'back'));
      await until(() => watcher.coverage().directories === 4, 'it is back, with what was made meanwhile');
      expect(listener.sees(join(inside.path, 'back/new'))).toBe(true);
    });

    test('forgets deleted directories and marks their successors', async () => {
      const watcher = watch();
      await watcher.start();
      for (let round = 0; round < 20; round += 1) {
        make('again', 'below');
        rmSync(join(inside.path, 'again'), { recursive: true });
      }
      make('again', 'below');
      await until(() => watcher.coverage().directories === 3, 'only the last generation is known');
      expect(listener.sees(join(inside.path, 'again/below'))).toBe(true);
    });

    test('does not follow symbolic links and leaves out what is excluded', async () => {
      make('no', 'below');
      mkdirSync(join(outside.path, 'target'));
      symlinkSync(join(outside.path, 'target'), join(inside.path, 'link'));
      const watcher = watch({ isExcluded: (path) => path === join(inside.path, 'no') });
      await watcher.start();
      expect(watcher.coverage().directories).toBe(1);
      expect(listener.sees(join(outside.path, 'target'))).toBe(false);
      expect(listener.sees(join(inside.path, 'no/below'))).toBe(false);
    });

    test('a root that is a symbolic link is the directory behind it', async () => {
      make('real', 'x');
      symlinkSync(join(inside.path, 'real'), join(outside.path, 'link'));
      const watcher = watch({ roots: [join(outside.path, 'link')] });
      await watcher.start();
      expect(watcher.coverage().roots).toMatchObject([{ state: 'protected', directories: 2 }]);
      expect(listener.sees(join(inside.path, 'real/x'))).toBe(true);
    });

    test('a second group gets every mark before addTarget resolves and is kept in step', async () => {
      make('a', 'b');
      const watcher = watch();
      await watcher.start();
      const second = new OpenListener();
      try {
        make('just', 'made');
        expect(await watcher.addTarget(second)).toEqual({ marked: 3, refused: 0 });
        expect(second.sees(join(inside.path, 'a/b'))).toBe(true);
        expect(second.sees(join(inside.path, 'just/made'))).toBe(true);
        watcher.removeTarget(listener.group);
        make('after');
        await until(() => watcher.coverage().directories === 6, 'after is known');
        expect(second.sees(join(inside.path, 'after'))).toBe(true);
        expect(listener.sees(join(inside.path, 'after'))).toBe(false);
      } finally {
        watcher.removeTarget(second.group);
        second.close();
      }
    });

    test('a queue overflow makes it walk again, and what was lost is found', async () => {
      make('kept');
      const watcher = watch();
      await watcher.start();
      // The first directory stays unknown to it: the walk is the only way to learn of it.
      make('hidden', 'deep');
      watcher.onChanges([{ kind: 'lost', code: 'overflow' }]);
      await until(() => watcher.coverage().resyncs === 1, 'one resync');
      expect(watcher.coverage()).toMatchObject({ overflows: 1, directories: 4 });
      expect(listener.sees(join(inside.path, 'hidden/deep'))).toBe(true);
    });

    test('unreadable events make it walk again as well', async () => {
      const told: string[] = [];
      const watcher = watch({ onIssue: (issue) => told.push(`${issue.what} ${issue.code}`) });
      await watcher.start();
      watcher.onChanges([{ kind: 'lost', code: 'malformed:version' }]);
      await until(() => watcher.coverage().resyncs === 1, 'one resync');
      expect(told).toEqual(['eventsLost malformed:version']);
      expect(watcher.coverage()).toMatchObject({ overflows: 0, roots: [{ state: 'protected' }] });
    });

    test('a root that is replaced by renaming another directory over it is followed by itself', async () => {
      const root = make('root');
      make('next', 'x');
      const watcher = watch({ roots: [root] });
      await watcher.start();
      renameSync(join(inside.path, 'next'), root);
      await until(() => watcher.coverage().directories === 2, 'the successor is known');
      expect(watcher.coverage().roots).toMatchObject([{ state: 'protected', issues: [] }]);
      expect(listener.sees(join(root, 'x'))).toBe(true);
    });

    test('a root that is removed is missing, and a retry finds its successor', async () => {
      const root = make('root');
      make('root', 'x');
      const watcher = watch({ roots: [root] });
      await watcher.start();
      rmdirSync(join(root, 'x'));
      rmdirSync(root);
      await until(() => watcher.coverage().roots[0]?.state === 'missing', 'the root is missing');
      expect(watcher.coverage()).toMatchObject({
        directories: 0,
        roots: [{ issues: [{ what: 'rootMissing' }] }],
      });
      make('root', 'y');
      await watcher.retryMissing();
      expect(watcher.coverage().roots).toMatchObject([{ state: 'protected', directories: 2, issues: [] }]);
      expect(listener.sees(join(root, 'y'))).toBe(true);
    });

    test('a root that is renamed, or lies below a renamed directory, is missing', async () => {
      const first = make('first');
      const second = make('above', 'second');
      const watcher = watch({ roots: [first, second] });
      await watcher.start();
      renameSync(first, join(inside.path, 'first-renamed'));
      await until(() => watcher.coverage().roots[0]?.state === 'missing', 'the first root is missing');
      renameSync(join(inside.path, 'above'), join(inside.path, 'above-renamed'));
      // Nothing tells of that; the next change below does.
      mkdirSync(join(inside.path, 'above-renamed/second/new'));
      await until(() => watcher.coverage().roots[1]?.state === 'missing', 'the second root is missing');
    });

    test('roots that are not there are reported and keep nothing else from being marked', async () => {
      const told: string[] = [];
      writeFileSync(join(inside.path, 'file'), '');
      const missing = join(inside.path, 'missing');
      const watcher = watch({
        roots: [missing, join(inside.path, 'file'), make('there')],
        onIssue: (issue) => told.push(`${issue.what} ${issue.code}`),
      });
      await watcher.start();
      expect(told).toEqual(['rootMissing ENOENT', 'rootMissing ENOTDIR']);
      expect(watcher.coverage().roots.map((root) => root.state)).toEqual(['missing', 'missing', 'protected']);
    });

    test('a group that refuses marks is an issue for each directory and stops nothing', async () => {
      make('a', 'b');
      const refusing = { group: 0x7fff_0000, mask: FAN_OPEN };
      const watcher = watch({ targets: [refusing, listener] });
      await watcher.start();
      expect(listener.sees(join(inside.path, 'a/b'))).toBe(true);
      const [root] = watcher.coverage().roots;
      expect(root).toMatchObject({ state: 'partial', directories: 3 });
      expect(root?.issues.map(({ what, code }) => `${what} ${code}`)).toEqual(
        Array.from({ length: 3 }, () => 'notMarked EBADF'),
      );
    });

    test('stops at the bound on directories and says so', async () => {
      for (let index = 0; index < 10; index += 1) make(`d${index}`);
      const watcher = watch({ maxDirectories: 5 });
      await watcher.start();
      expect(watcher.coverage()).toMatchObject({
        directories: 5,
        roots: [{ state: 'partial', issues: [{ what: 'directoryLimit', count: 6 }] }],
      });
    });

    test('a directory whose name is no UTF-8 is marked like any other, also deep down and after renames', async () => {
      const named = (...names: string[]): string => join(inside.path, ...names);
      const bytes = encodePath;
      mkdirSync(bytes(named('old\udcff', 'below', '\udcfe\udced\udca0')), { recursive: true });
      const watcher = watch();
      await watcher.start();
      const isSeen = (path: string): boolean => listener.sees(bytes(path));
      expect(isSeen(named('old\udcff', 'below', '\udcfe\udced\udca0'))).toBe(true);

      mkdirSync(bytes(named('new\udcff', 'x\udc80', 'y')), { recursive: true });
      // As JavaScript decodes them, these two have one name.
      mkdirSync(bytes(named('new\udcfe')));
      mkdirSync(named('new\ufffd'));
      await until(() => watcher.coverage().directories === 9, 'what is new is known');
      for (const names of [['new\udcff'], ['new\udcff', 'x\udc80', 'y'], ['new\udcfe'], ['new\ufffd']])
        expect(isSeen(named(...names))).toBe(true);

      renameSync(bytes(named('new\udcff')), named('plain'));
      mkdirSync(bytes(named('plain', 'x\udc80', 'later')));
      await until(() => watcher.coverage().directories === 10, 'one is followed under its new name');
      expect(isSeen(named('plain', 'x\udc80', 'later'))).toBe(true);

      renameSync(bytes(named('plain')), bytes(named('back\udcff')));
      mkdirSync(bytes(named('back\udcff', 'x\udc80', 'last')));
      await until(() => watcher.coverage().directories === 11, 'and under one that is no UTF-8 again');
      expect(isSeen(named('back\udcff', 'x\udc80', 'last'))).toBe(true);

      renameSync(bytes(named('old\udcff')), bytes(join(outside.path, 'out\udcff')));
      rmSync(bytes(named('new\udcfe')), { recursive: true });
      await until(() => watcher.coverage().directories === 7, 'what left is forgotten');
      // That something vanished before it could be marked is told and weakens nothing.
      expect(watcher.coverage().roots).toMatchObject([{ state: 'protected' }]);
      if (source === 'inotify where there are no file handles') return;
      await until(() => !isSeen(join(outside.path, 'out\udcff', 'below')), 'and has no mark any more');
      expect(watcher.coverage().strayed).toBe(0);
    });

    test('a root behind a symbolic link may be called anything', async () => {
      mkdirSync(encodePath(join(inside.path, 'real\udcff', 'below')), { recursive: true });
      symlinkSync(encodePath(join(inside.path, 'real\udcff')), join(outside.path, 'link'));
      const watcher = watch({ roots: [join(outside.path, 'link')] });
      await watcher.start();
      expect(listener.sees(encodePath(join(inside.path, 'real\udcff', 'below')))).toBe(true);
      expect(watcher.coverage()).toMatchObject({ roots: [{ state: 'protected', directories: 2 }] });
    });

    test('a large directory is read piece by piece, and its odd names are found as well', async () => {
      const large = 4_000;
      for (let index = 0; index < large; index += 1)
        writeFileSync(join(inside.path, `${index}`.padEnd(200, 'x')), '');
      mkdirSync(encodePath(join(inside.path, 'odd\udcff')));
      expect(statSync(inside.path).size).toBeGreaterThan(65_536);
      const watcher = watch();
      await watcher.start();
      expect(listener.sees(encodePath(join(inside.path, 'odd\udcff')))).toBe(true);
    });

    test('says which interface tells of new directories', async () => {
      const watcher = watch();
      await watcher.start();
      const followedBy = source === 'a FID group' ? 'fanotify' : 'inotify';
      expect(watcher.coverage()).toMatchObject({ strategy: 'directory', roots: [{ followedBy }] });
    });

    test('stop closes everything, twice is once, and a walk under way ends', async () => {
      for (let index = 0; index < 200; index += 1) make(`d${index}`);
      const watcher = watch();
      const started = watcher.start();
      await delay(1);
      watcher.stop();
      watcher.stop();
      await started;
      expect(native.poller.openHandles).toBe(0);
    });
  });
});
