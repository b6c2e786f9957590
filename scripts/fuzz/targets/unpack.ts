import { gzipSync } from 'node:zlib';
import { bytesInput } from '@portcullis/scanner-daemon/dist/src/engine/engine.js';
import { unpackerOf } from '@portcullis/scanner-daemon/dist/src/engine/unpack/registry.js';
import {
  compoundFileOf,
  sevenZipOf,
  tarMember,
  tarOf,
  zipOf,
} from '@portcullis/scanner-daemon/dist/src/engine/unpack/testing/containers.js';
import { budgetOf } from '@portcullis/scanner-daemon/dist/src/engine/unpack/testing/unpack-all.js';
import { mailOf, UUENCODED } from '@portcullis/scanner-daemon/dist/src/engine/unpack/testing/mails.js';
import type { ContainerFormat } from '@portcullis/scanner-daemon/dist/src/engine/unpack/unpacker.js';
import type { Seeds } from '../mutate.js';
import { demand } from '../fuzz-error.js';
import { bytesOf } from './target.js';

/** A target for each format. */
export type UnpackTargetName = `unpack-${ContainerFormat}`;

const PREFIX = 'unpack-';
const FILE_MAX_BYTES = 100_000;
const SCAN_MAX_BYTES = 300_000;
const FILES_MAX = 100;
/** A scan of so little is over long before, unless something does not ask the clock. */
const TIME_MAX_MS = 5000;

const CONTENT = Buffer.from('some content that comes again, that comes again. '.repeat(100));
const FILES = [
  { name: 'a', content: CONTENT },
  { name: 'b/c', content: CONTENT.subarray(0, 4500) },
];
const base64 = (text: string): Buffer => Buffer.from(text, 'base64');

/** A good container of each format, to be mutated. */
const CORPUS: Readonly<Record<ContainerFormat, readonly Buffer[]>> = {
  zip: [
    zipOf(FILES),
    zipOf(FILES, { hasDirectory: false }),
    zipOf(FILES.map((file) => ({ ...file, method: 0 }))),
  ],
  gzip: [gzipSync(CONTENT), Buffer.concat([gzipSync('one'), gzipSync('two')])],
  bzip2: [base64('QlpoOTFBWSZTWR7YgNgAACeRAEAEAkSgADDAApUMnCaTCeJhNE+LuSKcKEgPbEBsAA==')],
  xz: [
    base64(
      '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4ACLAA1dADQZSe6N74yMYn1/AAAAAAAAZHz/Org2/AUAASmMAQAAANW6XC+xxGf7AgAAAAAEWVo=',
    ),
  ],
  zstd: [base64('KLUv/QRYdQAAOGhlbGxvLCABAAJRxQiDNgs/')],
  tar: [tarOf(FILES.map(({ name, content }) => tarMember(name, content)))],
  '7z': [sevenZipOf(FILES)],
  ole2: [compoundFileOf(FILES)],
  mail: [mailOf(FILES), Buffer.from(`From a\nFrom: b\n\n${UUENCODED}\nFrom c\nTo: d\n\ntext\n`)],
};

/** Whether a target is one of these. */
export function isUnpackTarget(name: string): name is UnpackTargetName {
  return name.startsWith(PREFIX);
}

/** One format's unpacker, from bytes to entries: within its limits, and with an outcome. */
export function createUnpackTarget(
  name: UnpackTargetName,
): Seeds & { readonly name: UnpackTargetName; check(input: Buffer): void } {
  // The name was made of it.
  const format = name.slice(PREFIX.length) as ContainerFormat;
  return {
    name,
    corpus: CORPUS[format],
    dictionary: bytesOf(
      'PK\u0001\u0002',
      'PK\u0003\u0004',
      'PK\u0005\u0006',
      'BZh9',
      '1AY&SY',
      '\xfd7zXZ\0',
      '\xff\xff\xff\xff',
      '\xff\xff\xff\x7f',
      '\0\0\0\0',
      'ustar\u000000',
      '77777777777\0',
      '\n--b--\n',
      '\n\nFrom ',
      'begin 644 a\n',
      'Content-Type: multipart/mixed; boundary=b\n',
      'Content-Transfer-Encoding: base64\n',
    ),
    check(input) {
      const limits = {
        maxFileSizeBytes: FILE_MAX_BYTES,
        maxScanSizeBytes: SCAN_MAX_BYTES,
        maxFiles: FILES_MAX,
      };
      const budget = budgetOf({ ...limits, deadlineAtMs: performance.now() + TIME_MAX_MS }, () =>
        performance.now(),
      );
      let unpackedBytes = 0;
      let entries = 0;
      unpackerOf(format)?.unpack(bytesInput(input), {
        budget,
        emit: ({ input: entry, sizeBytes, isEncrypted, position }) => {
          entries += 1;
          demand(position === entries, 'entries are numbered one by one');
          if (isEncrypted || !budget.admitFile(sizeBytes)) return 'continue';
          unpackedBytes += entry.read(0, sizeBytes).length;
          return 'continue';
        },
      });
      demand(unpackedBytes <= SCAN_MAX_BYTES, 'no more than MaxScanSize comes out');
      demand(budget.exceeded !== 'timeLimit', 'a small container takes little time');
    },
  };
}
