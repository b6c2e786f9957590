import { lstatSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const PREFIX = 'portcullis-test-';
const NAME = /^portcullis-test-[a-z0-9-]*[A-Za-z0-9]{6}$/;

/** A directory of one test, gone after `remove()`. */
export interface TempDir {
  /** Absolute and free of symbolic links, so that it can be marked and compared. */
  readonly path: string;
  remove(): void;
}

/**
 * Makes an empty directory below os.tmpdir().
 *
 * @param purpose - goes into its name: lower-case letters, digits and dashes; keep it short where sockets are bound
 */
export function makeTempDir(purpose = ''): TempDir {
  if (!/^[a-z0-9-]*$/.test(purpose)) throw new Error(`not a purpose for a name: ${purpose}`);
  const path = mkdtempSync(join(realpathSync(tmpdir()), PREFIX + purpose));
  return {
    path,
    remove: () => {
      removeTempDir(path);
    },
  };
}

/**
 * Whether `path` is spelt exactly as {@link makeTempDir} spells one. No trailing slash: with one, a symbolic link
 * would be followed.
 */
export function isTempDirPath(path: string): boolean {
  const name = basename(path);
  return NAME.test(name) && path === join(realpathSync(tmpdir()), name);
}

/** Deletes a directory of {@link makeTempDir}, and refuses all else: a recursive delete trusts no variable. */
function removeTempDir(path: string): void {
  if (!isTempDirPath(path)) throw new Error(`not a temporary directory of a test, left alone: ${path}`);
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return;
  if (!status.isDirectory()) throw new Error(`not a directory, left alone: ${path}`);
  rmSync(path, { recursive: true });
}
