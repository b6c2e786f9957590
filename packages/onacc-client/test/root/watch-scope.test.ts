import { mkdirSync, renameSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { describeIfFanotify, makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { compileExcludedPaths } from '../../src/watch/excluded-paths.js';
import { TreeWatcher } from '../../src/watch/watch-tree.js';
import type { TreeWatcherOptions } from '../../src/watch/watch-tree.js';
import { marksOfProcess, native, OpenListener, until } from './watch-fixture.js';

// Others may keep the machine busy: what takes a second by itself has a minute.
jest.setTimeout(60_000);

describeIfFanotify('What TreeWatcher protects, on a real kernel', () => {
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
      ...options,
    });
    watchers.push(watcher);
    return watcher;
  }

  const at = (...names: string[]): string => join(inside.path, ...names);

  function make(...names: string[]): string {
    mkdirSync(at(...names), { recursive: true });
    return at(...names);
  }

  const excluding = (...patterns: string[]) => compileExcludedPaths(patterns, native.patterns);

  describe('OnAccessExcludePath', () => {
    test('what is excluded stays so when it is re-created (behaviour 4.7: clamonacc watches it)', async () => {
      make('no', 'below');
      const watcher = watch({ isExcluded: excluding(at('no'), '/cache$') });
      await watcher.start();
      rmSync(at('no'), { recursive: true });
      make('no', 'again');
      make('a', 'cache', 'x');
      await until(() => watcher.coverage().directories === 2, 'a is known');
      await delay(50);
      for (const path of ['no', 'no/again', 'a/cache', 'a/cache/x'])
        expect(listener.sees(at(path))).toBe(false);
      expect(listener.sees(at('a'))).toBe(true);
      expect(watcher.coverage().directories).toBe(2);
    });

    test('an excluded directory that is moved elsewhere in the tree becomes protected', async () => {
      make('no', 'below');
      const watcher = watch({ isExcluded: excluding(at('no')) });
      await watcher.start();
      renameSync(at('no'), at('yes'));
      await until(() => watcher.coverage().directories === 3, 'yes and below are known');
      expect(listener.sees(at('yes/below'))).toBe(true);
    });

    test('one that is moved to an excluded name loses its marks, with everything below it', async () => {
      make('yes', 'below', 'deep');
      const watcher = watch({ isExcluded: excluding(at('no')) });
      await watcher.start();
      renameSync(at('yes'), at('no'));
      await until(() => marksOfProcess() === 2, 'only the root is marked');
      for (const path of ['no', 'no/below', 'no/below/deep']) expect(listener.sees(at(path))).toBe(false);
      expect(watcher.coverage()).toMatchObject({ directories: 1, strayed: 0 });
      renameSync(at('no'), at('yes'));
      await until(() => watcher.coverage().directories === 4, 'it is protected again');
      expect(listener.sees(at('yes/below/deep'))).toBe(true);
    });

    test('a subdirectory that becomes excluded by a rename above it loses its marks', async () => {
      make('a', 'x', 'y');
      const watcher = watch({ isExcluded: excluding(at('b/x')) });
      await watcher.start();
      renameSync(at('a'), at('b'));
      await until(() => watcher.coverage().directories === 2, 'x and y are forgotten');
      await until(() => marksOfProcess() === 4, 'x and y are not marked');
      expect(listener.sees(at('b'))).toBe(true);
      expect(listener.sees(at('b/x/y'))).toBe(false);
    });

    test('goes by the names of the configuration where the root is a symbolic link', async () => {
      make('real', 'no');
      symlinkSync(at('real'), join(outside.path, 'link'));
      const link = join(outside.path, 'link');
      const watcher = watch({ roots: [link], isExcluded: excluding(`${link}/no`) });
      await watcher.start();
      expect(listener.sees(at('real'))).toBe(true);
      expect(listener.sees(at('real/no'))).toBe(false);
    });

    test('a root that leads to an excluded directory is refused', async () => {
      make('real');
      symlinkSync(at('real'), join(outside.path, 'link'));
      const watcher = watch({ roots: [join(outside.path, 'link')], isExcluded: excluding(at('real')) });
      await watcher.start();
      expect(watcher.coverage().roots).toMatchObject([
        { state: 'missing', issues: [{ what: 'rootRefused', code: 'EXCLUDED' }] },
      ]);
      expect(marksOfProcess()).toBe(0);
    });

    test('a root that leads to / is refused', async () => {
      symlinkSync('/', join(outside.path, 'link'));
      const watcher = watch({ roots: [join(outside.path, 'link')] });
      await watcher.start();
      expect(watcher.coverage().roots).toMatchObject([
        { state: 'missing', issues: [{ what: 'rootRefused', code: 'ROOT' }] },
      ]);
      expect(watcher.coverage().directories).toBe(0);
    });
  });

  describe('depth single (OnAccessDisableDDD)', () => {
    test('marks each of many roots and nothing below', async () => {
      const roots = Array.from({ length: 200 }, (_, index) => make(`r${index}`));
      make('r0', 'below');
      const watcher = watch({ roots, depth: 'single' });
      await watcher.start();
      make('r1', 'below');
      await delay(50);
      expect(watcher.coverage()).toMatchObject({ directories: 200 });
      expect(watcher.coverage().roots.every(({ state }) => state === 'protected')).toBe(true);
      expect(listener.sees(at('r199'))).toBe(true);
      expect(listener.sees(at('r0/below'))).toBe(false);
      expect(listener.sees(at('r1/below'))).toBe(false);
    });

    test('follows the disappearance and the return of a root', async () => {
      const root = make('root');
      const watcher = watch({ roots: [root], depth: 'single' });
      await watcher.start();
      rmdirSync(root);
      await until(() => watcher.coverage().roots[0]?.state === 'missing', 'it is missing');
      mkdirSync(root);
      await until(() => watcher.coverage().roots[0]?.state === 'protected', 'it is back');
      expect(listener.sees(root)).toBe(true);
      renameSync(root, at('elsewhere'));
      await until(() => watcher.coverage().roots[0]?.state === 'missing', 'it is missing again');
      await until(() => !listener.sees(at('elsewhere')), 'what was moved away is not marked');
    });

    test('a root below another one is one of its own', async () => {
      const roots = [make('a'), make('a', 'b')];
      const watcher = watch({ roots, depth: 'single' });
      await watcher.start();
      expect(watcher.coverage()).toMatchObject({
        directories: 2,
        roots: [{ directories: 1 }, { directories: 1 }],
      });
    });
  });

  describe('a root that is not there yet', () => {
    test.each(['tree', 'single'] as const)(
      'is seen to come, its parents not there either, depth %s',
      async (depth) => {
        const root = at('not', 'there', 'yet');
        const watcher = watch({ roots: [root], depth });
        await watcher.start();
        expect(watcher.coverage().roots).toMatchObject([
          { state: 'missing', issues: [{ what: 'rootMissing' }] },
        ]);
        make('something', 'else');
        make('not', 'there');
        await delay(20);
        mkdirSync(root);
        await until(() => watcher.coverage().roots[0]?.state === 'protected', 'it is protected');
        expect(listener.sees(root)).toBe(true);
        expect(listener.sees(at('not/there'))).toBe(false);
        // Two of the root: nothing above it is followed any more.
        expect(marksOfProcess()).toBe(2);
      },
    );

    test('made at once with its parents, forty times', async () => {
      const roots = Array.from({ length: 40 }, (_, index) => at(`t${index}`, 'a', 'b', 'c', 'd'));
      const watcher = watch({ roots });
      await watcher.start();
      for (const root of roots) mkdirSync(root, { recursive: true });
      await until(() => watcher.coverage().directories === 40, 'all are protected');
      for (const root of roots) expect(listener.sees(root)).toBe(true);
      expect(marksOfProcess()).toBe(80);
    });

    test('a file in its place is reported, and the directory that takes its place protected', async () => {
      writeFileSync(at('root'), '');
      const told: string[] = [];
      const watcher = watch({ roots: [at('root')], onIssue: ({ what }) => told.push(what) });
      await watcher.start();
      expect(watcher.coverage().roots).toMatchObject([
        { state: 'missing', issues: [{ what: 'rootMissing', code: 'ENOTDIR', advice: expect.any(String) }] },
      ]);
      await watcher.retryMissing();
      await watcher.retryMissing();
      expect(told).toEqual(['rootMissing']);
      rmSync(at('root'));
      make('root');
      await until(() => watcher.coverage().roots[0]?.state === 'protected', 'it is protected');
    });

    test('a retry finds that a directory above a root was replaced, of which no event tells', async () => {
      const root = make('above', 'root');
      const watcher = watch({ roots: [root] });
      await watcher.start();
      renameSync(at('above'), at('renamed'));
      make('above', 'root');
      await watcher.retryMissing();
      expect(listener.sees(root)).toBe(true);
      expect(watcher.coverage().roots).toMatchObject([{ state: 'protected' }]);
      await until(() => !listener.sees(at('renamed/root')), 'the one before is let go of');
    });

    test('a stop while it is looked for opens nothing any more', async () => {
      const watcher = watch({ roots: [at('not', 'there')] });
      const started = watcher.start();
      watcher.stop();
      await started;
      await watcher.retryMissing();
      expect(native.poller.openHandles).toBe(0);
      expect(marksOfProcess()).toBe(0);
    });

    test('a retry follows a symbolic link that leads elsewhere by now', async () => {
      make('one');
      make('two');
      const link = join(outside.path, 'link');
      symlinkSync(at('one'), link);
      const watcher = watch({ roots: [link] });
      await watcher.start();
      rmSync(link);
      symlinkSync(at('two'), link);
      await watcher.retryMissing();
      expect(listener.sees(at('two'))).toBe(true);
      await until(() => !listener.sees(at('one')), 'the one before is let go of');
    });
  });

  describe('onArrived', () => {
    test.each([false, true])(
      'tells once of what came, when all of it is marked; inotify alone: %s',
      async (inotifyOnly) => {
        make('old');
        const told: string[] = [];
        const watcher = watch({
          inotifyOnly,
          onArrived: (path, kind) => {
            // `deep` is marked by now.
            const deep = path === at('tree') ? ` ${String(listener.sees(at('tree/a/b')))}` : '';
            told.push(`${kind} ${path.slice(inside.path.length)}${deep}`);
          },
        });
        await watcher.start();
        expect(told).toEqual([]);
        mkdirSync(join(outside.path, 'tree/a/b'), { recursive: true });
        renameSync(join(outside.path, 'tree'), at('tree'));
        await until(() => told.length === 1, 'the tree is told');
        make('new');
        await until(() => told.length === 2, 'the new directory is told');
        writeFileSync(join(outside.path, 'file'), '');
        renameSync(join(outside.path, 'file'), at('old/file'));
        await until(() => told.length === 3, 'the file is told');
        renameSync(at('old'), at('renamed'));
        writeFileSync(at('written'), '');
        await delay(50);
        expect(told).toEqual(['directory /tree true', 'directory /new', 'file /old/file']);
      },
    );

    test('tells of a root that came late, and of what a resync finds', async () => {
      const told: string[] = [];
      const root = at('root');
      const watcher = watch({ roots: [root], onArrived: (path) => told.push(path) });
      await watcher.start();
      mkdirSync(root);
      await until(() => told.length === 1, 'the root is told');
      expect(told).toEqual([root]);
    });
  });

  test('files that come and go cost no events (kernel 6.0 and later)', async () => {
    const watcher = watch();
    await watcher.start();
    const changes: unknown[] = [];
    const onChanges = watcher.onChanges.bind(watcher);
    watcher.onChanges = (some) => {
      changes.push(...some);
      onChanges(some);
    };
    for (let index = 0; index < 100; index += 1) {
      writeFileSync(at('file'), 'x');
      renameSync(at('file'), at('renamed'));
      rmSync(at('renamed'));
    }
    make('directory');
    await until(() => watcher.coverage().directories === 2, 'the directory is known');
    expect(changes).toHaveLength(1);
  });
});
