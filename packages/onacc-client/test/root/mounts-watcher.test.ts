import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { constants, openNative, WOULD_BLOCK } from '@portcullis/shared/native';
import { describeIfFanotify, describeOrSkip } from '@portcullis/shared/testing';
import { MountWatcher } from '../../src/mounts/mount-watcher.js';
import type { MountWatcherOptions } from '../../src/mounts/mount-watcher.js';
import { MountsFixture, whyNoDisk } from '../filesystems/mounts-fixture.js';
import type { DiskType } from '../filesystems/mounts-fixture.js';

jest.setTimeout(60_000);

const { FAN_CLASS_NOTIF, FAN_CLOEXEC, FAN_CLOSE_WRITE, FAN_EVENT_ON_CHILD, FAN_NONBLOCK, FAN_OPEN } =
  constants;
const native = openNative();
const buffer = Buffer.alloc(65_536);

/** A group that is only told of opens, so that nothing here can hold anyone up. */
class OpenListener {
  readonly group = native.fanotify.createGroup(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK, 0);
  readonly mask = FAN_OPEN | FAN_CLOSE_WRITE | FAN_EVENT_ON_CHILD;

  /** The paths of the events that wait, as the kernel names them. */
  take(): string[] {
    const paths: string[] = [];
    for (;;) {
      const got = native.fanotify.readEvents(this.group, buffer);
      if (got === WOULD_BLOCK) return paths;
      for (let at = 0; at < got; at += buffer.readUInt32LE(at)) {
        const fd = buffer.readInt32LE(at + 16);
        if (fd < 0) continue;
        paths.push(native.files.readLink(`/proc/self/fd/${fd}`));
        native.files.close(fd);
      }
    }
  }

  /** Whether an open of a new file in the directory is seen. */
  sees(directory: string): boolean {
    const file = `${directory}/seen-or-not`;
    this.take();
    writeFileSync(file, 'x');
    readFileSync(file);
    rmSync(file);
    return this.take().length > 0;
  }

  close(): void {
    native.files.close(this.group);
  }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + 15_000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`still not so after 15 s: ${what}`);
    await delay(20);
  }
}

/** A kernel without word of mounts and without filesystem marks, as far as its calls show it. */
function olderKernel(refuse: (flags: number) => string | undefined): typeof native {
  const fail = (code: string): never => {
    throw Object.assign(new Error(code), { code });
  };
  return {
    ...native,
    fanotify: {
      ...native.fanotify,
      createGroup: (flags, eventFlags) =>
        (flags & 0x4000) !== 0 ? fail('EINVAL') : native.fanotify.createGroup(flags, eventFlags),
      markPath: (group, flags, mask, path) => {
        const code = refuse(flags);
        if (code !== undefined) fail(code);
        native.fanotify.markPath(group, flags, mask, path);
      },
    },
  };
}

describeIfFanotify('MountWatcher on a real kernel', () => {
  let mounts: MountsFixture;
  let listener: OpenListener;
  let watchers: MountWatcher[];
  let issues: string[];

  beforeEach(() => {
    mounts = new MountsFixture();
    listener = new OpenListener();
    watchers = [];
    issues = [];
  });

  afterEach(() => {
    for (const watcher of watchers) watcher.stop();
    listener.close();
    mounts.remove();
    expect(native.poller.openHandles).toBe(0);
  });

  async function watch(
    options: Partial<MountWatcherOptions> & Pick<MountWatcherOptions, 'paths'>,
  ): Promise<MountWatcher> {
    const watcher = new MountWatcher({
      native,
      strategy: 'mount',
      targets: [listener],
      includedFilesystems: new Set(),
      onIssue: ({ what, path, code }) => issues.push(`${what} ${path} ${code}`),
      ...options,
    });
    watchers.push(watcher);
    await watcher.start();
    return watcher;
  }

  test.each(['mount', 'filesystem'] as const)(
    'a %s mark sees every directory, old and new',
    async (strategy) => {
      const disk = mounts.tmpfs('disk');
      mkdirSync(`${disk}/a/b`, { recursive: true });
      const watcher = await watch({ strategy, paths: [`${disk}/a/`] });
      mkdirSync(`${disk}/a/b/new`);
      renameSync(`${disk}/a/b`, `${disk}/moved`);
      for (const path of [disk, `${disk}/a`, `${disk}/moved/new`]) expect(listener.sees(path)).toBe(true);
      expect(listener.sees(mounts.path)).toBe(false);
      expect(watcher.coverage()).toMatchObject({
        strategy,
        mounts: [{ as: strategy, mountPoint: disk, type: 'tmpfs' }],
        roots: [{ path: `${disk}/a`, state: 'protected', issues: [] }],
      });
    },
  );

  test('a filesystem mark sees opens through another mount of it, a mount mark does not', async () => {
    const disk = mounts.tmpfs('disk');
    const bound = mounts.bind(disk, 'bound');
    await watch({ strategy: 'mount', paths: [disk] });
    expect(listener.sees(bound)).toBe(false);
    await watch({ strategy: 'filesystem', paths: [disk] });
    expect(listener.sees(bound)).toBe(true);
  });

  test('so it does opens from a mount namespace of its own, as many services have', async () => {
    const disk = mounts.tmpfs('disk');
    writeFileSync(`${disk}/file`, 'x');
    const seenFromElsewhere = (): string[] => {
      listener.take();
      execFileSync('unshare', ['--mount', 'cat', `${disk}/file`], { stdio: 'pipe', timeout: 20_000 });
      return listener.take();
    };
    await watch({ strategy: 'mount', paths: [disk] });
    expect(seenFromElsewhere()).toEqual([]);
    await watch({ strategy: 'filesystem', paths: [disk] });
    expect(seenFromElsewhere()).toHaveLength(1);
  });

  test('a mount below is another mount: left alone and reported, unless it is the same filesystem', async () => {
    const disk = mounts.tmpfs('disk');
    mkdirSync(`${disk}/inner`);
    mounts.mount(['-t', 'tmpfs', 'portcullis-test'], `${disk}/inner`);
    mkdirSync(`${disk}/proc`);
    mounts.mount(['-t', 'proc', 'portcullis-test'], `${disk}/proc`);
    mkdirSync(`${disk}/self`);
    mounts.mount(['--bind', disk], `${disk}/self`);
    await watch({ strategy: 'filesystem', paths: [disk] });
    expect(listener.sees(`${disk}/inner`)).toBe(false);
    expect(issues).toEqual([`otherDevice ${disk}/inner notMarked:tmpfs`]);
    const watcher = await watch({ strategy: 'mount', paths: [disk] });
    expect(watcher.coverage().roots[0]?.issues.map(({ path }) => path)).toEqual([
      `${disk}/inner`,
      `${disk}/self`,
    ]);
    expect(watcher.coverage().roots[0]?.state).toBe('protected');
  });

  const kernels: [string, () => typeof native][] = [
    ['with word of the kernel', () => native],
    ['by looking every second', () => olderKernel(() => undefined)],
  ];
  test.each(kernels)('what is mounted at the path later, or over it, is marked: %s', async (_, kernel) => {
    const place = `${mounts.path}/place`;
    const watcher = await watch({ native: kernel(), paths: [place] });
    expect(issues).toEqual([`rootMissing ${place} ENOENT`]);
    mounts.tmpfs('place');
    await until(() => watcher.coverage().mounts.length === 1, 'the first mount is marked');
    expect(listener.sees(place)).toBe(true);
    // Listed like the first one but for its number, which the kernel may even give again.
    mounts.tmpfs('place');
    await until(() => listener.sees(place), 'the mount over it is marked');
    mounts.unmount(place);
    mounts.unmount(place);
    mounts.tmpfs('place');
    await until(() => listener.sees(place), 'its successor is marked');
    expect(watcher.coverage().roots).toMatchObject([{ state: 'protected', issues: [] }]);
  });

  test('a second group gets every mark before addTarget resolves, the first gets none any more', async () => {
    const disk = mounts.tmpfs('disk');
    const watcher = await watch({ strategy: 'filesystem', paths: [disk, `${mounts.path}/none`] });
    const second = new OpenListener();
    try {
      expect(await watcher.addTarget(second)).toEqual({ marked: 1, refused: 0 });
      expect(second.sees(disk)).toBe(true);
      watcher.removeTarget(listener.group);
      const later = mounts.tmpfs('none');
      await until(() => second.sees(later), 'the later one is marked');
      expect(listener.sees(later)).toBe(false);
      await expect(watcher.addTarget(second)).rejects.toThrow(/already/);
    } finally {
      watcher.removeTarget(second.group);
      second.close();
    }
  });

  test('a path that is a symbolic link is what it leads to', async () => {
    const disk = mounts.tmpfs('disk');
    symlinkSync(disk, `${mounts.path}/link`);
    const watcher = await watch({ paths: [`${mounts.path}/link`] });
    expect(listener.sees(disk)).toBe(true);
    expect(watcher.coverage().mounts).toMatchObject([{ mountPoint: disk }]);
  });

  test('where there is no filesystem mark a mount mark is taken, and said to be less', async () => {
    const disk = mounts.tmpfs('disk');
    const kernel = olderKernel((flags) => ((flags & 0x100) !== 0 ? 'EXDEV' : undefined));
    const watcher = await watch({ native: kernel, strategy: 'filesystem', paths: [disk] });
    expect(listener.sees(disk)).toBe(true);
    expect(watcher.coverage()).toMatchObject({ mounts: [{ as: 'mount' }], roots: [{ state: 'partial' }] });
    expect(issues).toEqual([`notFollowed ${disk} mountMarkOnly:EXDEV`]);
  });

  test('a refused mark and a pseudo filesystem are not protected, and say so once', async () => {
    const disk = mounts.tmpfs('disk');
    const kernel = olderKernel(() => 'ENOSPC');
    const watcher = await watch({ native: kernel, paths: [disk, '/proc/self'] });
    await watcher.resync();
    expect(issues).toEqual([`notMarked ${disk} ENOSPC`, 'notMarked /proc/self pseudoFilesystem:proc']);
    expect(watcher.coverage().roots.map(({ state }) => state)).toEqual(['partial', 'partial']);
  });

  test('what is mounted between the look and the mark is judged by what is held, not by its name', async () => {
    const disk = mounts.tmpfs('disk');
    let looks = 0;
    const real = (): string => readFileSync('/proc/self/mountinfo', 'latin1');
    const lines = (text: string): string[] => text.split('\n');
    const readMounts = (): Promise<string> => {
      looks += 1;
      // When it is read for the second time, somebody has mounted a filesystem of his own there.
      const asked = looks % 2 === 1 ? real() : lines(real()).map(asFuse).join('\n');
      return Promise.resolve(asked);
    };
    const asFuse = (line: string): string =>
      line.includes(` ${disk} `) ? line.replace(' - tmpfs ', ' - fuse.mine ') : line;
    const watcher = await watch({ paths: [disk], readMounts });
    expect(listener.sees(disk)).toBe(false);
    expect(watcher.coverage().mounts).toEqual([]);
    expect(issues).toEqual([`notMarked ${disk} networkFilesystem:fuse.mine`]);
  });

  test('many looks at once end, and stop ends everything, twice is once', async () => {
    const watcher = await watch({ paths: [mounts.tmpfs('disk')] });
    await Promise.all(Array.from({ length: 50 }, () => watcher.resync()));
    const underWay = watcher.resync();
    watcher.stop();
    watcher.stop();
    await underWay;
    await watcher.resync();
    expect(native.poller.openHandles).toBe(0);
  });
});

describe.each<DiskType>(['ext4', 'xfs', 'btrfs'])('marks on %s', (type) => {
  describeOrSkip('on a loop device', whyNoDisk(type), () => {
    describeIfFanotify('on a real kernel', () => {
      test('both kinds of marks are to be had and see new files', async () => {
        const mounts = new MountsFixture();
        const listener = new OpenListener();
        const disk = mounts.disk(type);
        const options = {
          native,
          targets: [listener],
          includedFilesystems: new Set<string>(),
          onIssue: () => undefined,
        };
        try {
          for (const strategy of ['filesystem', 'mount'] as const) {
            const watcher = new MountWatcher({ ...options, strategy, paths: [disk] });
            await watcher.start();
            watcher.stop();
            expect(watcher.coverage().mounts).toMatchObject([{ as: strategy, type }]);
            expect(listener.sees(disk)).toBe(true);
            native.fanotify.markPath(listener.group, constants.FAN_MARK_FLUSH | 0x10, 0, '/');
            native.fanotify.markPath(listener.group, constants.FAN_MARK_FLUSH | 0x100, 0, '/');
            expect(listener.sees(disk)).toBe(false);
          }
        } finally {
          listener.close();
          mounts.remove();
        }
      });
    });
  });
});

describeOrSkip('a btrfs subvolume', whyNoDisk('btrfs'), () => {
  describeIfFanotify('on a real kernel', () => {
    test('is covered by the mark of its filesystem, mounted by itself too', async () => {
      const mounts = new MountsFixture();
      const listener = new OpenListener();
      try {
        const disk = mounts.disk('btrfs');
        execFileSync('btrfs', ['subvolume', 'create', `${disk}/sub`], { stdio: 'pipe', timeout: 20_000 });
        const issues: string[] = [];
        const watcher = new MountWatcher({
          native,
          strategy: 'filesystem',
          paths: [`${disk}/sub`],
          targets: [listener],
          includedFilesystems: new Set(),
          onIssue: ({ what, code }) => issues.push(`${what} ${code}`),
        });
        await watcher.start();
        watcher.stop();
        expect(issues).toEqual([]);
        for (const path of [disk, `${disk}/sub`, mounts.bind(`${disk}/sub`, 'other')]) {
          expect(listener.sees(path)).toBe(true);
        }
      } finally {
        listener.close();
        mounts.remove();
      }
    });
  });
});

describeOrSkip('an overlay', whyNoDisk('ext4'), () => {
  describeIfFanotify('on a real kernel', () => {
    let mounts: MountsFixture;
    let listener: OpenListener;

    beforeEach(() => {
      mounts = new MountsFixture();
      listener = new OpenListener();
    });

    afterEach(() => {
      listener.close();
      mounts.remove();
    });

    async function seenWith(
      strategy: 'mount' | 'filesystem',
      marked: 'overlay' | 'backing',
    ): Promise<string[]> {
      const disk = mounts.disk('ext4');
      const { merged, lower } = mounts.overlay(disk, 'merged');
      writeFileSync(`${lower}/old`, 'x');
      const watcher = new MountWatcher({
        native,
        strategy,
        paths: [marked === 'overlay' ? merged : disk],
        targets: [{ group: listener.group, mask: FAN_OPEN }],
        includedFilesystems: new Set(),
        onIssue: () => undefined,
      });
      await watcher.start();
      watcher.stop();
      listener.take();
      readFileSync(`${merged}/old`);
      return listener.take().map((path) => path.replace(mounts.path, ''));
    }

    // Which layer's marks see what, field notes 3.5.12. A mount mark on the backing filesystem sees nothing, since
    // the overlay opens its layers through private mounts of its own.
    test.each([
      ['mount', 'overlay', ['/merged/old']],
      ['filesystem', 'overlay', ['/merged/old']],
      ['mount', 'backing', []],
    ] as const)(
      'a %s mark on the %s sees an open in the merged tree as %j',
      async (strategy, marked, seen) => {
        expect(await seenWith(strategy, marked)).toEqual(seen);
      },
    );

    // Once, and under the path within the layer: the overlay mounts its layers privately.
    test('a filesystem mark on the backing filesystem sees opens in the merged tree too', async () => {
      expect(await seenWith('filesystem', 'backing')).toEqual(['/old']);
    });
  });
});
