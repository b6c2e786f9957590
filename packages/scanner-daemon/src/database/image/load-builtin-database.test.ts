import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadBuiltinDatabase } from './load-builtin-database.js';
import { treeShape } from './tree-shape.js';

let directory: string;
let sources: string;
let images: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'builtin-image-'));
  sources = join(directory, 'sources');
  images = join(directory, 'images');
  await mkdir(sources);
  await writeFile(join(sources, 'a.ndb'), 'Some.Name:0:*:6162636465666768\n');
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

test('unchanged signatures come from the image, whatever the times of their files; changed ones do not', async () => {
  const first = await loadBuiltinDatabase({ directory: sources }, images);
  expect(first.from).toBe('sources');
  expect(await first.save()).toBeUndefined();
  await writeFile(join(sources, 'a.ndb'), 'Some.Name:0:*:6162636465666768\n');
  const second = await loadBuiltinDatabase({ directory: sources }, images);
  expect(second.from).toBe('image');
  expect(second.loaded.compiled).toEqual(first.loaded.compiled);
  expect(second.loaded.signatureCount).toBe(1);
  await writeFile(join(sources, 'a.ndb'), 'Some.Name:0:*:6162636465666769\n');
  expect((await loadBuiltinDatabase({ directory: sources }, images)).from).toBe('sources');
});

test('other options are other sources', async () => {
  await (await loadBuiltinDatabase({ directory: sources }, images)).save();
  const withPua = await loadBuiltinDatabase({ directory: sources, detectPua: true }, images);
  expect(withPua.from).toBe('sources');
});

test('without a directory nothing is written, and a database that cannot be read is an error either way', async () => {
  const loaded = await loadBuiltinDatabase({ directory: sources }, undefined);
  expect([loaded.from, await loaded.save()]).toEqual(['sources', undefined]);
  expect(await readdir(directory)).toEqual(['sources']);
  const absent = { directory: join(directory, 'none') };
  await expect(loadBuiltinDatabase(absent, images)).rejects.toMatchObject({ code: 'DATABASE_NOT_FOUND' });
  await expect(loadBuiltinDatabase(absent, undefined)).rejects.toMatchObject({ code: 'DATABASE_NOT_FOUND' });
});

test('treeShape: sees names and types, not values', () => {
  const shape = treeShape({ a: new Uint8Array(1), b: [{ c: 1 }] });
  expect(treeShape({ a: new Uint8Array(9), b: [{ c: 2 }, { c: 3 }] })).toBe(shape);
  for (const other of [
    { a: new Uint16Array(1), b: [{ c: 1 }] },
    { a: new Uint8Array(1), b: [{ d: 1 }] },
    { a: new Uint8Array(1), b: [{ c: '1' }] },
    { a: new Uint8Array(1), b: [{ c: 1 }], e: 0 },
  ]) {
    expect(treeShape(other)).not.toBe(shape);
  }
});

test('every kind of subsignature and every table comes back from the image', async () => {
  const lines = [
    'Pcre;Engine:81-255,Target:0;0&1;61626364;0/b+c/i',
    'Compare;Engine:81-255,Target:0;0&1;6c656e3d;0(>>4#db2#>10,<90)',
    'Image;Engine:150-255,Target:0;0&1;61626364;fuzzy_img#af2ad01ed42993c7#0',
    'Place;Engine:81-255,Target:1,FileSize:1-9,Container:CL_TYPE_ZIP;0>1,2;EP+0,4:6162(63|64)65::i',
  ];
  await writeFile(join(sources, 'b.ldb'), `${lines.join('\n')}\n`);
  await writeFile(join(sources, 'c.cdb'), 'Meta:CL_TYPE_ZIP:*:name[.]exe:*:*:0:*:*:*\n');
  await writeFile(join(sources, 'd.mdb'), `12:${'0'.repeat(32)}:Section\n`);
  const first = await loadBuiltinDatabase({ directory: sources }, images);
  expect(first.loaded.signatureCount).toBe(7);
  expect(await first.save()).toBeUndefined();
  const second = await loadBuiltinDatabase({ directory: sources }, images);
  expect(second.from).toBe('image');
  expect(second.loaded).toEqual(first.loaded);
});
