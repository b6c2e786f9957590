import { FUNCTIONALITY_LEVEL } from '../functionality-level.js';
import { readLevelField, readSizeField } from './decimal-field.js';
import type { FieldBounds } from './decimal-field.js';
import { ANY_SIZE, DIGEST_WORDS } from './hash-table.js';
import type { HashAlgorithm, HashSubject } from './hash-table.js';

/** Why a line is not allowed. clamd refuses the whole database for one. */
export interface HashLineProblem {
  readonly kind: 'malformed';
  readonly reason: string;
  /** Hashes of no known length, or with other characters than hex digits: ClamAV has another text for them. */
  readonly invalidHash?: true;
}

/** What the fields beside the hash come to; `otherLevel` is for other versions of ClamAV: skipped in silence. */
export type HashFieldsOutcome = 'usable' | 'otherLevel' | HashLineProblem;

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const ASTERISK = 0x2a;
const NUMBER_SIGN = 0x23;

const FIELDS_MIN = 3;
const FIELDS_MAX = 5;
/** clamd 1.4.6 loads 4294967294 and refuses 4294967295. */
const SIZE_MAX_BYTES = 4_294_967_294;
/** `*` as size must say that it needs at least this level (ClamAV manual, "Hash-based signatures"). */
const ANY_SIZE_LEVEL_MIN = 73;

const WRONG_FIELD_COUNT: HashLineProblem = { kind: 'malformed', reason: 'wrong number of fields' };
const INVALID_SIZE: HashLineProblem = { kind: 'malformed', reason: 'invalid size' };
const ANY_SIZE_WITHOUT_LEVEL: HashLineProblem = {
  kind: 'malformed',
  reason: `size * needs a minimum level of at least ${ANY_SIZE_LEVEL_MIN}`,
};
const EMPTY_NAME: HashLineProblem = { kind: 'malformed', reason: 'empty signature name' };
/** What {@link HashLine.readDigest} fails with. */
export const INVALID_HASH: HashLineProblem = {
  kind: 'malformed',
  reason: 'not an MD5, SHA1 or SHA256 hash',
  invalidHash: true,
};

const NOT_HEX = 0xff;
/** The value of each hex digit by its character code; {@link NOT_HEX} for all other characters. */
const HEX_VALUES = Uint8Array.from({ length: 256 }, (_, code) => {
  const value = '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase());
  return value === -1 ? NOT_HEX : value;
});

/**
 * Reads lines `hash:size:name[:minLevel[:maxLevel]]` (for sections `size:hash:…`) where they lie, and keeps what it
 * read in its fields: one object for millions of lines. The order of the steps is clamscan's, as a line may fail in one
 * and be skipped in an earlier: fields, level, size, name; then the caller may ignore it by its name; then the hash.
 */
export class HashLine {
  /** The line without its end, cut at its first NUL: `bytes[start..end)`. */
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  nameStart = 0;
  nameEnd = 0;
  /** {@link ANY_SIZE} or 1..4294967294. */
  sizeBytes = 0;
  algorithm: HashAlgorithm = 'md5';
  /** The first 128 bits, big-endian. */
  readonly digest = new Uint32Array(DIGEST_WORDS);
  #fieldCount = 0;
  /** Where the fields end: at their colons, the last at the end of the line. */
  readonly #fieldEnds = new Int32Array(FIELDS_MAX);

  get isComment(): boolean {
    return this.end > this.start && this.bytes[this.start] === NUMBER_SIGN;
  }

  /**
   * Finds the line that begins at `start` and its fields.
   *
   * @returns where its line feed is; `bytes.length` when there is none.
   */
  scan(bytes: Uint8Array, start: number): number {
    const length = bytes.length;
    const fieldEnds = this.#fieldEnds;
    let fields = 0;
    let end = -1;
    let index = start;
    for (; index < length; index++) {
      const byte = bytes[index] ?? 0;
      if (byte > COLON) continue;
      if (byte === LF) break;
      if (byte === COLON) {
        if (end === -1) fieldEnds[fields++] = index;
      } else if (byte === 0 && end === -1) end = index;
    }
    if (end === -1) end = index;
    while (end > start && bytes[end - 1] === CR) end--;
    // Beyond the last field that is allowed the array ignores the writes.
    fieldEnds[fields++] = end;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.#fieldCount = fields;
    return index;
  }

  /** Reads all fields but the hash. */
  readFields(subject: HashSubject): HashFieldsOutcome {
    const fields = this.#fieldCount;
    if (fields < FIELDS_MIN || fields > FIELDS_MAX) return WRONG_FIELD_COUNT;
    const minLevel = fields > 3 ? readLevelField(this.bytes, this.#field(3)) : 0;
    if (minLevel > FUNCTIONALITY_LEVEL) return 'otherLevel';
    if (fields > 4 && readLevelField(this.bytes, this.#field(4)) < FUNCTIONALITY_LEVEL) return 'otherLevel';
    const problem = this.#readSize(subject, minLevel);
    if (problem !== undefined) return problem;
    const { start, end } = this.#field(2);
    if (start === end) return EMPTY_NAME;
    this.nameStart = start;
    this.nameEnd = end;
    return 'usable';
  }

  /** Reads the hash. False: {@link INVALID_HASH}. */
  readDigest(subject: HashSubject): boolean {
    const { bytes } = this;
    const { start, end } = this.#field(subject === 'section' ? 1 : 0);
    const algorithm = algorithmOf(end - start);
    if (algorithm === undefined) return false;
    let index = start;
    let seen = 0;
    for (let word = 0; word < DIGEST_WORDS; word++) {
      let value = 0;
      for (const stop = index + 8; index < stop; index++) {
        const digit = HEX_VALUES[bytes[index] ?? 0] ?? NOT_HEX;
        seen |= digit;
        value = (value << 4) | digit;
      }
      this.digest[word] = value;
    }
    for (; index < end; index++) seen |= HEX_VALUES[bytes[index] ?? 0] ?? NOT_HEX;
    this.algorithm = algorithm;
    return seen <= 0xf;
  }

  #readSize(subject: HashSubject, minLevel: number): HashLineProblem | undefined {
    const field = this.#field(subject === 'section' ? 0 : 1);
    if (field.end === field.start + 1 && this.bytes[field.start] === ASTERISK) {
      // Hashes of import lists are younger than the level rule, which does not hold for them (observed).
      if (subject !== 'importList' && minLevel < ANY_SIZE_LEVEL_MIN) return ANY_SIZE_WITHOUT_LEVEL;
      this.sizeBytes = ANY_SIZE;
      return undefined;
    }
    const sizeBytes = readSizeField(this.bytes, field);
    if (sizeBytes === undefined || sizeBytes < 1 || sizeBytes > SIZE_MAX_BYTES) return INVALID_SIZE;
    this.sizeBytes = sizeBytes;
    return undefined;
  }

  #field(number: number): FieldBounds {
    const start = number === 0 ? this.start : (this.#fieldEnds[number - 1] ?? 0) + 1;
    return { start, end: this.#fieldEnds[number] ?? 0 };
  }
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
