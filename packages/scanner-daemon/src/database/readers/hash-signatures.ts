import { isForThisLevel } from '../functionality-level.js';
import { malformed } from './signature-line.js';
import type { MalformedLine, OtherLevelLine } from './signature-line.js';

/** The digests that hash signatures come in. The length of the hash, not the file's extension, tells which. */
export type HashAlgorithm = 'md5' | 'sha1' | 'sha256';

/** One line of a hash database: `hash:size:name[:minLevel[:maxLevel]]`. */
export interface HashSignature {
  readonly kind: 'hash';
  readonly algorithm: HashAlgorithm;
  readonly digest: Uint8Array;
  /** 1..4294967294, or `any` for `*`. */
  readonly sizeBytes: number | 'any';
  readonly name: string;
}

/** What a line of a hash database turns out to be. */
export type HashLine = HashSignature | MalformedLine | OtherLevelLine;

const FIELDS_MIN = 3;
const FIELDS_MAX = 5;
/** clamd 1.4.6 loads 4294967294 and refuses 4294967295. */
const SIZE_MAX_BYTES = 4_294_967_294;
/** `*` as size must say that it needs at least this level (ClamAV manual, "Hash-based signatures"). */
const ANY_SIZE_LEVEL_MIN = 73;

/**
 * Reads one line of `.hdb .hsb .hdu .hsu .fp .sfp` (without its line end). All of them take all three
 * algorithms: the official daily.hsb holds MD5 lines.
 */
export function readHashLine(line: string): HashLine {
  const fields = line.split(':');
  const [hash = '', size = '', name = '', minLevel, maxLevel] = fields;
  if (fields.length < FIELDS_MIN || fields.length > FIELDS_MAX) return malformed('wrong number of fields');
  if (!isForThisLevel(minLevel, maxLevel)) return { kind: 'otherLevel' };
  const sizeBytes = readSize(size, minLevel);
  if (sizeBytes === undefined) return malformed('invalid size');
  const algorithm = algorithmOf(hash.length);
  if (algorithm === undefined || !/^[0-9a-fA-F]+$/.test(hash)) {
    return { kind: 'malformed', reason: 'not an MD5, SHA1 or SHA256 hash', invalidHash: true };
  }
  if (name === '') return malformed('empty signature name');
  return { kind: 'hash', algorithm, digest: Buffer.from(hash, 'hex'), sizeBytes, name };
}

function readSize(size: string, minLevel: string | undefined): number | 'any' | undefined {
  if (size === '*') return Number.parseInt(minLevel ?? '', 10) >= ANY_SIZE_LEVEL_MIN ? 'any' : undefined;
  if (!/^\d{1,10}$/.test(size)) return undefined;
  const sizeBytes = Number(size);
  return sizeBytes >= 1 && sizeBytes <= SIZE_MAX_BYTES ? sizeBytes : undefined;
}

function algorithmOf(hexLength: number): HashAlgorithm | undefined {
  switch (hexLength) {
    case 32:
      return 'md5';
    case 40:
      return 'sha1';
    case 64:
      return 'sha256';
    default:
      return undefined;
  }
}
