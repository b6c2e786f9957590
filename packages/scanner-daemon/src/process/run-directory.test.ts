import { chmodSync, chownSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeOrSkip, makeTempDir, type TempDir } from '@portcullis/shared/testing';
import { findAccount } from './account.js';
import { prepareRunDirectory, runDirectoryProblem } from './run-directory.js';

let directory: TempDir;
let path: string;
beforeEach(() => {
  directory = makeTempDir('run');
  path = join(directory.path, 'deep/run');
});
afterEach(() => {
  directory.remove();
});

function prepare(user?: string): void {
  prepareRunDirectory(path, user);
}

describe('prepareRunDirectory', () => {
  test('makes it with what is above it, and finds its own again', () => {
    expect([runDirectoryProblem(path, undefined), existsSync(join(directory.path, 'deep'))]).toEqual([
      undefined,
      false,
    ]);
    prepare();
    prepare();
    expect(statSync(path).isDirectory()).toBe(true);
    expect(runDirectoryProblem(path, undefined)).toBeUndefined();
  });

  test('refuses one that others may write to', () => {
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o775);
    expect(prepare).toThrow('does not belong to us alone');
    expect(runDirectoryProblem(path, undefined)).toMatch('does not belong to us alone');
  });

  const whyNotRoot = process.geteuid?.() === 0 ? undefined : 'needs root';
  describeOrSkip('as root', whyNotRoot, () => {
    test('that of User is taken, that of another account is not', () => {
      prepare();
      chownSync(path, findAccount('nobody')?.uid ?? -1, 0);
      prepare('nobody');
      expect(runDirectoryProblem(path, 'nobody')).toBeUndefined();
      for (const user of [undefined, 'daemon', 'no-such-user']) {
        expect(() => {
          prepare(user);
        }).toThrow('does not belong to us alone');
      }
    });
  });
});
