import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isAtOrBelow, mountOf, mountsBelow, readMountTable } from './mount-table.js';
import type { Mount } from './mount-table.js';

/** As seq_path(9) and the kernel's mangle() write a field. */
function escape(text: string): string {
  const bytes = Buffer.from(text, 'utf8').toString('latin1');
  return bytes.replace(/[ \t\n\\#]/g, (character) => {
    return `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`;
  });
}

function lineOf(mount: Mount, optional: readonly string[] = []): string {
  const { id, parentId, device, options } = mount;
  const before = [id, parentId, device, escape(mount.root), escape(mount.mountPoint), options, ...optional];
  return [...before, '-', escape(mount.type), escape(mount.source), 'rw'].join(' ');
}

function mountAt(mountPoint: string, id: number, parentId: number): Mount {
  const where = { id, parentId, mountPoint, device: `0:${id}` };
  return { ...where, root: '/', type: 'ext4', source: '/dev/x', options: 'rw' };
}

const anyPath = fc
  .array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }), { maxLength: 4 })
  .map((names) => `/${names.map((name) => name.replaceAll(/[/\0\uD800-\uDFFF]/gu, '_')).join('/')}`);
const anyWord = fc.stringMatching(/^[a-z0-9.:/ \t#\\]{0,12}$/);
const anyMount: fc.Arbitrary<Mount> = fc.record({
  id: fc.nat(),
  parentId: fc.nat(),
  device: fc.tuple(fc.nat(4_095), fc.nat(1_048_575)).map(([major, minor]) => `${major}:${minor}`),
  root: anyPath,
  mountPoint: anyPath,
  type: anyWord.filter((word) => word !== ''),
  source: anyWord,
  options: fc.constantFrom('rw', 'ro,nosuid,nodev'),
});
/** Mounts as they come about: each is mounted onto what its path led to at that time. */
const grownTable = fc
  .array(fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 4 }), { maxLength: 20 })
  .map((paths) => {
    const mounts = [mountAt('/', 1, 0)];
    for (const names of paths) {
      const path = `/${names.join('/')}`;
      mounts.push(mountAt(path, mounts.length + 1, mountOf(path, mounts)?.id ?? 0));
    }
    return mounts;
  });
const optionalFields = fc.subarray(['shared:1', 'master:2', 'propagate_from:3', 'unbindable']);

describe('readMountTable', () => {
  test('reads back whatever the kernel may write', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyMount, optionalFields), { maxLength: 20 }), (rows) => {
        const text = rows.map(([mount, optional]) => `${lineOf(mount, optional)}\n`).join('');
        expect(readMountTable(text)).toEqual(rows.map(([mount]) => mount));
      }),
    );
  });

  test('never throws, and what it leaves out takes no other line along', () => {
    const good = mountAt('/good', 7, 1);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (rubbish) => {
        const line = rubbish.replaceAll('\n', '');
        expect(readMountTable(`${line}\n${lineOf(good)}\n`).at(-1)).toEqual(good);
      }),
    );
  });

  test.each([
    ['no dash', '36 35 98:0 / /mnt rw ext3 /dev/root rw'],
    ['no type', '36 35 98:0 / /mnt rw -'],
    ['no number', 'x 35 98:0 / /mnt rw - ext3 /dev/root rw'],
    ['no device', '36 35 98 / /mnt rw - ext3 /dev/root rw'],
    ['a relative mount point', '36 35 98:0 / mnt rw - ext3 /dev/root rw'],
  ])('leaves out a line with %s', (_, line) => {
    expect(readMountTable(line)).toEqual([]);
  });

  test('a mount point called - is a mount point', () => {
    expect(readMountTable('36 35 98:0 / /- - - ext3 /dev/root rw')[0]).toMatchObject({ mountPoint: '/-' });
  });

  test('reads this machine’s own', () => {
    const mounts = readMountTable(readFileSync('/proc/self/mountinfo', 'latin1'));
    expect(mountOf('/proc/self', mounts)?.type).toBe('proc');
  });
});

describe('mountOf', () => {
  const root = mountAt('/', 1, 0);
  const home = mountAt('/home', 2, 1);
  const share = mountAt('/home/a/share', 3, 2);

  test('finds the deepest mount above the path, by whole names', () => {
    const mounts = [share, home, root];
    expect(mountOf('/home/a/share/x', mounts)).toBe(share);
    expect(mountOf('/home/a/share', mounts)).toBe(share);
    expect(mountOf('/home/a/shared', mounts)).toBe(home);
    expect(mountOf('/homes', mounts)).toBe(root);
    expect(mountOf('/', mounts)).toBe(root);
    expect(mountOf('/x', [])).toBeUndefined();
  });

  test('a mount over another one hides it and all that is mounted below it', () => {
    const over = mountAt('/home', 4, 2);
    expect(mountOf('/home/a/share/x', [root, home, share, over])).toBe(over);
    expect(mountsBelow('/', [root, home, share, over])).toEqual([over]);
    // Over a directory above: the covered one hangs below the same parent.
    const early = mountAt('/a/b', 5, 1);
    const late = mountAt('/a', 6, 1);
    expect(mountOf('/a/b/c', [root, early, late])).toBe(late);
  });

  test('a process in a chroot sees mounts without the root above them', () => {
    expect(mountOf('/home/x', [mountAt('/home', 2, 1)])?.id).toBe(2);
    expect(mountOf('/etc', [mountAt('/home', 2, 1)])).toBeUndefined();
  });

  test('a table that runs in a circle is survived', () => {
    expect(() => mountOf('/a/b', [root, mountAt('/a', 2, 3), mountAt('/a/b', 3, 2)])).not.toThrow();
    expect(() => mountOf('/a/b', [mountAt('/', 1, 1), mountAt('/a', 2, 1)])).not.toThrow();
  });

  test('whatever the table, the path lies at or below the mount point that is found', () => {
    fc.assert(
      fc.property(fc.array(anyMount, { maxLength: 12 }), anyPath, (mounts, path) => {
        const found = mountOf(path, mounts);
        if (found !== undefined) expect(isAtOrBelow(path, found.mountPoint)).toBe(true);
      }),
    );
  });
});

describe('mountsBelow', () => {
  test('finds exactly the mounts that a path leads to', () => {
    fc.assert(
      fc.property(grownTable, fc.constantFrom('/', '/a', '/a/b'), (mounts, directory) => {
        const expected = mounts.filter(
          (mount) =>
            mount.mountPoint !== directory &&
            isAtOrBelow(mount.mountPoint, directory) &&
            mountOf(mount.mountPoint, mounts) === mount,
        );
        expect(mountsBelow(directory, mounts)).toEqual(expected);
      }),
    );
  });

  test('ten thousand mounts are no matter', () => {
    const mounts = [mountAt('/', 1, 0)];
    for (let id = 2; id <= 10_000; id += 1) mounts.push(mountAt(`/var/lib/containers/${id}/merged`, id, 1));
    const startedMs = performance.now();
    expect(mountsBelow('/', mounts)).toHaveLength(9_999);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });
});
