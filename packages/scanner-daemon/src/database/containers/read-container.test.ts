import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { CvdHeader } from '../cvd-header.js';
import { CLAMAV_KEYS, type ContainerKeys } from './clamav-keys.js';
import { readContainer, type ContainerKind } from './read-container.js';
import { buildContainer, buildInfo, buildTar, makeTestKeys, type Entry } from './testing/build-container.js';

const REAL = join(import.meta.dirname, '../../../../../../../shared/signatures/signatures.tar.xz');
const ENTRIES: readonly Entry[] = [
  ['COPYING', 'free'],
  ['a.hdb', '44d88612fea8a8f36de82e1278abb02f:68:One\n'],
  ['b.ndb', `Two:0:*:${'41'.repeat(1000)}\n`],
];

// Keys and signatures are big numbers, and the machine may be busy.
jest.setTimeout(60_000);

let directory = '';
const keys = makeTestKeys();
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'portcullis-container-'));
});
afterAll(() => rm(directory, { recursive: true }));

interface Outcome {
  readonly header: CvdHeader;
  readonly entries: ReadonlyMap<string, Buffer>;
}

/** Reads a container; all but COPYING is a database file to it. */
async function read(content: Buffer, kind: ContainerKind, testKeys: ContainerKeys = keys): Promise<Outcome> {
  const path = join(directory, 'container');
  await writeFile(path, content);
  const handle = await open(path, 'r');
  const entries = new Map<string, Buffer>();
  try {
    const file = { kind, path, handle, sizeBytes: content.length };
    const header = await readContainer(file, {
      keys: testKeys,
      openEntry: (name) => {
        if (name === 'COPYING' || name.endsWith('.info')) return undefined;
        const pieces: Buffer[] = [];
        return {
          push: (piece) => pieces.push(Buffer.from(piece)),
          end: () => entries.set(name, Buffer.concat(pieces)),
        };
      },
    });
    return { header, entries };
  } finally {
    await handle.close();
  }
}

function flip(content: Buffer, index: number): Buffer {
  const flipped = Buffer.from(content);
  flipped[index] = (flipped[index] ?? 0) ^ 1;
  return flipped;
}

describe('readContainer', () => {
  test.each([
    ['cvd', true],
    ['cvd', false],
    ['cld', true],
    ['cld', false],
  ] as const)('reads a signed %s, compressed: %s', async (kind, gzip) => {
    const { header, entries } = await read(buildContainer(ENTRIES, { keys, gzip, version: 27 }), kind);
    expect(header).toMatchObject({ version: 27, signatureCount: 1, builtAtSeconds: 1767225600 });
    expect([...entries].map(([name, content]) => [name, content.toString('latin1')])).toEqual(
      ENTRIES.slice(1),
    );
  });

  test('reads an unsigned cud, and takes no signed one for it', async () => {
    expect((await read(buildContainer(ENTRIES), 'cud')).entries.size).toBe(2);
    await expect(read(buildContainer(ENTRIES, { keys }), 'cud')).rejects.toMatchObject({
      code: 'DATABASE_MALFORMED',
    });
  });

  test('finds .info behind all others too', async () => {
    const tar = buildTar([...ENTRIES, ['z.info', buildInfo(ENTRIES)]]);
    const whole = Buffer.concat([buildContainer(ENTRIES).subarray(0, 512), tar]);
    expect((await read(whole, 'cud')).entries.size).toBe(2);
  });

  test('refuses a container of our own that ClamAV has not signed', async () => {
    const ours = buildContainer(ENTRIES, { keys });
    await expect(read(ours, 'cvd', CLAMAV_KEYS)).rejects.toMatchObject({
      code: 'DATABASE_NOT_VERIFIED',
      message: "Can't verify database integrity",
    });
    await expect(read(ours, 'cld', CLAMAV_KEYS)).rejects.toMatchObject({
      code: 'DATABASE_MALFORMED',
      context: { reason: '.info: incorrect digital signature' },
    });
    await expect(read(buildContainer(ENTRIES), 'cvd')).rejects.toMatchObject({
      code: 'DATABASE_NOT_VERIFIED',
    });
    await expect(read(buildContainer(ENTRIES), 'cld')).rejects.toMatchObject({
      context: { reason: '.info: digital signature not found' },
    });
  });

  test('refuses a cvd with any byte behind the header changed', async () => {
    const sound = buildContainer(ENTRIES, { keys });
    for (let index = 512; index < sound.length; index += 37) {
      await expect(read(flip(sound, index), 'cvd')).rejects.toMatchObject({ code: 'DATABASE_NOT_VERIFIED' });
    }
  });

  test.each([
    ['header cut short', (sound: Buffer) => sound.subarray(0, 300), 'DATABASE_NOT_A_CONTAINER'],
    ['another magic', (sound: Buffer) => flip(sound, 0), 'DATABASE_NOT_A_CONTAINER'],
    ['content cut short', (sound: Buffer) => sound.subarray(0, -50), 'DATABASE_NOT_VERIFIED'],
    ['nothing but a header', (sound: Buffer) => sound.subarray(0, 512), 'DATABASE_NOT_VERIFIED'],
    [
      'more behind it',
      (sound: Buffer) => Buffer.concat([sound, Buffer.from('junk')]),
      'DATABASE_NOT_VERIFIED',
    ],
  ] as const)('refuses a cvd with %s', async (_what, damage, code) => {
    await expect(read(damage(buildContainer(ENTRIES, { keys })), 'cvd')).rejects.toMatchObject({ code });
  });

  test.each([
    [2, '8'],
    [3, '2'],
    [4, '91'],
    [8, '1767225601'],
  ])('refuses a header whose field %s is not that of .info', async (field, text) => {
    const forged = buildContainer(ENTRIES, { keys, header: { [field]: text } });
    await expect(read(forged, 'cvd')).rejects.toMatchObject({ code: 'DATABASE_MALFORMED' });
  });

  test.each([
    [
      'a file of another content',
      [['a.hdb', 'x'] as const, ...ENTRIES.slice(2)],
      'a.hdb is not what .info says',
    ],
    ['a file that .info does not list', [...ENTRIES, ['c.hdb', 'x'] as const], 'c.hdb is not in .info'],
    ['a file missing', ENTRIES.slice(0, 2), 'b.ndb is missing'],
    ['a name with a slash', [...ENTRIES, ['../c.txt', 'x'] as const], 'a name with a slash'],
  ])('refuses a cld with %s', async (_what, entries, reason) => {
    const forged = buildContainer(entries, { keys, gzip: false, info: buildInfo(ENTRIES, { keys }) });
    await expect(read(forged, 'cld')).rejects.toMatchObject({
      code: 'DATABASE_MALFORMED',
      context: { reason },
    });
  });

  test('refuses one without .info, and one whose archive is cut or no archive at all', async () => {
    const without = buildContainer(ENTRIES, { info: null });
    await expect(read(without, 'cud')).rejects.toMatchObject({ context: { reason: 'there is no .info' } });
    const cut = buildContainer(ENTRIES).subarray(0, -30);
    await expect(read(cut, 'cud')).rejects.toMatchObject({ code: 'DATABASE_MALFORMED' });
    const header = without.subarray(0, 512);
    await expect(read(Buffer.from(header), 'cud')).rejects.toMatchObject({ code: 'DATABASE_BROKEN' });
    const noise = Buffer.concat([header, Buffer.alloc(5000, 'x')]);
    await expect(read(noise, 'cud')).rejects.toMatchObject({ code: 'DATABASE_MALFORMED' });
  });

  test('ends in a DatabaseError, whatever byte of an unsigned archive is changed', async () => {
    const sound = buildContainer(ENTRIES, { gzip: false });
    for (let index = 512; index < sound.length; index += 101) {
      const outcome = await read(flip(sound, index), 'cud').catch((error: unknown) => error);
      expect(outcome).toMatchObject('code' in Object(outcome) ? { code: 'DATABASE_MALFORMED' } : {});
    }
  });
});

if (existsSync(REAL)) {
  describe('a genuine container', () => {
    let genuine: Buffer;
    beforeAll(async () => {
      execFileSync('tar', ['-xJf', REAL, '-C', directory, './bytecode.cvd']);
      genuine = await readFile(join(directory, 'bytecode.cvd'));
    }, 60_000);

    test('is verified by both of its signatures', async () => {
      const { header, entries } = await read(genuine, 'cvd', CLAMAV_KEYS);
      expect(header).toMatchObject({ version: 268, signatureCount: 47, builtAtSeconds: 1440082241 });
      expect(entries.size).toBe(49);
      expect((await read(genuine, 'cld', CLAMAV_KEYS)).entries.size).toBe(49);
    });

    test.each([
      ['a byte of the content', (whole: Buffer) => flip(whole, 30_000), 'DATABASE_NOT_VERIFIED'],
      ['a digit of the signature', (whole: Buffer) => flip(whole, 120), 'DATABASE_NOT_VERIFIED'],
      ['a digit of the MD5', (whole: Buffer) => flip(whole, 60), 'DATABASE_NOT_VERIFIED'],
      ['the version', (whole: Buffer) => flip(whole, 36), 'DATABASE_MALFORMED'],
    ] as const)('is refused with %s changed', async (_what, damage, code) => {
      await expect(read(damage(genuine), 'cvd', CLAMAV_KEYS)).rejects.toMatchObject({ code });
    });
  });
} else {
  test.skip(`a genuine container: skipped, ${REAL} is absent`, () => undefined);
}
