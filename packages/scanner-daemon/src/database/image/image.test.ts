import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeHeader, HEADER_BYTES, imageKey, IMAGE_BYTES_MAX, LAYOUT_VERSION } from './image-format.js';
import { readImage } from './read-image.js';
import { writeImage } from './write-image.js';

const IDENTITY = { key: imageKey(['sources', '1']), formatVersion: 3 };

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'image-'));
  path = join(directory, 'database.image');
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

function shared<View>(
  type: new (memory: SharedArrayBuffer) => View & { set(values: unknown): void },
  bytes: number,
  values: unknown,
): View {
  const view = new type(new SharedArrayBuffer(bytes));
  view.set(values);
  return view;
}

function sampleTree(): Record<string, unknown> {
  const twice = shared(Uint8Array, 3, [1, 2, 3]);
  return {
    bytes: twice,
    again: [twice],
    words: shared(Uint16Array, 4, [65535, 7]),
    starts: shared(Uint32Array, 4, [0xffff_ffff]),
    signed: shared(Int32Array, 8, [-1, 5]),
    sizes: shared(Float64Array, 24, [Infinity, -1, 0.5]),
    wide: shared(BigUint64Array, 8, [0xffff_ffff_ffff_ffffn]),
    nothing: new Uint32Array(new SharedArrayBuffer(0)),
    plain: { number: 1.5, text: 'ä\ud800\0"', yes: true, none: null, missing: undefined },
    odd: [Number.NaN, -0, Infinity, -Infinity, undefined, []],
  };
}

describe('an image', () => {
  test('gives back the tree that was written, over shared memory', async () => {
    const written = await writeImage(path, sampleTree(), IDENTITY);
    expect(written).toEqual({ kind: 'written', sizeBytes: (await stat(path)).size });
    const read = await readImage(path, IDENTITY);
    expect(read).toStrictEqual({ kind: 'read', tree: sampleTree() });
    const tree = (read as unknown as { tree: { bytes: Uint8Array; wide: BigUint64Array } }).tree;
    expect(Object.prototype.toString.call(tree.bytes.buffer)).toBe('[object SharedArrayBuffer]');
    expect(tree.wide.byteOffset % 8).toBe(0);
    expect(Object.is((tree as unknown as { odd: unknown[] }).odd[1], -0)).toBe(true);
  });

  test('keeps an array that occurs twice once', async () => {
    const big = new Uint8Array(new SharedArrayBuffer(100_000));
    const written = await writeImage(path, { first: big, second: { third: big } }, IDENTITY);
    expect(written).toMatchObject({ kind: 'written' });
    expect((await stat(path)).size).toBeLessThan(110_000);
  });

  test('holds arrays larger than a chunk and a staging buffer', async () => {
    const big = new Uint32Array(new SharedArrayBuffer(20 * 1024 * 1024 + 4));
    for (let index = 0; index < big.length; index += 997) big[index] = index;
    await writeImage(path, { small: new Uint8Array(3).fill(9), big }, IDENTITY);
    const read = await readImage(path, IDENTITY);
    if (read.kind !== 'read') throw new Error(read.why);
    const tree = read.tree as { small: Uint8Array; big: Uint32Array };
    expect([...tree.small]).toEqual([9, 9, 9]);
    expect(
      Buffer.compare(
        new Uint8Array(tree.big.buffer, tree.big.byteOffset, big.byteLength),
        new Uint8Array(big.buffer),
      ),
    ).toBe(0);
  });

  test('can be read and written by its owner alone, and leaves no temporary file', async () => {
    await writeImage(path, { a: 1 }, IDENTITY);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(['database.image']);
  });

  test('gives back any tree of plain values', async () => {
    const key = fc.string().filter((name) => name !== '$' && name !== '__proto__');
    const { tree: anyTree } = fc.letrec((tie) => ({
      leaf: fc.oneof(
        fc.double(),
        fc.string({ unit: 'binary' }),
        fc.boolean(),
        fc.constant(undefined),
        fc.constant(null),
        fc.uint8Array({ maxLength: 9 }),
        fc.float64Array({ maxLength: 3 }),
      ),
      tree: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        tie('leaf'),
        fc.array(tie('tree'), { maxLength: 4 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 4, noNullPrototype: true }),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(anyTree, async (tree) => {
        await writeImage(path, { tree }, IDENTITY);
        expect(await readImage(path, IDENTITY)).toStrictEqual({ kind: 'read', tree: { tree } });
      }),
      { numRuns: 100 },
    );
  });
});

describe('writing', () => {
  test.each<[string, unknown, RegExp]>([
    ['a function', { run: () => 1 }, /function/],
    ['a Map', { map: new Map() }, /Map/],
    ['a DataView', { view: new DataView(new ArrayBuffer(1)) }, /DataView/],
    ['the key of marks', { $: 1 }, /\$/],
    ['a circle', circle(), /circle/],
  ])('refuses %s and leaves nothing', async (_, tree, why) => {
    expect(await writeImage(path, tree, IDENTITY)).toEqual({
      kind: 'failed',
      why: expect.stringMatching(why),
    });
    expect(await readdir(directory)).toEqual([]);
  });

  test('fails with a reason where there is no directory, and leaves nothing where the name is taken', async () => {
    expect(await writeImage(join(directory, 'none', 'x'), {}, IDENTITY)).toEqual({
      kind: 'failed',
      why: 'No such file or directory',
    });
    await mkdir(path);
    expect(await writeImage(path, {}, IDENTITY)).toMatchObject({ kind: 'failed' });
    expect(await readdir(directory)).toEqual(['database.image']);
  });

  test('refuses a key that is no SHA-256', async () => {
    expect(await writeImage(path, {}, { key: 'abc', formatVersion: 1 })).toMatchObject({ kind: 'failed' });
    expect(await readImage(path, { key: 'abc', formatVersion: 1 })).toMatchObject({ kind: 'stale' });
  });
});

describe('reading', () => {
  test('says that there is none', async () => {
    expect(await readImage(path, IDENTITY)).toMatchObject({ kind: 'absent' });
    expect(await readImage(join(path, 'below'), IDENTITY)).toMatchObject({ kind: 'absent' });
  });

  test('knows an image of other sources and of another version', async () => {
    await writeImage(path, { a: 1 }, IDENTITY);
    const other = { ...IDENTITY, key: imageKey(['sources', '2']) };
    expect(await readImage(path, other)).toEqual({ kind: 'stale', why: 'of other sources' });
    expect(await readImage(path, { ...IDENTITY, formatVersion: 4 })).toMatchObject({ kind: 'stale' });
  });

  test('takes none that somebody else could have written, no link, no directory', async () => {
    await writeImage(path, { a: 1 }, IDENTITY);
    const link = join(directory, 'link');
    await symlink(path, link);
    expect(await readImage(link, IDENTITY)).toMatchObject({ kind: 'foreign' });
    expect(await readImage(directory, IDENTITY)).toMatchObject({ kind: 'foreign' });
    await chmod(path, 0o620);
    expect(await readImage(path, IDENTITY)).toMatchObject({ kind: 'foreign' });
    await chmod(path, 0o602);
    expect(await readImage(path, IDENTITY)).toMatchObject({ kind: 'foreign' });
    await chmod(path, 0o600);
    expect(await readImage(path, IDENTITY)).toMatchObject({ kind: 'read' });
  });

  test('never waits for a FIFO', async () => {
    const { execFileSync } = await import('node:child_process');
    execFileSync('mkfifo', [path]);
    expect(await readImage(path, IDENTITY)).toMatchObject({ kind: 'foreign' });
  });

  test('finds any flipped bit damaged', async () => {
    await writeImage(path, sampleTree(), IDENTITY);
    const whole = await readFile(path);
    // Every byte of the header, and any of the rest.
    const everyHeaderByte = Array.from({ length: HEADER_BYTES }, (_, offset) => offset);
    const flips = fc.sample(fc.tuple(fc.nat(whole.length - 1), fc.nat(7)), 300);
    for (const [offset, bit] of [...everyHeaderByte.map((at) => [at, at % 8] as const), ...flips]) {
      const flipped = Buffer.from(whole);
      flipped[offset]! ^= 1 << bit;
      await writeFile(path, flipped);
      expect([offset, (await readImage(path, IDENTITY)).kind]).toEqual([offset, 'damaged']);
    }
  });

  test('finds any truncation and anything appended damaged', async () => {
    await writeImage(path, sampleTree(), IDENTITY);
    const whole = await readFile(path);
    await writeFile(path, Buffer.concat([whole, Buffer.alloc(8)]));
    expect(await readImage(path, IDENTITY)).toMatchObject({ kind: 'damaged' });
    for (let length = whole.length - 1; length >= 0; length--) {
      await truncate(path, length);
      expect([length, (await readImage(path, IDENTITY)).kind]).toEqual([length, 'damaged']);
    }
  });

  test('finds arbitrary bytes damaged', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        await writeFile(path, bytes, { mode: 0o600 });
        expect(await readImage(path, IDENTITY)).toMatchObject({ kind: 'damaged' });
      }),
      { numRuns: 100 },
    );
  });

  test('allocates nothing for a header that lies with its own digest right, nor for a file with a huge hole', async () => {
    const lie = encodeHeader({
      ...IDENTITY,
      layoutVersion: LAYOUT_VERSION,
      byteOrder: 1,
      treeBytes: 8,
      arrayBytes: 2 ** 40,
      bodyDigest: imageKey([]),
    });
    await writeFile(path, lie, { mode: 0o600 });
    expect(await readImage(path, IDENTITY)).toEqual({ kind: 'damaged', why: 'the sizes' });
    await truncate(path, IMAGE_BYTES_MAX + 1);
    expect(await readImage(path, IDENTITY)).toEqual({ kind: 'damaged', why: 'too large' });
  });
});

function circle(): unknown {
  const round: Record<string, unknown> = {};
  round['round'] = round;
  return round;
}
