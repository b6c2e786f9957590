import { isUtf8 } from 'node:buffer';
import type { BigIntStats } from 'node:fs';
import { AppError } from '@portcullis/shared';
import type { OpenerNote } from './judged-file.js';

const VERSION = 1;
/** A record has a path, a command line and small things; what is longer is none of ours. */
export const RECORD_MAX_BYTES = 64 * 1024;
const PATH_MAX_BYTES = 4096;
const TEXT_MAX_CHARACTERS = 4096;

/** What a quarantined file was, and how it came there. */
export interface QuarantineRecord {
  /** Names the file while it is on its way. 32 hexadecimal digits. */
  readonly id: string;
  readonly action: 'move' | 'copy';
  /** Where it lay: bytes, perhaps no UTF-8. */
  readonly path: Buffer;
  /** The path is one of another mount namespace, or led nowhere: it is not restored to. */
  readonly isElsewhere: boolean;
  readonly uid: number;
  readonly gid: number;
  /** Permission bits, set-user-ID and kin among them. */
  readonly mode: number;
  readonly sizeBytes: number;
  /** Nanoseconds since the epoch. */
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  /** Hard links that it had, this name among them. */
  readonly links: number;
  /** SHA-256 of the content, 64 hexadecimal digits. */
  readonly sha256: string;
  readonly signatureName: string;
  /** Milliseconds since the epoch. */
  readonly detectedAtMs: number;
  readonly opener: OpenerNote;
}

/** A record that cannot be used. */
export class RecordError extends AppError<'RECORD_DAMAGED'> {
  constructor(message: string, cause?: unknown) {
    super('RECORD_DAMAGED', message, { cause });
  }
}

/** What the file itself tells. */
export function recordedStatus(
  status: BigIntStats,
): Pick<QuarantineRecord, 'uid' | 'gid' | 'mode' | 'sizeBytes' | 'atimeNs' | 'mtimeNs' | 'links'> {
  return {
    uid: Number(status.uid),
    gid: Number(status.gid),
    mode: Number(status.mode & 0o7777n),
    sizeBytes: Number(status.size),
    atimeNs: status.atimeNs,
    mtimeNs: status.mtimeNs,
    links: Number(status.nlink),
  };
}

/** One JSON object, readable by people; a path that is no UTF-8 stands there twice, exactly in base64. */
export function encodeRecord(record: QuarantineRecord): string {
  const { path, atimeNs, mtimeNs, mode, detectedAtMs, opener, ...rest } = record;
  const fields = {
    version: VERSION,
    ...rest,
    path: path.toString('utf8'),
    ...(isUtf8(path) ? {} : { pathBase64: path.toString('base64') }),
    mode: mode.toString(8).padStart(4, '0'),
    atimeNs: atimeNs.toString(),
    mtimeNs: mtimeNs.toString(),
    detectedAt: new Date(detectedAtMs).toISOString(),
    opener: {
      ...opener,
      executable: opener.executable.slice(0, TEXT_MAX_CHARACTERS),
      commandLine: opener.commandLine.slice(0, TEXT_MAX_CHARACTERS),
      container: opener.container.slice(0, TEXT_MAX_CHARACTERS),
    },
    signatureName: rest.signatureName.slice(0, TEXT_MAX_CHARACTERS),
  };
  return `${JSON.stringify(fields, null, 2)}\n`;
}

/** The reverse of {@link encodeRecord}. @throws RecordError for whatever it did not write. */
export function decodeRecord(text: string): QuarantineRecord {
  const fields = new Fields(parse(text), 'the record');
  if (fields.count('version') !== VERSION) throw new RecordError('the record is of another version');
  const opener = new Fields(fields.raw('opener'), 'opener');
  return {
    id: fields.matching('id', /^[0-9a-f]{32}$/),
    action: fields.matching('action', /^(move|copy)$/) === 'move' ? 'move' : 'copy',
    path: decodePath(fields),
    isElsewhere: fields.flag('isElsewhere'),
    uid: fields.count('uid'),
    gid: fields.count('gid'),
    mode: Number.parseInt(fields.matching('mode', /^[0-7]{4}$/), 8),
    sizeBytes: fields.count('sizeBytes'),
    atimeNs: BigInt(fields.matching('atimeNs', /^-?[0-9]{1,20}$/)),
    mtimeNs: BigInt(fields.matching('mtimeNs', /^-?[0-9]{1,20}$/)),
    links: fields.count('links'),
    sha256: fields.matching('sha256', /^[0-9a-f]{64}$/),
    signatureName: fields.text('signatureName'),
    detectedAtMs: decodeTime(fields.text('detectedAt')),
    opener: {
      pid: opener.integer('pid'),
      uid: opener.integer('uid'),
      executable: opener.text('executable'),
      commandLine: opener.text('commandLine'),
      container: opener.text('container'),
    },
  };
}

/** Looks at every field before it is believed. */
class Fields {
  readonly #fields: ReadonlyMap<string, unknown>;

  constructor(value: unknown, what: string) {
    if (typeof value !== 'object' || value === null) throw new RecordError(`${what} is no object`);
    this.#fields = new Map(Object.entries(value));
  }

  raw(name: string): unknown {
    return this.#fields.get(name);
  }

  integer(name: string): number {
    const value = this.#fields.get(name);
    if (typeof value !== 'number' || !Number.isSafeInteger(value))
      throw new RecordError(`${name} is no integer`);
    return value;
  }

  count(name: string): number {
    const value = this.integer(name);
    if (value < 0) throw new RecordError(`${name} is negative`);
    return value;
  }

  text(name: string): string {
    const value = this.#fields.get(name);
    if (typeof value !== 'string' || value.length > TEXT_MAX_CHARACTERS)
      throw new RecordError(`${name} is no text`);
    return value;
  }

  flag(name: string): boolean {
    const value = this.#fields.get(name);
    if (typeof value !== 'boolean') throw new RecordError(`${name} is neither true nor false`);
    return value;
  }

  matching(name: string, form: RegExp): string {
    const value = this.text(name);
    if (!form.test(value)) throw new RecordError(`${name} is malformed`);
    return value;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RecordError('the record is no JSON', error);
  }
}

function decodePath(fields: Fields): Buffer {
  const exact = fields.raw('pathBase64');
  // Its length in characters is looked at by `text`; in bytes, below.
  const path = exact === undefined ? Buffer.from(fields.text('path')) : decodeBase64(fields);
  const isPath = path[0] === 0x2f && path.length <= PATH_MAX_BYTES && !path.includes(0);
  if (!isPath) throw new RecordError('path is no absolute path');
  return path;
}

function decodeBase64(fields: Fields): Buffer {
  const text = fields.raw('pathBase64');
  if (typeof text !== 'string' || text.length > PATH_MAX_BYTES * 2 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) {
    throw new RecordError('pathBase64 is malformed');
  }
  return Buffer.from(text, 'base64');
}

function decodeTime(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new RecordError('detectedAt is no time');
  return ms;
}
