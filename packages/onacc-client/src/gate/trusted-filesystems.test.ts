import { expect, test } from '@jest/globals';
import { TrustedFilesystems } from './trusted-filesystems.js';

const EXT4 = 0xef53;
const TMPFS = 0x0102_1994;
const FUSE = 0x6573_5546;

/** What fstatfs(2) says, in turn; each answer is used up. */
function asking(types: (number | undefined)[]): { filesystems: TrustedFilesystems; types: typeof types } {
  const filesystemType = (): number => {
    const type = types.shift();
    if (type === undefined) throw new Error('ESTALE');
    return type;
  };
  return { filesystems: new TrustedFilesystems({ filesystemType }, ['8:1']), types };
}

const at = (
  mountId: number,
  devMinor: number,
  devMajor = 8,
): Parameters<TrustedFilesystems['standingOf']>[0] => ({
  mountId,
  devMajor,
  devMinor,
});

test('a mount is asked about once, and each one has its own answer', () => {
  const { filesystems, types } = asking([EXT4, FUSE, EXT4, TMPFS]);
  expect(filesystems.standingOf(at(5, 1), 3)).toEqual({ isTrusted: true, isRemovable: false });
  expect(filesystems.standingOf(at(6, 1), 3).isTrusted).toBe(false);
  expect(filesystems.standingOf(at(7, 2), 3)).toEqual({ isTrusted: true, isRemovable: true });
  expect(filesystems.standingOf(at(8, 40, 0), 3)).toEqual({ isTrusted: true, isRemovable: false });
  expect([5, 6].map((mountId) => filesystems.standingOf(at(mountId, 1), 3).isTrusted)).toEqual([true, false]);
  expect(types).toEqual([]);
});

test('before Linux 6.8 mounts have no number of their own: each file is asked about', () => {
  const { filesystems } = asking([TMPFS, FUSE]);
  expect([0, 0].map((mountId) => filesystems.standingOf(at(mountId, 50, 0), 3).isTrusted)).toEqual([
    true,
    false,
  ]);
});

test('what cannot be told is not trusted, and asked again', () => {
  const { filesystems } = asking([undefined, EXT4]);
  expect([5, 5].map((mountId) => filesystems.standingOf(at(mountId, 1), 3).isTrusted)).toEqual([false, true]);
});
