import { describe, expect, test } from '@jest/globals';
import { OwnMounts } from './own-mounts.js';

const OURS = 21;
const FOREIGN = 40;

describe('OwnMounts', () => {
  /** Descriptor numbers are those of the mounts they are on. */
  function mounts(): { own: OwnMounts; at: { nowMs: number }; ids: number[]; read: string[] } {
    const at = { nowMs: 50_000 };
    const ids = [1, OURS];
    const read: string[] = [];
    const readProcText = (path: string): string => {
      read.push(path);
      const line = (id: number): string =>
        `${id} 1 0:${id} / /${id} rw shared:${FOREIGN} - tmpfs ${FOREIGN} rw\n`;
      if (path === '/proc/self/mountinfo') return ids.map(line).join('');
      const fd = path.slice('/proc/self/fdinfo/'.length);
      return fd === '99' ? '' : `pos:\t0\nflags:\t0100000\nmnt_id:\t${fd}\nino:\t${OURS}\n`;
    };
    return { own: new OwnMounts(readProcText, () => at.nowMs), at, ids, read };
  }

  test('ours is what stands in our table, asked once a mount', () => {
    const { own, at, read } = mounts();
    expect(own.has(2 ** 31 + 1, OURS)).toBe(true);
    at.nowMs += 1_000;
    expect(own.has(2 ** 31 + 2, FOREIGN)).toBe(false);
    const readBefore = read.length;
    expect([own.has(2 ** 31 + 1, OURS), own.has(2 ** 31 + 2, FOREIGN), read.length]).toEqual([
      true,
      false,
      readBefore,
    ]);
  });

  test('what cannot be told is not ours', () => {
    const { own } = mounts();
    expect(own.has(2 ** 31 + 1, 99)).toBe(false);
  });

  test('whoever makes mounts of his own does not have us read the table for each; what is new is foreign so long', () => {
    const { own, at, ids, read } = mounts();
    own.has(2 ** 31 + 1, FOREIGN);
    ids.push(22);
    for (let mount = 2; mount < 50; mount += 1) expect(own.has(2 ** 31 + mount, 22)).toBe(false);
    expect(read.filter((path) => path === '/proc/self/mountinfo')).toHaveLength(1);
    at.nowMs += 100;
    expect(own.has(2 ** 31 + 2, 22)).toBe(true);
  });

  test('without numbers that never come back, the table is believed for a second', () => {
    const { own, at, ids } = mounts();
    expect([own.has(0, OURS), own.has(0, FOREIGN)]).toEqual([true, false]);
    ids.splice(0);
    at.nowMs += 999;
    expect(own.has(0, OURS)).toBe(true);
    at.nowMs += 1;
    expect(own.has(0, OURS)).toBe(false);
  });
});
