import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ALIGNMENT_BYTES,
  BYTE_ORDER,
  encodeHeader,
  HEADER_BYTES,
  imageKey,
  LAYOUT_VERSION,
} from '@portcullis/scanner-daemon/dist/src/database/image/image-format.js';
import { readImage, type ImageRead } from '@portcullis/scanner-daemon/dist/src/database/image/read-image.js';
import { alignUp, takeApart } from '@portcullis/scanner-daemon/dist/src/database/image/tree-table.js';
import { demand } from '../fuzz-error.js';
import { INPUT_MAX_BYTES } from '../mutate.js';
import { withScratchDirectory } from './scratch-directory.js';
import { bytesOf, type DecoderTarget } from './target.js';

const IDENTITY = { key: imageKey(['fuzz']), formatVersion: 1 };
const READ_MAX_MS = 3000;
/** Where the header says how long the table is. */
const TREE_BYTES_OFFSET = 20;

const TREES: readonly unknown[] = [
  {
    compiled: {
      bytes: new Uint8Array(20).fill(7),
      words: Uint16Array.of(1, 2),
      starts: Uint32Array.of(0, 0xffff_ffff),
      signed: Int32Array.of(-1),
      sizes: Float64Array.of(0.5, Infinity),
      wide: BigUint64Array.of(0xffff_ffff_ffff_ffffn),
      conditions: [{ target: 1, fileSize: { min: 0, max: 5 }, entryPoint: undefined }],
      specials: [[3, { kind: 'pcre', pattern: 'a+', flags: '' }]],
    },
    version: 7,
    odd: [Number.NaN, -0, -Infinity, null, true, 'text', 12n],
  },
  { deep: [[[[[[[[[{ a: new Uint8Array(3) }]]]]]]]]] },
];

/**
 * The image of a compiled database. As it is it must be taken where it is whole, and refused otherwise. With sizes and
 * digests put right the decoder of the table is reached, which must refuse or give a tree that can be written again.
 * Scanned with is none of these: the digest and the owner of the file say that the daemon itself wrote it, and whoever
 * can write in its name is not kept out.
 */
export function createImageTarget(): DecoderTarget {
  const corpus = TREES.map(imageOf);
  return {
    name: 'image',
    corpus,
    dictionary: bytesOf(
      ...[
        '{"$":"Uint32Array","o":0,"n":2}',
        '{"$":"undefined"}',
        '{"$":"bigint","v":"1"}',
        '"$"',
        '"o":',
        '"n":',
      ],
      ...[
        '"__proto__":',
        '"constructor":{}',
        '9007199254740991',
        '-1',
        '1e400',
        '0.5',
        '8',
        'null',
        '[',
        ']',
        '{',
        '}',
      ],
      ...[',', '"', ':', ' ', '\\ud800', 'PCLSDBI\n', '\0\0\0\0', '\xff\xff\xff\xff'],
    ),
    check: (input) =>
      withScratchDirectory(async (directory) => {
        const path = join(directory, 'database.image');
        const asIs = await readWithin(path, input);
        demand(
          (asIs.kind === 'read') === corpus.some((image) => image.equals(input)),
          'what was written is taken, and nothing else',
        );
        const repaired = await readWithin(path, repairedImage(input));
        if (repaired.kind === 'read')
          demand(!('why' in takeApart(repaired.tree)), 'what was read can be written again');
        else demand(repaired.kind === 'damaged', 'with sizes and digests put right there is but damage');
      }),
  };
}

async function readWithin(path: string, image: Buffer): Promise<ImageRead> {
  await writeFile(path, image, { mode: 0o600 });
  const beganAtMs = performance.now();
  const read = await readImage(path, IDENTITY);
  demand(performance.now() - beganAtMs < READ_MAX_MS, 'a small image is read in little time');
  return read;
}

function imageOf(tree: unknown): Buffer {
  const parts = takeApart(tree);
  if ('why' in parts) throw new Error(parts.why);
  const arrays = parts.arrays.map((array) => {
    const aligned = Buffer.alloc(alignUp(array.byteLength));
    aligned.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    return aligned;
  });
  return withHeader(Buffer.concat([parts.table, ...arrays]), parts.table.byteLength);
}

/** The body behind the header, as if it had been written like this; its table as long as the header says, if it can be. */
function repairedImage(input: Buffer): Buffer {
  const rest = input.subarray(HEADER_BYTES);
  const body = rest.subarray(0, rest.length - (rest.length % ALIGNMENT_BYTES));
  const said = input.length < TREE_BYTES_OFFSET + 4 ? 0 : input.readUInt32LE(TREE_BYTES_OFFSET);
  return withHeader(body, Math.min(alignUp(said), body.length));
}

function withHeader(body: Buffer, treeBytes: number): Buffer {
  const header = encodeHeader({
    ...IDENTITY,
    layoutVersion: LAYOUT_VERSION,
    byteOrder: BYTE_ORDER,
    treeBytes,
    arrayBytes: body.length - treeBytes,
    bodyDigest: createHash('sha256').update(body).digest('hex'),
  });
  return Buffer.concat([header, body]).subarray(0, INPUT_MAX_BYTES);
}
