import { createHash } from 'node:crypto';
import { parseHeaderText, type CvdHeader } from '../cvd-header.js';
import type { RsaPublicKey } from './clamav-keys.js';
import { isSha256Signed } from './verify-signature.js';

/** What the `.info` file says of another file of its container. */
export interface ListedFile {
  readonly sizeBytes: number;
  /** 64 hex digits in lower case. */
  readonly sha256: string;
}

/** The `.info` file of a container: its header again, and all files that count. */
export interface ContainerInfo {
  readonly header: CvdHeader;
  /** By name, one at least. */
  readonly files: ReadonlyMap<string, ListedFile>;
}

/** What is wrong with it, where it is not what clamd takes. */
export interface InvalidInfo {
  readonly kind: 'invalid';
  readonly reason: string;
}

const SIGNATURE_MARK = 'DSIG:';
const SIZE_DIGITS_MAX = 15;

/**
 * Reads an `.info` file: the header, `name:size:sha256` lines, and `DSIG:signature` over all before it. A line counts
 * only with its line end (observed).
 *
 * @param key whose signature must stand there; undefined: none may, as in a `.cud`.
 */
export function readContainerInfo(
  content: Buffer,
  key: RsaPublicKey | undefined,
): ContainerInfo | InvalidInfo {
  const lines = content.toString('latin1').split('\n').slice(0, -1);
  const [first, ...rest] = lines;
  const header = parseHeaderText(first ?? '');
  if (header === undefined) return invalid('no header');
  const files = new Map<string, ListedFile>();
  let offset = (first ?? '').length + 1;
  let isSigned = false;
  for (const line of rest) {
    if (isSigned) return invalid('a line behind the digital signature');
    if (key !== undefined && line.startsWith(SIGNATURE_MARK)) {
      const digest = createHash('sha256').update(content.subarray(0, offset)).digest();
      if (!isSha256Signed(digest, line.slice(SIGNATURE_MARK.length).trim(), key))
        return invalid('incorrect digital signature');
      isSigned = true;
    } else if (!addFile(line, files)) return invalid('a line that names no file');
    offset += line.length + 1;
  }
  if (key !== undefined && !isSigned) return invalid('digital signature not found');
  return files.size === 0 ? invalid('no file is named') : { header, files };
}

function addFile(line: string, files: Map<string, ListedFile>): boolean {
  const [name = '', size = '', sha256 = '', ...rest] = line.replace(/\r+$/, '').split(':');
  if (rest.length > 0 || name === '') return false;
  if (!/^\d+$/.test(size) || size.length > SIZE_DIGITS_MAX || !/^[0-9a-fA-F]{64}$/.test(sha256)) return false;
  // A file that is named twice is the first one (observed: both copies load).
  if (!files.has(name)) files.set(name, { sizeBytes: Number(size), sha256: sha256.toLowerCase() });
  return true;
}

function invalid(reason: string): InvalidInfo {
  return { kind: 'invalid', reason };
}
