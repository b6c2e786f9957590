import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { BuiltinEngine } from '../engine/builtin/builtin-engine.js';
import { namesOf, scanAll } from '../engine/builtin/testing/test-engine.js';
import { loadDatabase } from './load-database.js';
import type { LoadedBuiltinDatabase } from './loaded-database.js';
import { readNdbLine } from './readers/ndb-line.js';

const PACKAGE = join(import.meta.dirname, '../../..');
const BUNDLED = join(PACKAGE, 'signatures');
const REAL = join(PACKAGE, '../../../shared/signatures/signatures.tar.xz');
const EICAR = 'X5O!P%@AP[4\\PZX54(P^)7CC)7}$' + 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*';
const GOOD = 'Good:0:*:414243444546\n';
const MD5 = '44d88612fea8a8f36de82e1278abb02f';

let root = '';
let directories = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'portcullis-database-'));
});
afterAll(() => rm(root, { recursive: true }));

async function directoryOf(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = join(root, String(directories++));
  await mkdir(directory);
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text, 'latin1');
  return directory;
}

describe('loadDatabase', () => {
  test('finds EICAR by both bundled signatures, named as unofficial', async () => {
    const { compiled, signatureCount, files } = await loadDatabase({ directory: BUNDLED });
    expect(signatureCount).toBe(2);
    expect(files.map((file) => file.sizeBytes > 0)).toEqual([true, true]);
    const names = namesOf(scanAll(new BuiltinEngine(compiled), EICAR));
    expect(names).toEqual(['Eicar-Test-Signature.UNOFFICIAL', 'Win.Test.EICAR_HDB-1.UNOFFICIAL']);
  });

  test('skips comments, takes CRLF, a last line without an end, and upper-case extensions', async () => {
    const directory = await directoryOf({
      'a.NDB': `# comment\r\n${GOOD.trim()}\r\n`,
      'b.hdb': `${MD5}:68:One`,
      'c.fp': '# There must always be one line in the file\n',
      'notes.txt': 'anything',
    });
    const { signatureCount, files } = await loadDatabase({ directory });
    expect(signatureCount).toBe(2);
    expect(files).toHaveLength(3);
  });

  test('counts what it cannot use, by kind', async () => {
    const directory = await directoryOf({
      'a.ndb': `${GOOD}A:3:*:41424344\nB:1:EP+0:41424344\nC:1:EP+1:41424344\n`,
      'b.ldb': '# comment\nOne;Engine:51-255,Target:1;0;41424344\nTwo;Engine:51-255,Target:1;0;41424344\n',
      'c.cbc': 'ClamBC\nBC.One;Target:0;0;41424344\n',
      'd.yara': 'rule one { condition: true }\nprivate rule two { condition: one }\n',
      'e.wdb': 'M:one:two\n',
      'f.cat': 'x\n',
    });
    const { signatureCount, unsupported } = await loadDatabase({ directory });
    expect(signatureCount).toBe(6);
    expect(unsupported).toEqual({
      cbc: 1,
      yara: 2,
      wdb: 1,
    });
  });

  test('reads PUA databases only when told to', async () => {
    const directory = await directoryOf({ 'a.ndb': GOOD, 'b.hdu': `${MD5}:68:PUA\n`, 'c.ndu': 'broken\n' });
    expect((await loadDatabase({ directory })).signatureCount).toBe(1);
    await expect(loadDatabase({ directory, detectPua: true })).rejects.toMatchObject({
      code: 'DATABASE_MALFORMED',
    });
  });

  test('ignores subdirectories and links to directories', async () => {
    const directory = await directoryOf({ 'a.ndb': GOOD });
    await mkdir(join(directory, 'b.ndb'));
    await symlink(root, join(directory, 'c.ndb'));
    expect((await loadDatabase({ directory })).signatureCount).toBe(1);
  });

  test.each([
    ['a line without fields', { 'a.ndb': `${GOOD}junk\n` }, 'DATABASE_MALFORMED', 2],
    ['a blank line', { 'a.ndb': `${GOOD}\n${GOOD}` }, 'DATABASE_MALFORMED', 2],
    ['an indented comment', { 'a.ndb': ` # c\n${GOOD}` }, 'DATABASE_MALFORMED', 1],
    ['a short hash', { 'a.hdb': 'abcd:68:T\n' }, 'DATABASE_INVALID_HASH', 1],
    ['an endless line', { 'a.ndb': `${GOOD}T:0:*:${'41'.repeat(600_000)}\n` }, 'DATABASE_MALFORMED', 2],
  ] as const)('refuses the whole database for %s', async (_what, files, code, line) => {
    const directory = await directoryOf(files);
    const path = join(directory, Object.keys(files)[0] ?? '');
    await expect(loadDatabase({ directory })).rejects.toMatchObject({ code, context: { path, line } });
  });

  test('tells a missing directory, an empty one and an empty file apart, in ClamAV words', async () => {
    await expect(loadDatabase({ directory: join(root, 'missing') })).rejects.toMatchObject({
      code: 'DATABASE_NOT_FOUND',
      message: "Can't get file status",
    });
    await expect(loadDatabase({ directory: await directoryOf({ 'a.txt': 'x' }) })).rejects.toMatchObject({
      code: 'DATABASE_EMPTY',
      message: "Can't open file or directory",
    });
    await expect(loadDatabase({ directory: await directoryOf({ 'a.hdb': '' }) })).rejects.toMatchObject({
      code: 'DATABASE_MALFORMED',
      message: 'Malformed database',
    });
  });

  test('is enough with an extra directory when its own has no database file', async () => {
    const loaded = await loadDatabase({ directory: await directoryOf({}), extraDirectories: [BUNDLED] });
    expect(loaded.signatureCount).toBe(2);
  });

  test('makes a database that another thread attaches to without copying it', async () => {
    const { compiled } = await loadDatabase({ directory: BUNDLED });
    const worker = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
       new Uint8Array(workerData.names.bytes.buffer)[0] = 0x5a;
       parentPort.postMessage(workerData.signatures.parts.values.buffer instanceof SharedArrayBuffer);`,
      { eval: true, workerData: compiled },
    );
    const isShared = await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    await worker.terminate();
    expect(isShared).toBe(true);
    expect(compiled.names.bytes[0]).toBe(0x5a);
  });
});

/** A file that a body signature must match: its literals, any byte for wildcards, the least of each gap. */
function fileMatching(line: string): Buffer | undefined {
  const signature = readNdbLine(line);
  if (signature.kind !== 'extended' || signature.target > 1 || signature.pattern.offset.kind !== 'any')
    return undefined;
  const pieces = [Buffer.from(signature.target === 1 ? 'MZ..' : '....')];
  for (const part of signature.pattern.variants[0]) {
    pieces.push(Buffer.alloc(part.gapMinBytes, '.'));
    const bytes = Buffer.from(part.values);
    for (const alternative of part.alternatives) {
      if (alternative.negated) return undefined;
      bytes.set(alternative.options[0]?.values ?? [], alternative.partOffset);
    }
    pieces.push(bytes);
  }
  return Buffer.concat([...pieces, Buffer.from('....')]);
}

if (existsSync(REAL)) {
  describe('loadDatabase with real signatures', () => {
    let directory = '';
    let loaded: LoadedBuiltinDatabase;
    beforeAll(async () => {
      directory = join(root, 'real');
      await mkdir(directory);
      const names = ['main.hdb', 'daily.hsb', 'daily.ndb', 'main.fp', 'daily.fp', 'main.ldb'].map(
        (name) => `./official/${name}`,
      );
      execFileSync('tar', ['-xJf', REAL, '-C', directory, '--strip-components=2', ...names]);
      loaded = await loadDatabase({ directory });
    }, 60_000);

    test('loads as many as clamd does', () => {
      const unsupported = Object.values(loaded.unsupported).reduce((sum, count) => sum + count, 0);
      expect(loaded.signatureCount).toBe(82_211 + 146_331 + 258 + 513 + 483 + 38_889);
      expect(unsupported).toBe(80);
    });

    test('matches a file made for each body signature without an offset', async () => {
      const engine = new BuiltinEngine(loaded.compiled);
      const lines = (await readFile(join(directory, 'daily.ndb'), 'latin1')).trim().split('\n');
      const made = lines.flatMap((line) => {
        const file = fileMatching(line);
        return file === undefined ? [] : [{ name: `${line.split(':')[0] ?? ''}.UNOFFICIAL`, file }];
      });
      expect(made.length).toBeGreaterThan(100);
      const missed = made.filter(({ name, file }) => !namesOf(scanAll(engine, file)).includes(name));
      expect(missed.map(({ name }) => name)).toEqual([]);
    });

    test('finds nothing in the Node program', async () => {
      const engine = new BuiltinEngine(loaded.compiled);
      expect(scanAll(engine, await readFile(process.execPath)).verdict).toEqual({ kind: 'clean' });
    });
  });
} else {
  test.skip(`loadDatabase with real signatures: skipped, ${REAL} is absent`, () => undefined);
}
