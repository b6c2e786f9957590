import { realpath } from 'node:fs/promises';
import { constants, decodePath, emptyFileStatus, encodePath } from '@portcullis/shared/native';
import type { FileApi, FileHandle } from '@portcullis/shared/native';

/** What is at a path, final symlinks not followed. */
export type DirectoryProbe =
  | {
      readonly kind: 'directory';
      /** The same for every name of the inode and for no other inode, as long as the inode lives. */
      readonly identity: string;
      readonly device: string;
      /** Whether events can name this directory: its file system has file handles. */
      readonly hasHandle: boolean;
    }
  | { readonly kind: 'notDirectory' }
  /** Not there, or not reachable under this name any more. */
  | { readonly kind: 'absent'; readonly code: string }
  | { readonly kind: 'failed'; readonly code: string };

/** As {@link identityOf} writes it; an identity without a handle has a word in this place. */
const HANDLE = /^[^|]*\|(-?\d+):([^]*)$/;

type ProbedFiles = Pick<FileApi, 'statusOfPath' | 'handleOfPath'>;

/** Looks at a path without opening anything: statx(2) and name_to_handle_at(2). */
export function probeDirectory(files: ProbedFiles, path: string): DirectoryProbe {
  const status = emptyFileStatus();
  try {
    files.statusOfPath(path, status);
  } catch (error) {
    return failedProbe(codeOf(error));
  }
  if ((status.mode & constants.S_IFMT) !== constants.S_IFDIR) return { kind: 'notDirectory' };
  const device = `${status.devMajor}:${status.devMinor}`;
  const inode = `${status.inodeHigh}.${status.inodeLow}`;
  try {
    const identity = identityOf(device, files.handleOfPath(path));
    return { kind: 'directory', identity, device, hasHandle: true };
  } catch (error) {
    const code = codeOf(error);
    if (!isUnsupported(code)) return failedProbe(code);
    return { kind: 'directory', identity: `${device}|inode ${inode}`, device, hasHandle: false };
  }
}

/** realpath(3), which may lead to names that are no UTF-8. @throws Error with the errno's name as its `code` */
export async function resolvePath(path: string): Promise<string> {
  return decodePath(await realpath(encodePath(path), { encoding: 'buffer' }));
}

/** The identity of the inode that an event of the given device names. */
export function identityOf(device: string, handle: FileHandle): string {
  return `${device}|${handle.type}:${handle.bytes.toString('latin1')}`;
}

/** The device that an identity was made from. */
export function deviceOf(identity: string): string {
  return identity.slice(0, identity.indexOf('|'));
}

/** The handle that an identity was made from; undefined where the file system has none. */
export function handleOf(identity: string): FileHandle | undefined {
  const handle = HANDLE.exec(identity);
  if (handle === null) return undefined;
  return { type: Number(handle[1]), bytes: Buffer.from(handle[2] ?? '', 'latin1') };
}

/** The name was right a moment ago and leads nowhere, or somewhere else, now. */
export function isAbsence(code: string): boolean {
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ESTALE';
}

/** The file system cannot do it, for any of its directories (fanotify_mark(2), name_to_handle_at(2)). */
export function isUnsupported(code: string): boolean {
  return ['ENOTSUP', 'EOPNOTSUPP', 'ENODEV', 'EXDEV', 'ENOSYS'].includes(code);
}

/** The code of a failed system call. @throws whatever has none: a bug, not a failure. */
export function codeOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string') {
    return error.code;
  }
  throw error;
}

/** Of a failure whose code does not matter. @throws as {@link codeOf} */
export function expectErrno(error: unknown): void {
  codeOf(error);
}

function failedProbe(code: string): DirectoryProbe {
  return isAbsence(code) ? { kind: 'absent', code } : { kind: 'failed', code };
}
