import { describe, expect, test } from '@jest/globals';
import { constants, NativeError, openNative } from '@portcullis/shared/native';
import { describeIfFanotify } from '@portcullis/shared/testing';
import type { Check } from './check.js';
import { checkKernel } from './kernel-checks.js';

const errno = { EPERM: 1, ENOENT: 2, EINVAL: 22, EMFILE: 24, ENOSYS: 38 } as const;

interface Kernel {
  /** What fanotify_init says; undefined: yes. */
  readonly init?: (flags: number) => number | undefined;
  /** What fanotify_mark says. */
  readonly mark?: number;
}

/** Answers as a kernel would, and counts what is left open. */
function examine({ init = () => undefined, mark = errno.ENOENT }: Kernel): { checks: Check[]; left: number } {
  let left = 0;
  const native = openNative();
  const checks = checkKernel({
    files: {
      ...native.files,
      close: () => {
        left -= 1;
      },
    },
    fanotify: {
      ...native.fanotify,
      createGroup: (flags) => {
        const code = init(flags);
        if (code !== undefined) throw new NativeError('fanotify_init', code);
        left += 1;
        return 1_000;
      },
      markPath: () => {
        throw new NativeError('fanotify_mark', mark);
      },
    },
  });
  return { checks, left };
}

const find = (checks: readonly Check[], topic: string): Check | undefined =>
  checks.find((check) => check.topic === topic);

describe('checkKernel', () => {
  test('a kernel that knows everything', () => {
    const { checks, left } = examine({});
    expect(checks.every(({ level }) => level === 'ok')).toBe(true);
    expect(left).toBe(0);
  });

  test('a mask that is refused means no permission events', () => {
    const { checks, left } = examine({ mark: errno.EINVAL });
    expect(find(checks, 'fanotify')).toMatchObject({
      level: 'fail',
      advice: expect.stringContaining('CONFIG_FANOTIFY_ACCESS_PERMISSIONS'),
    });
    expect(left).toBe(0);
  });

  test.each([
    ['EPERM', 'as root'],
    ['ENOSYS', 'CONFIG_FANOTIFY=y'],
    ['EMFILE', 'max_user_groups'],
    ['EINVAL', 'OnAccessPrevention no'],
  ] as const)('%s is explained', (code, advice) => {
    const { checks } = examine({ init: () => errno[code] });
    expect(find(checks, 'fanotify')).toMatchObject({
      level: 'fail',
      advice: expect.stringContaining(advice),
    });
  });

  test('without file handles in events trees are followed by inotify, which is a warning', () => {
    const { checks } = examine({
      init: (flags) => ((flags & constants.FAN_REPORT_DFID_NAME) === 0 ? undefined : errno.EINVAL),
    });
    expect(find(checks, 'tree following')).toMatchObject({ level: 'warn' });
  });
});

describeIfFanotify('checkKernel on a real kernel', () => {
  test('finds the permission events that the other tests use', () => {
    expect(find(checkKernel(openNative()), 'fanotify')).toMatchObject({ level: 'ok' });
  });
});
