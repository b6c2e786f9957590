import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { CVD_HEADER_BYTES, parseCvdHeader, type CvdHeader } from '../cvd-header.js';
import { DatabaseError, databaseError } from '../database-error.js';
import { readPieces } from '../read-pieces.js';
import type { FileReader } from '../signature-sink.js';
import { CLAMAV_KEYS, type ContainerKeys } from './clamav-keys.js';
import { readContainerInfo, type ContainerInfo, type ListedFile } from './container-info.js';
import { TarReader, type TarReaderOptions } from './tar-reader.js';
import { isMd5Signed } from './verify-signature.js';

/** `cvd`: all of it is signed. `cld`: a local update of one, whose `.info` is signed. `cud`: of a third party, unsigned. */
export type ContainerKind = 'cvd' | 'cld' | 'cud';

/** An open container. The handle is borrowed. */
export interface ContainerFile {
  readonly kind: ContainerKind;
  readonly path: string;
  readonly handle: FileHandle;
  readonly sizeBytes: number;
}

/** Who takes what is in a container, and who must have signed it. */
export interface ReadContainerOptions {
  /** Who takes the content of a database file of this name; undefined for what is none, whose SHA-256 is not looked at. */
  readonly openEntry: (name: string) => FileReader | undefined;
  /** Unless a test signs with its own. */
  readonly keys?: ContainerKeys | undefined;
}

/** Larger than any: a line a file. */
const INFO_MAX_BYTES = 1024 * 1024;

/**
 * Verifies a container and hands out what is in it. As in clamd 1.4.6 (observed) a `.cvd` must carry a signed MD5; a `.cvd`
 * and a `.cld` a signed `.info`; and in all three each database file must have the size and SHA-256 that `.info` lists.
 * Unlike clamd we refuse one that lacks a listed file: it has been cut off.
 *
 * What is handed out before the end of an entry is not verified yet: it must not be used when this throws.
 *
 * @throws DatabaseError DATABASE_NOT_A_CONTAINER, DATABASE_NOT_VERIFIED, DATABASE_BROKEN or DATABASE_MALFORMED, and what
 * `openEntry` and its readers throw.
 */
export async function readContainer(
  file: ContainerFile,
  { openEntry, keys = CLAMAV_KEYS }: ReadContainerOptions,
): Promise<CvdHeader> {
  const head = Buffer.alloc(CVD_HEADER_BYTES);
  const { bytesRead } = await file.handle.read(head, 0, CVD_HEADER_BYTES, 0);
  const header = parseCvdHeader(head.subarray(0, bytesRead));
  if (header === undefined) throw databaseError('DATABASE_NOT_A_CONTAINER', { path: file.path });
  if (file.kind === 'cvd') await verifyMd5(file, header, keys);
  if (file.sizeBytes <= CVD_HEADER_BYTES) throw databaseError('DATABASE_BROKEN', { path: file.path });
  const { header: listedHeader, files } = await findInfo(file, keys);
  if (!isSameBuild(header, listedHeader)) throw malformed(file, 'the header is not that of its .info');
  await readEntries(file, files, openEntry);
  return header;
}

async function verifyMd5(
  file: ContainerFile,
  { md5, signature }: CvdHeader,
  keys: ContainerKeys,
): Promise<void> {
  const hash = createHash('md5');
  for await (const piece of readPieces(file.handle, { start: CVD_HEADER_BYTES, end: file.sizeBytes })) {
    hash.update(piece);
  }
  if (hash.digest('hex') !== md5 || !isMd5Signed(md5, signature, keys.header)) {
    throw databaseError('DATABASE_NOT_VERIFIED', { path: file.path });
  }
}

/** Looks for the first `.info`, wherever it lies. */
async function findInfo(file: ContainerFile, keys: ContainerKeys): Promise<ContainerInfo> {
  const pieces: Buffer[] = [];
  let state: 'searched' | 'opened' | 'read' = 'searched';
  await readTar(file, {
    openEntry: ({ name, sizeBytes }) => {
      if (!name.endsWith('.info') || state !== 'searched') return undefined;
      if (sizeBytes > INFO_MAX_BYTES) throw malformed(file, 'the .info is too large');
      state = 'opened';
      return {
        push: (piece) => pieces.push(Buffer.from(piece)),
        end: () => {
          state = 'read';
        },
      };
    },
    isDone: () => state === 'read',
  });
  if (pieces.length === 0) throw malformed(file, 'there is no .info');
  const info = readContainerInfo(Buffer.concat(pieces), file.kind === 'cud' ? undefined : keys.info);
  if ('kind' in info) throw malformed(file, `.info: ${info.reason}`);
  return info;
}

async function readEntries(
  file: ContainerFile,
  listed: ReadonlyMap<string, ListedFile>,
  openEntry: ReadContainerOptions['openEntry'],
): Promise<void> {
  const missing = new Set(listed.keys());
  await readTar(file, {
    openEntry: ({ name }) => {
      missing.delete(name);
      const reader = openEntry(name);
      if (reader === undefined) return undefined;
      const expected = listed.get(name);
      if (expected === undefined) throw malformed(file, `${printable(name)} is not in .info`);
      return new CheckedReader(reader, expected, () => {
        throw malformed(file, `${printable(name)} is not what .info says`);
      });
    },
    isDone: () => false,
  });
  const [first] = missing;
  if (first !== undefined) throw malformed(file, `${printable(first)} is missing`);
}

/** Passes the content on, and compares it with what it should be. */
class CheckedReader implements FileReader {
  readonly #reader: FileReader;
  readonly #expected: ListedFile;
  readonly #fail: () => never;
  readonly #hash: Hash = createHash('sha256');
  #bytes = 0;

  constructor(reader: FileReader, expected: ListedFile, fail: () => never) {
    this.#reader = reader;
    this.#expected = expected;
    this.#fail = fail;
  }

  push(piece: Uint8Array): void {
    this.#bytes += piece.length;
    this.#hash.update(piece);
    this.#reader.push(piece);
  }

  end(): void {
    this.#reader.end();
    const { sizeBytes, sha256 } = this.#expected;
    if (this.#bytes !== sizeBytes || this.#hash.digest('hex') !== sha256) this.#fail();
  }
}

/** Takes the archive apart until it ends or `isDone`. */
async function readTar(
  file: ContainerFile,
  { openEntry, isDone }: Pick<TarReaderOptions, 'openEntry'> & { readonly isDone: () => boolean },
): Promise<void> {
  const tar = new TarReader({
    openEntry,
    fail: (reason) => {
      throw malformed(file, reason);
    },
  });
  try {
    const range = { start: CVD_HEADER_BYTES, end: file.sizeBytes, unzips: true };
    for await (const piece of readPieces(file.handle, range)) {
      tar.push(piece);
      if (tar.isAtEnd || isDone()) return;
    }
    tar.end();
  } catch (cause) {
    if (cause instanceof DatabaseError) throw cause;
    throw databaseError('DATABASE_MALFORMED', { path: file.path, reason: 'the content is damaged' }, cause);
  }
}

function isSameBuild(one: CvdHeader, other: CvdHeader): boolean {
  return (
    one.version === other.version &&
    one.signatureCount === other.signatureCount &&
    one.functionalityLevel === other.functionalityLevel &&
    one.builtAtSeconds === other.builtAtSeconds
  );
}

function malformed({ path }: ContainerFile, reason: string): DatabaseError {
  return databaseError('DATABASE_MALFORMED', { path, reason });
}

/** Names inside a container are data, and may be anything. */
function printable(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, '?');
}
