import { fstatSync, realpathSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { assertNever, sanitize } from '@portcullis/shared';
import { decodePath } from '@portcullis/shared/native';
import { ActionError, codeOf, reasonOf } from './action-error.js';
import { removeChecked } from './checked-removal.js';
import type { Deadline } from './copy-content.js';
import { placeOf } from './entry.js';
import type { ActionResult, FileAction, JudgedFile } from './judged-file.js';
import { copyIntoQuarantine, moveIntoQuarantine } from './into-quarantine.js';
import type { ActionFiles } from './reserve-record.js';

/** An action that does something. */
export type RealAction = Exclude<FileAction, { kind: 'none' }>;

/** Versions of files that were acted upon; of more, the oldest are forgotten. */
const REMEMBERED_MAX = 1_024;
const S_IFMT = 0o170000n;
const S_IFREG = 0o100000n;

/**
 * Does the action with infected files, one after the other. Knows the files that it has dealt with: of ten processes that
 * open one file at once each brings it here. Blocks: it has a thread of its own.
 */
export class ActionPerformer {
  readonly #action: RealAction;
  readonly #files: ActionFiles;
  /** In order of age. */
  readonly #dealtWith = new Set<string>();

  constructor(action: RealAction, files: ActionFiles) {
    this.#action = action;
    this.#files = files;
  }

  /** @param judged - its descriptor is borrowed. */
  perform(judged: JudgedFile, deadline: Deadline): ActionResult {
    let before: Keys | undefined;
    try {
      const status = fstatSync(judged.fd, { bigint: true });
      before = keysOf(status);
      if ((status.mode & S_IFMT) !== S_IFREG) throw new ActionError('NOT_REGULAR', 'it is no regular file');
      if (this.#isDealtWith(judged.fd, before)) return { kind: 'alreadyDone' };
      const result = this.#act(judged, deadline);
      for (const key of [before.inode, before.version]) this.#remember(key);
      return result;
    } catch (error) {
      // Another open of the same file has led to its removal or its move.
      const isKnown = before !== undefined && this.#dealtWith.has(before.inode);
      const code = codeOf(error);
      if (code === 'GONE' || (code === 'NAME_GONE' && isKnown)) return { kind: 'alreadyDone' };
      return failure(this.#action, judged, error);
    }
  }

  #act(judged: JudgedFile, deadline: Deadline): ActionResult {
    const action = this.#action;
    const context = { judged, files: this.#files, deadline };
    const whence = nameBoth(judged);
    switch (action.kind) {
      case 'remove': {
        const links = fstatSync(judged.fd).nlink;
        removeChecked(judged, this.#files);
        return {
          kind: 'done',
          text: `${whence}: Removed.`,
          file: undefined,
          sha256: '',
          otherNames: links - 1,
        };
      }
      case 'move':
      case 'copy': {
        const { directory, kind } = action;
        const into = kind === 'move' ? moveIntoQuarantine : copyIntoQuarantine;
        const { file, sha256, otherNames } = into(directory, context);
        const verb = kind === 'move' ? 'moved' : 'copied';
        const text = `${whence}: ${verb} to '${sanitize(`${directory}/${file}`)}'`;
        return { kind: 'done', text, file, sha256, otherNames };
      }
      default:
        return assertNever(action);
    }
  }

  /** What lies in the quarantine is not acted upon, nor is a version that was copied. */
  #isDealtWith(fd: number, { version }: Keys): boolean {
    const action = this.#action;
    if (action.kind === 'remove') return false;
    if (action.kind === 'copy' && this.#dealtWith.has(version)) return true;
    const place = placeOf(fd);
    return place.subarray(0, place.lastIndexOf(0x2f)).equals(whereIs(action.directory));
  }

  #remember(key: string): void {
    this.#dealtWith.add(key);
    for (const oldest of this.#dealtWith) {
      if (this.#dealtWith.size <= REMEMBERED_MAX) return;
      this.#dealtWith.delete(oldest);
    }
  }
}

function whereIs(directory: string): Buffer {
  try {
    return realpathSync(directory, { encoding: 'buffer' });
  } catch {
    return Buffer.from(directory); // not there: told when it is to be used
  }
}

interface Keys {
  readonly inode: string;
  readonly version: string;
}

/** Without the time of the last change of the inode: a rename is one. */
function keysOf({ dev, ino, size, mtimeNs, birthtimeNs }: BigIntStats): Keys {
  const inode = [dev, ino, birthtimeNs].join(':');
  return { inode, version: [inode, size, mtimeNs].join(':') };
}

/** Its path when it was judged and, where that differs, the one it has now (behaviour 4.8). */
function nameBoth({ fd, path }: JudgedFile): string {
  const now = decodePath(placeOf(fd));
  return path === now ? sanitize(path) : `${sanitize(path)} (real path: '${sanitize(now)}')`;
}

/** What is told when an action was not done, in clamonacc's words (behaviour 4.8). */
export function failure(action: RealAction, judged: Pick<JudgedFile, 'path'>, error: unknown): ActionResult {
  const path = sanitize(judged.path);
  const code = codeOf(error);
  const toWhere = action.kind === 'move' ? ` to '${sanitize(action.directory)}'` : '';
  const isUnavailable = code === 'QUARANTINE_UNAVAILABLE';
  const where = action.kind === 'remove' ? '' : sanitize(action.directory);
  const text = isUnavailable
    ? `Can't ${action.kind} file '${path}': quarantine destination '${where}' is unavailable`
    : `Can't ${action.kind} file '${path}'${toWhere}`;
  return { kind: 'failed', text, code, reason: sanitize(reasonOf(error)) };
}
