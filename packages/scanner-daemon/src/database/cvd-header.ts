import { open, readdir } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { DATABASE_FILES_MAX } from './loaded-database.js';

/** A container begins with so many bytes of text, padded with spaces (ClamAV manual, "The CVD format"). */
export const CVD_HEADER_BYTES = 512;
const MAGIC = 'ClamAV-VDB';

/** What the header of a CVD or CLD says. */
export interface CvdHeader {
  /** What VERSION answers of the daily one; 0 where the header gives no number. */
  readonly version: number;
  /** As its maker says. */
  readonly signatureCount: number;
  /** When it was built, seconds since 1970. 0, and so older than anything, where the header gives no number. */
  readonly builtAtSeconds: number;
  /** What its maker ran; a higher one than ours is no hindrance (observed). */
  readonly functionalityLevel: number;
  /** Of what lies behind the header, as it stands there. */
  readonly md5: string;
  /** See `containers/verify-signature.ts`. */
  readonly signature: string;
}

/**
 * Reads `ClamAV-VDB:time text:version:signatures:level:md5:digital signature:builder:seconds`. Nothing is verified but
 * the form: whoever trusts what lies behind the header has to check its signature.
 *
 * @returns undefined for anything that is no such header.
 */
export function parseCvdHeader(bytes: Uint8Array): CvdHeader | undefined {
  if (bytes.length < CVD_HEADER_BYTES) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, CVD_HEADER_BYTES).toString('latin1');
  return parseHeaderText(text);
}

/** The same for the line itself, as it stands in `.info` files too; there MD5 and signature are `X`. */
export function parseHeaderText(text: string): CvdHeader | undefined {
  // An empty field is skipped, so that the next one takes its place, as in clamd (observed).
  const fields = text.split(':').filter((field) => field !== '');
  const [magic, builtAtText = '', version = '', signatureCount = '', level = '', md5 = '', signature = ''] =
    fields.map((field) => field.trim());
  // The older ones end with the builder.
  if (magic !== MAGIC || fields.length < 8) return undefined;
  return {
    version: countOf(version),
    signatureCount: countOf(signatureCount),
    builtAtSeconds: fields[8] === undefined ? secondsOf(builtAtText) : countOf(fields[8]),
    functionalityLevel: countOf(level),
    md5,
    signature,
  };
}

/** The header of one container. @returns undefined when it has none. @throws the system's error when it cannot be read. */
export async function readCvdHeader(path: string): Promise<CvdHeader | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const header = Buffer.alloc(CVD_HEADER_BYTES);
    const { bytesRead } = await handle.read(header, 0, CVD_HEADER_BYTES, 0);
    return parseCvdHeader(header.subarray(0, bytesRead));
  } finally {
    await handle?.close();
  }
}

/** How old the newest container of a directory is. */
export type DatabaseAge =
  /** No `.cvd` or `.cld` lies there: nothing to hold against it. */
  | { readonly kind: 'noContainer' }
  | { readonly kind: 'builtAt'; readonly seconds: number }
  /** `path` calls itself a container and is none, or cannot be read. */
  | { readonly kind: 'broken'; readonly path: string };

/**
 * Looks at the headers of `*.cvd` and `*.cld`. As with clamd 1.4.6 (observed) the newest of them speaks for the
 * directory, one that is no container spoils it all, and `.cud` files do not count.
 */
export async function readDatabaseAge(directory: string): Promise<DatabaseAge> {
  let newest: number | undefined;
  // A directory that cannot be read is the loader's to complain about.
  const names = await readdir(directory).catch(() => []);
  for (const name of names.sort().slice(0, DATABASE_FILES_MAX)) {
    const extension = extname(name).toLowerCase();
    if (extension !== '.cvd' && extension !== '.cld') continue;
    const path = join(directory, name);
    const header = await readCvdHeader(path).catch(() => undefined);
    if (header === undefined) return { kind: 'broken', path };
    newest = Math.max(newest ?? 0, header.builtAtSeconds);
  }
  return newest === undefined ? { kind: 'noContainer' } : { kind: 'builtAt', seconds: newest };
}

function countOf(field: string): number {
  return /^\d{1,15}$/.test(field.trim()) ? Number(field) : 0;
}

const BUILT_AT = /^(\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2})-(\d{2}) ([+-]\d{4})$/;

/** `18 Mar 2020 13-44 +0000` */
function secondsOf(builtAtText: string): number {
  const [, day, month, year, hour, minute, zone] = BUILT_AT.exec(builtAtText.trim()) ?? [];
  const ms = Date.parse(`${day} ${month} ${year} ${hour}:${minute} ${zone}`);
  return Number.isFinite(ms) && ms > 0 ? ms / 1000 : 0;
}
