import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { ChildProgram } from '@portcullis/shared/programs';
import { describeIfFanotify, describeOrSkip } from '@portcullis/shared/testing';
import { MountsFixture, whyNoDisk } from '../filesystems/mounts-fixture.js';
import type { DiskType } from '../filesystems/mounts-fixture.js';
import { cat } from '../openers/opener.js';
import { EICAR, PairFixture } from '../pair-fixture.js';

jest.setTimeout(120_000);

const REFUSED = /Operation not permitted/;
/** Until a directory that has just been made or moved is marked. */
const FOLLOWED_MS = 500;

/** How a directory can be protected: what clamd.conf says, and which variable goes with it. */
const WAYS = [
  { name: 'OnAccessIncludePath', option: 'OnAccessIncludePath', env: {} },
  { name: 'OnAccessIncludePath by its mount', option: 'OnAccessIncludePath', env: { ONACC_MARKS: 'mount' } },
  {
    name: 'OnAccessIncludePath by its filesystem',
    option: 'OnAccessIncludePath',
    env: { ONACC_MARKS: 'filesystem' },
  },
  { name: 'OnAccessMountPath', option: 'OnAccessMountPath', env: {} },
] as const;

let mounts: MountsFixture;
let pair: PairFixture | undefined;

beforeEach(() => {
  mounts = new MountsFixture();
});

afterEach(async () => {
  // The programs first: they must not hold what is unmounted.
  await pair?.stop();
  pair = undefined;
  mounts.remove();
});

async function protect(path: string, way: (typeof WAYS)[number]): Promise<ChildProgram> {
  pair = new PairFixture([`${way.option} ${path}`], { include: [] });
  await pair.startDaemon();
  return pair.startClient({ ...way.env });
}

/** Old and new files, in old, new, moved and renamed directories. */
async function expectProtection(path: string): Promise<void> {
  expect(await cat(`${path}/old/clean`)).toBe('clean');
  expect(await cat(`${path}/old/clean`)).toBe('clean');
  expect(await cat(`${path}/old/eicar`)).toMatch(REFUSED);
  mkdirSync(`${path}/new/deep`, { recursive: true });
  await delay(FOLLOWED_MS);
  writeFileSync(`${path}/new/deep/eicar`, EICAR);
  writeFileSync(`${path}/new/deep/clean`, 'clean');
  expect(await cat(`${path}/new/deep/eicar`)).toMatch(REFUSED);
  expect(await cat(`${path}/new/deep/clean`)).toBe('clean');
  renameSync(`${path}/new/deep`, `${path}/old/moved`);
  mkdirSync(`${path}/old/moved/below`);
  await delay(FOLLOWED_MS);
  writeFileSync(`${path}/old/moved/below/eicar`, EICAR);
  expect(await cat(`${path}/old/moved/eicar`)).toMatch(REFUSED);
  expect(await cat(`${path}/old/moved/below/eicar`)).toMatch(REFUSED);
  renameSync(`${path}/old/moved/clean`, `${path}/old/renamed`);
  expect(await cat(`${path}/old/renamed`)).toBe('clean');
}

function fill(path: string): void {
  mkdirSync(`${path}/old`);
  writeFileSync(`${path}/old/clean`, 'clean');
  writeFileSync(`${path}/old/eicar`, EICAR);
}

describe.each<DiskType>(['ext4', 'xfs', 'btrfs'])('the pair on %s', (type) => {
  describeOrSkip('on a loop device', whyNoDisk(type), () => {
    describeIfFanotify('on a real kernel', () => {
      test.each(WAYS)('$name protects old and new files', async (way) => {
        const disk = mounts.disk(type);
        fill(disk);
        await protect(disk, way);
        await expectProtection(disk);
      });
    });
  });
});

describeIfFanotify('the pair on tmpfs', () => {
  test.each(WAYS)('$name protects old and new files', async (way) => {
    const disk = mounts.tmpfs('disk');
    fill(disk);
    await protect(disk, way);
    await expectProtection(disk);
  });

  test('under a filesystem mark a bind mount of it is protected, under a mount mark a symbolic link to it', async () => {
    const disk = mounts.tmpfs('disk');
    fill(disk);
    const bound = mounts.bind(disk, 'bound');
    symlinkSync(disk, `${mounts.path}/link`);
    await protect(disk, { ...WAYS[3], env: { ONACC_MARKS: 'filesystem' } as never });
    expect(await cat(`${bound}/old/eicar`)).toMatch(REFUSED);
    expect(await cat(`${mounts.path}/link/old/eicar`)).toMatch(REFUSED);
    expect(await cat(`${bound}/old/clean`)).toBe('clean');
  });

  test('what is mounted at an OnAccessMountPath later, or over it, is protected', async () => {
    const place = mounts.directory('place');
    mounts.tmpfs('place');
    await protect(place, WAYS[3]);
    mounts.tmpfs('place');
    await delay(FOLLOWED_MS);
    fill(place);
    await delay(1_500); // a kernel before 6.14 is asked every second
    expect(await cat(`${place}/old/eicar`)).toMatch(REFUSED);
    expect(await cat(`${place}/old/clean`)).toBe('clean');
  });
});

describeOrSkip('the pair on an overlay', whyNoDisk('ext4'), () => {
  describeIfFanotify('on a real kernel', () => {
    test.each(WAYS)('$name of the merged tree protects both layers', async (way) => {
      const { merged, lower } = mounts.overlay(mounts.disk('ext4'), 'merged');
      fill(lower);
      // Directories of the lower layer cannot be renamed without redirect_dir; files and new directories can.
      await protect(merged, way);
      await expectProtection(merged);
    });

    // Containers: one mark on the filesystem that holds all their layers (field notes 3.5.12).
    test('OnAccessMountPath of the filesystem below protects the merged tree by a filesystem mark', async () => {
      const disk = mounts.disk('ext4');
      const { merged, lower } = mounts.overlay(disk, 'merged');
      fill(lower);
      await protect(disk, { ...WAYS[3], env: { ONACC_MARKS: 'filesystem' } as never });
      expect(await cat(`${merged}/old/clean`)).toBe('clean');
      expect(await cat(`${merged}/old/eicar`)).toMatch(REFUSED);
    });
  });
});
