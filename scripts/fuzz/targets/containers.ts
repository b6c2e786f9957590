import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  readContainer,
  type ContainerKind,
} from '@portcullis/scanner-daemon/dist/src/database/containers/read-container.js';
import {
  buildContainer,
  buildInfo,
  buildTar,
  makeTestKeys,
  type Entry,
  type TestKeys,
} from '@portcullis/scanner-daemon/dist/src/database/containers/testing/build-container.js';
import { CVD_HEADER_BYTES } from '@portcullis/scanner-daemon/dist/src/database/cvd-header.js';
import { DatabaseError } from '@portcullis/scanner-daemon/dist/src/database/database-error.js';
import { demand } from '../fuzz-error.js';
import { withScratchDirectory } from './scratch-directory.js';
import { bytesOf, type DecoderTarget } from './target.js';

const KINDS: readonly ContainerKind[] = ['cvd', 'cld', 'cud'];
const READ_MAX_MS = 5000;
/** What one of them can hold at most is far more than an input of the fuzzer unpacks to. */
const CONTENT_MAX_BYTES = 64 * 1024 * 1024;
const ENTRIES: readonly Entry[] = [
  ['COPYING', 'free'],
  ['a.hdb', '44d88612fea8a8f36de82e1278abb02f:68:One\n'],
  ['b.ndb', `Two:0:*:${'41'.repeat(600)}\n`],
  ['c.empty', ''],
];

/** Signed and unsigned containers of signatures: an outcome for each, and nothing for signed that we did not sign. */
export function createContainersTarget(): DecoderTarget {
  const keys = makeTestKeys();
  const signed = new Set(ENTRIES.map(([name, content]) => `${name}=${content}`));
  return {
    name: 'containers',
    corpus: corpusOf(keys),
    dictionary: bytesOf(
      ...[
        'ClamAV-VDB:',
        ':',
        '01 Jan 2026 00-00 +0000',
        '\x1f\x8b',
        'DSIG:',
        'test.info',
        'a.hdb',
        '/',
        '\n',
        ' ',
      ],
      ...[
        '\0',
        '77777777777\0',
        '00000000000\0',
        '-1',
        '4294967296',
        '99999999999999999999',
        'x'.repeat(100),
      ],
      ...['a.hdb:40:', '0'.repeat(64), '\0'.repeat(512), 'ustar', '5', 'L'],
    ),
    check: (input) =>
      withScratchDirectory(async (directory) => {
        const path = join(directory, 'container');
        await writeFile(path, input);
        for (const kind of KINDS) {
          const beganAtMs = performance.now();
          const entries = await entriesOf({ kind, path, sizeBytes: input.length }, keys);
          demand(performance.now() - beganAtMs < READ_MAX_MS, 'a small container is read in little time');
          if (entries === undefined || kind === 'cud') continue;
          demand(
            entries.every((entry) => signed.has(entry)),
            `a ${kind} that is taken holds what was signed`,
          );
        }
      }),
  };
}

/** @returns `name=content` each, or undefined where the container is refused as such. */
async function entriesOf(
  {
    kind,
    path,
    sizeBytes,
  }: { readonly kind: ContainerKind; readonly path: string; readonly sizeBytes: number },
  keys: TestKeys,
): Promise<readonly string[] | undefined> {
  const entries: string[] = [];
  let contentBytes = 0;
  const handle = await open(path, 'r');
  try {
    await readContainer(
      { kind, path, handle, sizeBytes },
      {
        keys,
        openEntry: (name) => {
          const pieces: Buffer[] = [];
          return name === 'COPYING' || name.endsWith('.info')
            ? undefined
            : {
                push: (piece) => {
                  contentBytes += piece.length;
                  demand(contentBytes <= CONTENT_MAX_BYTES, 'little input holds little content');
                  pieces.push(Buffer.from(piece));
                },
                end: () => entries.push(`${name}=${Buffer.concat(pieces).toString('latin1')}`),
              };
        },
      },
    );
    return entries;
  } catch (error) {
    if (error instanceof DatabaseError) return undefined;
    throw error;
  } finally {
    await handle.close();
  }
}

function corpusOf(keys: TestKeys): readonly Buffer[] {
  const infoLast = buildTar([...ENTRIES, ['z.info', buildInfo(ENTRIES)]]);
  const unsigned = buildContainer(ENTRIES, { gzip: false });
  return [
    ...[true, false].map((gzip) => buildContainer(ENTRIES, { keys, gzip })),
    buildContainer(ENTRIES),
    unsigned,
    Buffer.concat([unsigned.subarray(0, CVD_HEADER_BYTES), infoLast]),
    buildContainer(ENTRIES, { info: null }),
  ];
}
