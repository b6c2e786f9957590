import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { constants, openNative } from '@portcullis/shared/native';
import { describeIfFanotify, makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { checkCanaries } from '../../src/doctor/canary-checks.js';
import { findPermissionListeners } from '../../src/doctor/listener-checks.js';

jest.setTimeout(60_000);

const { fanotify, files } = openNative();
let directory: TempDir;
let place: string;
let isMounted = false;
let group: number | undefined;

beforeEach(() => {
  directory = makeTempDir('canary-');
  place = `${directory.path}/place`;
  mkdirSync(place);
});

afterEach(() => {
  // First of all: whoever still waits is let go.
  if (group !== undefined) files.close(group);
  group = undefined;
  if (isMounted) execFileSync('umount', [place]);
  isMounted = false;
  directory.remove();
});

function mountTmpfs(options: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'portcullis-test', place]);
  isMounted = true;
}

/** Marks the place for a listener that never answers. */
function neglect(): void {
  group = fanotify.createGroup(
    constants.FAN_CLOEXEC | constants.FAN_NONBLOCK | constants.FAN_CLASS_CONTENT,
    constants.O_CLOEXEC,
  );
  fanotify.markPath(
    group,
    constants.FAN_MARK_ADD,
    constants.FAN_OPEN_PERM | constants.FAN_EVENT_ON_CHILD,
    place,
  );
}

describeIfFanotify('a canary', () => {
  const plan = () => ({ directory: place, openAs: undefined, client: undefined });

  test('is not sent into a place that is mounted read-only, and that is no fault', async () => {
    mountTmpfs('ro,size=1m');
    expect(await checkCanaries(plan())).toMatchObject([
      { level: 'skip', finding: expect.stringContaining('read-only') },
    ]);
  });

  test('finds no room on a full filesystem, and says so', async () => {
    mountTmpfs('size=1m,nr_inodes=1');
    expect(await checkCanaries(plan())).toMatchObject([
      { level: 'skip', finding: expect.stringContaining('ENOSPC') },
    ]);
  });

  test('that nobody answers for is given up after 10 s, is a failure, and leaves neither file nor process', async () => {
    neglect();
    const startedAtMs = Date.now();
    expect(await checkCanaries(plan())).toMatchObject([
      { level: 'fail', finding: expect.stringContaining('did not come back') },
    ]);
    expect(Date.now() - startedAtMs).toBeLessThan(20_000);
    if (group !== undefined) files.close(group);
    group = undefined;
    expect(readdirSync(place)).toEqual([]);
  });

  test('and the listener that does not answer is found by its process', () => {
    neglect();
    const { listeners } = findPermissionListeners();
    expect(listeners.map(({ pid }) => pid)).toContain(process.pid);
  });
});
