import { symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { checkPlaces, checkTemporaryDirectory } from './place-checks.js';

let directory: TempDir;

beforeEach(() => {
  directory = makeTempDir('places-');
});

afterEach(() => {
  directory.remove();
});

const NOTHING: ReadonlySet<string> = new Set();

describe('checkPlaces', () => {
  test('a directory can be tried out, written once or twice, by its name or by a link', async () => {
    symlinkSync(directory.path, `${directory.path}/link`);
    const paths = [directory.path, `${directory.path}/`, `${directory.path}/link`];
    const { checks, usable } = await checkPlaces(paths, NOTHING);
    expect(checks.map(({ level }) => level)).toEqual(['ok', 'ok']);
    expect(usable.map(({ path }) => path)).toEqual([directory.path, `${directory.path}/link`]);
  });

  test('what is missing is waited for, what is no directory has to be corrected', async () => {
    writeFileSync(`${directory.path}/file`, '');
    const { checks, usable } = await checkPlaces(
      [`${directory.path}/gone`, `${directory.path}/file`],
      NOTHING,
    );
    expect(checks.map(({ level }) => level)).toEqual(['warn', 'fail']);
    expect(usable).toEqual([]);
  });

  test('a filesystem without files is not touched', async () => {
    const { checks, usable } = await checkPlaces(['/proc/self'], NOTHING);
    expect(checks).toMatchObject([{ level: 'fail', finding: expect.stringContaining('proc') }]);
    expect(usable).toEqual([]);
  });

  test('no place at all is a failure', async () => {
    expect((await checkPlaces([], NOTHING)).checks).toMatchObject([{ level: 'fail' }]);
  });
});

describe('checkTemporaryDirectory', () => {
  test('has to be there and a directory, unless the daemon is elsewhere', async () => {
    writeFileSync(`${directory.path}/file`, '');
    const level = async (path: string, isLocal = true): Promise<string> =>
      (await checkTemporaryDirectory(path, isLocal)).level;
    expect(await level(directory.path)).toBe('ok');
    expect(await level(`${directory.path}/gone`)).toBe('fail');
    expect(await level(`${directory.path}/file`)).toBe('fail');
    expect(await level(`${directory.path}/gone`, false)).toBe('skip');
  });
});
