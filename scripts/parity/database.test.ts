import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linkDatabases } from './database.js';

describe('linkDatabases', () => {
  const directory = mkdtempSync(join(tmpdir(), 'parity-database-'));
  mkdirSync(join(directory, 'set/sub'), { recursive: true });
  for (const name of ['a.ndb', 'set/b.hdb', 'set/c.hsb', 'set/sub/d.hdb'])
    writeFileSync(join(directory, name), name);

  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  function parent(name: string): string {
    const path = join(directory, name);
    mkdirSync(path);
    return path;
  }

  test('files and the files of directories come together in one', () => {
    const set = linkDatabases([join(directory, 'a.ndb'), join(directory, 'set')], parent('one'));
    expect(readdirSync(set.directory).sort()).toEqual(['a.ndb', 'b.hdb', 'c.hsb']);
    expect(readFileSync(join(set.directory, 'b.hdb'), 'utf8')).toBe('set/b.hdb');
  });

  test.each([
    ['a name that comes twice', ['a.ndb', 'a.ndb']],
    ['what is missing', ['nope']],
  ])('%s is refused', (what, names) => {
    const paths = names.map((name) => join(directory, name));
    expect(() => linkDatabases(paths, parent(what.slice(-5)))).toThrow(
      expect.objectContaining({ code: 'PARITY_BAD_OPTION' }),
    );
  });
});
