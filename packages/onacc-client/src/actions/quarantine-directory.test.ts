import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeOrSkip, makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { checkQuarantineDirectory, clashNames, quarantineName } from './quarantine-directory.js';

let temp: TempDir;
let path: string;
beforeEach(() => {
  temp = makeTempDir('check-');
  path = `${temp.path}/quarantine`;
  mkdirSync(path, { mode: 0o700 });
});
afterEach(() => {
  temp.remove();
});

describe('checkQuarantineDirectory', () => {
  test('a private directory outside what is protected is fine', () => {
    expect(checkQuarantineDirectory(path, ['/home', `${temp.path}/quar`])).toEqual({
      errors: [],
      warnings: [],
    });
  });

  test('what is missing or no directory is told in clamonacc’s words', () => {
    writeFileSync(`${temp.path}/file`, '');
    for (const target of [`${temp.path}/file`, `${temp.path}/missing`]) {
      expect(checkQuarantineDirectory(target, [])).toEqual({
        errors: [`'${target}' doesn't exist or is not a directory`],
        warnings: [],
      });
    }
  });

  test('one that everybody can write to is an error, unless it is sticky; a group is worth a warning', () => {
    chmodSync(path, 0o777);
    expect(checkQuarantineDirectory(path, []).errors).toEqual([expect.stringMatching(/by everybody/)]);
    chmodSync(path, 0o1777);
    expect(checkQuarantineDirectory(path, [])).toEqual({ errors: [], warnings: [] });
    chmodSync(path, 0o770);
    expect(checkQuarantineDirectory(path, []).warnings).toEqual([expect.stringMatching(/its group/)]);
  });

  test('one in a protected tree is worth a warning, also behind a symbolic link', () => {
    symlinkSync(path, `${temp.path}/link`);
    for (const target of [path, `${temp.path}/link`]) {
      for (const root of [path, temp.path, '/']) {
        expect(checkQuarantineDirectory(target, [root])).toEqual({
          errors: [],
          warnings: [expect.stringMatching(/which is protected/)],
        });
      }
    }
  });
});

const notRoot = process.geteuid?.() === 0 ? undefined : 'needs root';
describeOrSkip('checkQuarantineDirectory as root', notRoot, () => {
  test('one that belongs to somebody else is an error', () => {
    chownSync(path, 1234, 0);
    expect(checkQuarantineDirectory(path, []).errors).toEqual([expect.stringMatching(/belongs to uid 1234/)]);
  });
});

describe('names in the quarantine', () => {
  test('are those of the files, without what cannot be shown and what is ours', () => {
    const names = ['eicar.com', 'é ü', 'a\nb', '.portcullis', '.portcullis-x', '.incoming-1', '.hidden'];
    expect(names.map((name) => quarantineName(Buffer.from(name)))).toEqual([
      ...['eicar.com', 'é ü', 'a_b', '_.portcullis', '_.portcullis-x', '_.incoming-1', '.hidden'],
    ]);
    expect(Buffer.byteLength(quarantineName(Buffer.from('é'.repeat(127))))).toBe(200);
  });

  test('clash as in clamonacc: .001 to .999', () => {
    const names = [...clashNames('x')];
    expect([names.length, names[0], names[1], names.at(-1)]).toEqual([1000, 'x', 'x.001', 'x.999']);
  });
});
