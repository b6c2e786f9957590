import { describe, expect, test } from '@jest/globals';
import { filesystemPolicy, mayStall, parseFilesystemTypes, uselessInclusions } from './filesystem-policy.js';

const none: ReadonlySet<string> = new Set();

describe('filesystemPolicy', () => {
  test.each(['ext4', 'xfs', 'btrfs', 'tmpfs', 'ramfs', 'overlay', 'vfat', 'ntfs3', 'iso9660', 'new-in-2040'])(
    '%s is protected',
    (type) => {
      expect(filesystemPolicy(type, none)).toBe('protect');
      expect(mayStall(type)).toBe(false);
    },
  );

  test.each(['nfs', 'nfs4', 'cifs', 'smb3', '9p', 'ceph', 'fuse', 'fuse.sshfs', 'fuse.x', 'fuseblk'])(
    '%s is left out unless it is included',
    (type) => {
      expect(filesystemPolicy(type, none)).toBe('network');
      expect(filesystemPolicy(type, new Set([type]))).toBe('protect');
      expect(mayStall(type)).toBe(true);
    },
  );

  test.each(['proc', 'sysfs', 'cgroup2', 'devpts', 'autofs'])('%s is never protected', (type) => {
    expect(filesystemPolicy(type, new Set([type]))).toBe('pseudo');
  });

  test('one FUSE type lets no other in, fuse.* lets all of them in, and fuse itself is a type of its own', () => {
    expect(filesystemPolicy('fuse.hang', new Set(['fuse.sshfs']))).toBe('network');
    expect(filesystemPolicy('fuse.hang', new Set(['fuse.*']))).toBe('protect');
    expect(filesystemPolicy('fuse.hang', new Set(['fuse']))).toBe('network');
    expect(filesystemPolicy('fuse', new Set(['fuse.*']))).toBe('network');
  });
});

describe('parseFilesystemTypes', () => {
  test('takes commas, blanks and nothing at all', () => {
    expect([...parseFilesystemTypes(' nfs, fuse.sshfs,,cifs ')]).toEqual(['nfs', 'fuse.sshfs', 'cifs']);
    expect(parseFilesystemTypes(undefined).size).toBe(0);
    expect(parseFilesystemTypes('').size).toBe(0);
  });
});

test('what changes nothing in the list is told', () => {
  expect(uselessInclusions(new Set(['nfs', 'fuse.*']))).toEqual([]);
  expect(uselessInclusions(new Set(['ext4', 'proc'])).join('\n')).toMatch(
    /'ext4' is protected.*\n.*'proc' holds/,
  );
});
