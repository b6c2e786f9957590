import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLAMAV_KEYS, type ContainerKeys } from './containers/clamav-keys.js';
import { buildContainer, makeTestKeys } from './containers/testing/build-container.js';
import { HashDatabaseBuilder } from './hashes/hash-database-builder.js';
import { sourcesDigest } from './load-database.js';
import type { LoadDatabaseOptions } from './loaded-database.js';
import { NameTableBuilder } from './names/name-table.js';
import { createSignatureFileOpener } from './open-signature-file.js';
import { readDatabase, type DatabaseContents } from './read-database.js';

const REAL = join(import.meta.dirname, '../../../../../../shared/signatures/signatures.tar.xz');
const MD5 = '44d88612fea8a8f36de82e1278abb02f';

// Keys and signatures are big numbers, and the machine may be busy.
jest.setTimeout(60_000);

let root = '';
let directories = 0;
const keys = makeTestKeys();
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'portcullis-read-database-'));
});
afterAll(() => rm(root, { recursive: true }));

async function directoryOf(files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const directory = join(root, String(directories++));
  await mkdir(directory);
  for (const [name, content] of Object.entries(files))
    await writeFile(join(directory, name), content, 'latin1');
  return directory;
}

interface Read extends DatabaseContents {
  /** In the order in which they came; those of hashes as a number only. */
  readonly names: readonly string[];
  readonly hashes: number;
}

async function read(
  directory: string,
  options: Partial<LoadDatabaseOptions> = {},
  containerKeys: ContainerKeys = keys,
): Promise<Read> {
  const names: string[] = [];
  const add = (signature: { readonly name: string }, isOfficial: boolean): void => {
    names.push(isOfficial ? signature.name : `${signature.name}.UNOFFICIAL`);
  };
  const hashes = new HashDatabaseBuilder(new NameTableBuilder());
  const sink = { hashes, addExtended: add, addLogical: add, addContainerMetadata: add };
  const contents = await readDatabase({
    ...{ directory, ...options, containerKeys },
    openSignatures: createSignatureFileOpener(sink),
  });
  return { ...contents, names, hashes: hashes.signatureCount };
}

const ndb = (name: string): string => `${name}:0:*:4142434445\n`;
const ldb = (name: string): string => `${name};Engine:51-255,Target:0;0;4142434445\n`;
const cdb = (name: string): string => `${name}:CL_TYPE_ZIP:*:foo:*:*:*:*:*:*\n`;

describe('readDatabase', () => {
  test('reads every kind of signature', async () => {
    const directory = await directoryOf({
      ...{ 'a.ndb': ndb('Extended'), 'b.sdb': ndb('Elder'), 'c.db': 'Plain:x=4142434445\n' },
      ...{ 'd.ldb': ldb('Logical'), 'e.cdb': cdb('Metadata'), 'f.hdb': `${MD5}:68:Hash\n` },
      ...{ 'g.fp': `${MD5}:68:Fp\n`, 'h.mdb': `68:${MD5}:Section\n`, 'i.imp': `${MD5}:68:Imp\n` },
    });
    const { names, hashes, unsupported } = await read(directory);
    expect(names.map((name) => name.replace('.UNOFFICIAL', ''))).toEqual([
      ...['Extended', 'Elder', 'Plain:x', 'Logical', 'Metadata'],
    ]);
    expect(hashes).toBe(4);
    expect(unsupported).toEqual({});
  });

  test('reads the daily container first, then by name, whatever the directory says', async () => {
    const directory = await directoryOf({
      ...{ 'b.ndb': ndb('B'), 'A.ndb': ndb('A'), 'a.cud': buildContainer([['x.ndb', ndb('Third')]]) },
      'main.cvd': buildContainer([['main.ldb', ldb('Main')]], { keys, version: 3 }),
      'daily.cld': buildContainer([['daily.ndb', ndb('Daily')]], { keys, version: 27, gzip: false }),
    });
    const { names, version, versionBuiltAtSeconds } = await read(directory);
    expect(names).toEqual(['Daily', 'A.UNOFFICIAL', 'Third.UNOFFICIAL', 'B.UNOFFICIAL', 'Main']);
    expect(version).toBe(27);
    expect(versionBuiltAtSeconds).toBe(1767225600);
  });

  test.each([
    [27, 28, 'Cld'],
    [28, 27, 'Cvd'],
    [28, 28, 'Cld'],
  ])('of daily.cvd %s and daily.cld %s reads the %s', async (cvdVersion, cldVersion, name) => {
    const directory = await directoryOf({
      'daily.cvd': buildContainer([['daily.ndb', ndb('Cvd')]], { keys, version: cvdVersion }),
      'daily.cld': buildContainer([['daily.ndb', ndb('Cld')]], { keys, version: cldVersion }),
    });
    const { names, files } = await read(directory);
    expect(names).toEqual([name]);
    expect(files).toHaveLength(2);
  });

  test('tells the place of a line that is not allowed, in a container too', async () => {
    const directory = await directoryOf({ 'a.cud': buildContainer([['x.ndb', `# c\n${ndb('A')}junk\n`]]) });
    await expect(read(directory)).rejects.toMatchObject({
      code: 'DATABASE_MALFORMED',
      context: { path: join(directory, 'a.cud: x.ndb'), line: 3 },
    });
  });

  test('refuses a container in a container', async () => {
    const directory = await directoryOf({ 'a.cud': buildContainer([['x.cvd', 'x']]) });
    await expect(read(directory)).rejects.toMatchObject({ code: 'DATABASE_MALFORMED' });
  });

  test('leaves out what an .ign2 names, malformed or not, but not what came before it', async () => {
    const signatures = { 'a.ndb': ndb('One') + ndb('Two'), 'b.ldb': ldb('Three'), 'c.cdb': cdb('Four') };
    const ignored = { 'z.ign2': '# c\nOne\nThree\n', 'z.ign': 'c.cdb:1:Four\n' };
    const { names } = await read(await directoryOf({ ...signatures, ...ignored }));
    expect(names).toEqual(['Two.UNOFFICIAL']);
    const malformed = { 'a.ndb': 'One:0:*:zz\n', 'b.hdb': 'zz:68:Two\n', 'z.ign2': 'One\nTwo\n' };
    expect(await read(await directoryOf(malformed))).toMatchObject({ names: [], hashes: 0 });
    const inside = [['a.ndb', ndb('One')] as const, ['b.ign2', 'One\n'] as const];
    expect((await read(await directoryOf({ 'a.cud': buildContainer(inside) }))).names).toHaveLength(1);
    expect((await read(await directoryOf({ 'a.cud': buildContainer(inside.reverse()) }))).names).toEqual([]);
    const broken = await directoryOf({ 'a.ign2': 'One\n\n' });
    await expect(read(broken)).rejects.toMatchObject({ context: { line: 2 } });
  });

  test('reads PUA databases with DetectPUA, and of them the categories that are wanted', async () => {
    const lines = ndb('PUA.Win.Tool') + ndb('PUA.Unix.Tool') + ndb('Other');
    const directory = await directoryOf({ 'a.ndb': ndb('PUA.Unix.Plain'), 'b.ndu': lines });
    expect((await read(directory)).names).toHaveLength(1);
    expect((await read(directory, { detectPua: true })).names).toHaveLength(4);
    const puaCategories = { include: ['Win'] };
    expect((await read(directory, { detectPua: true, puaCategories })).names).toEqual([
      ...['PUA.Unix.Plain.UNOFFICIAL', 'PUA.Win.Tool.UNOFFICIAL'],
    ]);
  });

  test('reads signed containers alone with OfficialDatabaseOnly', async () => {
    const directory = await directoryOf({
      ...{ 'a.ndb': ndb('A'), 'b.cud': buildContainer([['x.ndb', ndb('B')]]) },
      'main.cvd': buildContainer([['main.ldb', ldb('Main')]], { keys }),
    });
    const { names, files } = await read(directory, { officialOnly: true });
    expect(names).toEqual(['Main']);
    // SelfCheck is not to take the others for new.
    expect(files).toHaveLength(3);
    const unofficial = await directoryOf({ 'a.ndb': ndb('A') });
    await expect(read(unofficial, { officialOnly: true })).rejects.toMatchObject({ code: 'DATABASE_EMPTY' });
  });

  // Observed with clamscan 1.4.6: which kinds of files it refuses when they hold nothing or `x`.
  test.each([
    ...['hdb', 'imp', 'mdb', 'ndb', 'ldb', 'cdb', 'db', 'sdb', 'sfp'].map((extension) => [extension, 'both']),
    ...['wdb', 'pdb', 'gdb'].map((extension) => [extension, 'x']),
    ...['pwdb', 'ftm', 'idb', 'zmd', 'rmd'].map((extension) => [extension, 'empty']),
    ...['cat', 'ign', 'ign2', 'cbc', 'yara', 'crb', 'hdu', 'info'].map((extension) => [extension, 'none']),
  ])('of .%s files refuses: %s', async (extension, refused) => {
    const isRefused = async (content: string): Promise<boolean> =>
      read(await directoryOf({ [`a.${extension}`]: content, 'z.ndb': ndb('Z') })).then(
        () => false,
        () => true,
      );
    expect(await isRefused('')).toBe(['both', 'empty'].includes(refused));
    expect(await isRefused('x\n')).toBe(['both', 'x'].includes(refused));
    expect(await isRefused('#c\n')).toBe(false);
  });

  test.each([
    ['ndb', 8190, true],
    ['ndb', 8192, false],
    ['ldb', 32_767, true],
    ['ldb', 32_769, false],
  ])('takes a line of .%s with %s characters: %s', async (extension, length, isTaken) => {
    const start = extension === 'ndb' ? 'NN:0:*:' : 'N;Engine:51-255,Target:0;0;';
    const even = start.padEnd(start.length + ((length - start.length) % 2), ' ').replace(/ $/, '');
    const line = even + '41'.repeat((length - even.length) / 2);
    const directory = await directoryOf({ [`a.${extension}`]: `${line}\n` });
    const outcome = await read(directory).then(
      ({ names }) => names.length === 1,
      () => false,
    );
    expect(outcome).toBe(isTaken);
  });
});

describe('sourcesDigest', () => {
  test('changes with names, contents and what is read, not with times and other files', async () => {
    const directory = await directoryOf({ 'a.ndb': ndb('A'), 'b.hdu': '' });
    const digest = async (options: Partial<LoadDatabaseOptions> = {}): Promise<string> =>
      (await sourcesDigest({ directory, ...options })).digest;
    const first = await digest();
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    await utimes(join(directory, 'a.ndb'), 1, 1);
    await writeFile(join(directory, 'notes.txt'), 'x');
    await writeFile(join(directory, 'b.hdu'), 'not read');
    expect(await digest()).toBe(first);
    expect((await sourcesDigest({ directory })).files.map(({ path }) => path)).toEqual([
      join(directory, 'a.ndb'),
    ]);
    const seen = new Set([first, await digest({ detectPua: true })]);
    seen.add(await digest({ puaCategories: { exclude: ['A'] } }));
    seen.add(await digest({ extraDirectories: [directory] }));
    await writeFile(join(directory, 'a.ndb'), ndb('B'));
    seen.add(await digest());
    await writeFile(join(directory, 'c.ndb'), ndb('B'));
    seen.add(await digest());
    expect(seen.size).toBe(6);
  });

  test('fails where loading would', async () => {
    await expect(sourcesDigest({ directory: join(root, 'missing') })).rejects.toMatchObject({
      code: 'DATABASE_NOT_FOUND',
    });
  });
});

if (existsSync(REAL)) {
  test('reads as many real signatures as clamscan does, file by file', async () => {
    execFileSync('tar', ['-xJf', REAL, '-C', root]);
    const counts: Record<string, number> = {};
    for (const name of ['official', 'thirdparty']) {
      const { names, hashes, unsupported } = await read(join(root, name));
      counts[name] = names.length + hashes;
      expect(unsupported).toEqual(name === 'official' ? { 'icon group': 80 } : {});
    }
    expect(counts).toEqual({ official: 268_685, thirdparty: 1092 });
    const genuine = join(root, 'genuine');
    await mkdir(genuine);
    await copyFile(join(root, 'bytecode.cvd'), join(genuine, 'daily.cvd'));
    const { unsupported, ...contents } = await read(genuine, {}, CLAMAV_KEYS);
    // 47 for clamscan.
    expect([contents.hashes, unsupported]).toEqual([2, { cbc: 45 }]);
    expect(contents).toMatchObject({ version: 268, versionBuiltAtSeconds: 1440082241 });
  }, 120_000);
} else {
  test.skip(`real signatures: skipped, ${REAL} is absent`, () => undefined);
}
