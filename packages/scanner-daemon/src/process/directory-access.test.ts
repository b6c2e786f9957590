import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeOrSkip, makeTempDir, type TempDir } from '@portcullis/shared/testing';
import { actingAs, findAccount } from './account.js';
import { checkTemporaryDirectory, refusalToCreateIn } from './directory-access.js';

const nobody = findAccount('nobody');
const whyNotRoot = process.geteuid?.() === 0 ? undefined : 'needs root';

let directory: TempDir;
beforeEach(() => {
  directory = makeTempDir('access');
});
afterEach(() => {
  directory.remove();
});

describe('refusalToCreateIn', () => {
  test('finds out without leaving a trace', () => {
    const before = statSync(directory.path).mtimeMs;
    expect(refusalToCreateIn(directory.path)).toBeUndefined();
    expect([readdirSync(directory.path), statSync(directory.path).mtimeMs]).toEqual([[], before]);
  });

  test('what is not there, is no directory or cannot be written to is refused', () => {
    writeFileSync(join(directory.path, 'file'), '');
    expect(refusalToCreateIn(join(directory.path, 'missing'))).toBe('No such file or directory');
    expect(refusalToCreateIn(join(directory.path, 'file'))).toBe('Not a directory');
  });
});

describeOrSkip('refusalToCreateIn for an account', whyNotRoot, () => {
  test('goes by the rights of the account', () => {
    if (nobody === undefined) throw new Error('no account nobody');
    chmodSync(directory.path, 0o755);
    expect(actingAs(nobody, () => refusalToCreateIn(directory.path))).toBe('Permission denied');
    chmodSync(directory.path, 0o777);
    expect(actingAs(nobody, () => refusalToCreateIn(directory.path))).toBeUndefined();
    expect([process.geteuid?.(), process.getegid?.()]).toEqual([0, 0]);
  });
});

describe('checkTemporaryDirectory', () => {
  test("a missing one is refused with clamd's text", () => {
    const path = join(directory.path, 'missing');
    expect(() => {
      checkTemporaryDirectory(path);
    }).toThrow(
      expect.objectContaining({
        code: 'TEMPORARY_DIRECTORY',
        message: `Current configuration of TemporaryDirectory: ${path} does not exist, or is not valid `,
      }),
    );
  });

  test('one that nothing can be made in is refused too, and none is none of our business', () => {
    chmodSync(directory.path, 0o555);
    const check = (): void => {
      checkTemporaryDirectory(directory.path);
    };
    expect(() => {
      if (whyNotRoot === undefined && nobody !== undefined) actingAs(nobody, check);
      else check();
    }).toThrow(`TemporaryDirectory ${directory.path} cannot be written to: Permission denied`);
    chmodSync(directory.path, 0o755);
    check();
    checkTemporaryDirectory(undefined);
  });
});
