import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { leadTo } from './lead-to.js';

let directory: TempDir;
let here: string;

beforeEach(() => {
  directory = makeTempDir('lead-');
  here = realpathSync(directory.path);
  mkdirSync(`${here}/real/deep`, { recursive: true });
});

afterEach(() => {
  directory.remove();
});

describe('leadTo', () => {
  test('resolves as realpath(3) what is there', async () => {
    symlinkSync('real', `${here}/relative`);
    symlinkSync(`${here}/relative/deep/..`, `${here}/absolute`);
    symlinkSync('/', `${here}/root`);
    for (const path of ['relative/deep', 'absolute/deep', 'root', 'real/deep/', 'relative/../real']) {
      expect(await leadTo(`${here}/${path}`)).toBe(realpathSync(`${here}/${path}`));
    }
  });

  test('goes on through what is missing: below a link, and behind one that hangs in the air', async () => {
    symlinkSync('real', `${here}/link`);
    symlinkSync('real/later/..//soon', `${here}/dangling`);
    expect(await leadTo(`${here}/link/none/below`)).toBe(`${here}/real/none/below`);
    expect(await leadTo(`${here}/dangling/x`)).toBe(`${here}/real/soon/x`);
    expect(await leadTo(`${here}/nothing`)).toBe(`${here}/nothing`);
  });

  test('gives up on links that go round in circles, and takes a file for one that is no link', async () => {
    symlinkSync('b', `${here}/a`);
    symlinkSync('a', `${here}/b`);
    writeFileSync(`${here}/file`, '');
    expect(await leadTo(`${here}/a`)).toBeUndefined();
    expect(await leadTo(`${here}/file/below`)).toBe(`${here}/file/below`);
    expect(await leadTo('/')).toBe('/');
  });
});
