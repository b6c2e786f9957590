import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeOrSkip, makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { checkCanaries } from './canary-checks.js';
import { sendCanary } from './canary.js';

let directory: TempDir;

beforeEach(() => {
  directory = makeTempDir('canary-');
});

afterEach(() => {
  directory.remove();
});

describe('sendCanary', () => {
  test('opens where nobody refuses, and leaves nothing behind', async () => {
    const outcome = await sendCanary(directory.path, 'eicar', undefined);
    expect(outcome.kind).toBe('opened');
    expect(readdirSync(directory.path)).toEqual([]);
  });

  test('tells why it could not be written', async () => {
    const outcome = await sendCanary(`${directory.path}/gone`, 'clean', undefined);
    expect(outcome).toEqual({ kind: 'notWritten', code: 'ENOENT' });
  });
});

describeOrSkip('as somebody else', process.geteuid?.() === 0 ? undefined : 'needs root', () => {
  test('a directory that is closed to the one who opens is skipped', async () => {
    const plan = { directory: directory.path, openAs: 65_534, client: undefined };
    const checks = await checkCanaries(plan);
    expect(checks).toMatchObject([{ level: 'skip', finding: expect.stringContaining('uid 65534') }]);
    expect(readdirSync(directory.path)).toEqual([]);
  });
});

test('without a client only the filesystem is tried out', async () => {
  const checks = await checkCanaries({ directory: directory.path, openAs: undefined, client: undefined });
  expect(checks.map(({ level }) => level)).toEqual(['ok', 'skip']);
});
