import { mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { mountOf, readMountTable } from './mount-table.js';
import { PathPinner } from './pinned-path.js';

describe('PathPinner', () => {
  let directory: TempDir;

  beforeEach(() => {
    directory = makeTempDir('pin-');
  });

  afterEach(() => {
    directory.remove();
  });

  test('holds the directory itself, under whichever name, and knows its mount', async () => {
    const real = `${directory.path}/real`;
    mkdirSync(real);
    symlinkSync(real, `${directory.path}/link`);
    const before = readdirSync('/proc/self/fd').length;
    const pin = await new PathPinner().pin(`${directory.path}/link`);
    expect(pin.realPath).toBe(real);
    const mounts = readMountTable(readFileSync('/proc/self/mountinfo', 'latin1'));
    expect(pin.mountId).toBe(mountOf(real, mounts)?.id);
    renameSync(real, `${directory.path}/renamed`);
    mkdirSync(`${directory.path}/renamed/inside`);
    expect(readdirSync(pin.magicLink)).toEqual(['inside']);
    await pin.close();
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
  });

  test('what is not there has the code of open(2)', async () => {
    await expect(new PathPinner().pin(`${directory.path}/none`)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('what does not come back in time is given up, and its descriptor closed when it comes', async () => {
    const before = readdirSync('/proc/self/fd').length;
    const pinner = new PathPinner(0);
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => pinner.pin(directory.path)));
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') await outcome.value.close();
      else expect(outcome.reason).toMatchObject({ code: 'ETIMEDOUT' });
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
    const again = await new PathPinner().pin(directory.path);
    await again.close();
  });
});
