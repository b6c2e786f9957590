import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePath } from '@portcullis/shared/native';
import { walkFiles } from './walk-files.js';

describe('walkFiles', () => {
  const root = mkdtempSync(join(realpathSync(tmpdir()), 'parity-walk-'));

  beforeAll(() => {
    for (const name of ['b', 'b/deep', 'c', 'except']) mkdirSync(join(root, name));
    for (const name of ['z', 'a', 'b/2', 'b/1', 'b/deep/x', 'except/no']) writeFileSync(join(root, name), '');
    writeFileSync(encodePath(`${root}/c/\udcff`), '');
    symlinkSync('a', join(root, 'link'));
    symlinkSync('b', join(root, 'linked-directory'));
    execFileSync('mkfifo', [join(root, 'pipe')]);
  });

  afterAll(() => {
    rmSync(root, { recursive: true });
  });

  async function walk(path: string): Promise<{ files: string[]; unreadable: string[] }> {
    const files: string[] = [];
    const unreadable: string[] = [];
    const options = {
      exceptDirectory: join(root, 'except'),
      onUnreadable: (directory: string) => unreadable.push(directory),
    };
    for await (const file of walkFiles(path, options)) {
      files.push(file.slice(root.length));
      // Gone before the walk comes to it.
      if (file.endsWith('/gone/a')) rmSync(join(root, 'gone/sub'), { recursive: true });
    }
    return { files, unreadable };
  }

  test('regular files only, each once, in order; no link is followed, no byte of a name lost', async () => {
    expect(await walk(root)).toEqual({
      files: ['/a', '/z', '/b/1', '/b/2', '/b/deep/x', '/c/\udcff'],
      unreadable: [],
    });
  });

  test('a file is a tree of one', async () => {
    expect((await walk(join(root, 'b/1'))).files).toEqual(['/b/1']);
  });

  test('a directory that goes away is told, and the walk goes on', async () => {
    mkdirSync(join(root, 'gone/sub'), { recursive: true });
    mkdirSync(join(root, 'gone/with'));
    writeFileSync(join(root, 'gone/a'), '');
    writeFileSync(join(root, 'gone/with/b'), '');
    const walked = await walk(join(root, 'gone'));
    rmSync(join(root, 'gone'), { recursive: true });
    expect(walked).toEqual({ files: ['/gone/a', '/gone/with/b'], unreadable: [join(root, 'gone/sub')] });
  });
});
