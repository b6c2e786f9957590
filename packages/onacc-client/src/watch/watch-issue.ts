import { isBelow } from './mark-plan.js';

/**
 * What keeps a directory from being watched in full:
 * `notMarked` opens in it are not seen; `notFollowed` new directories in it are not seen; `notRead` what lies below it
 * is not known; `vanished` it was gone before it could be marked; `rootMissing` there is no such directory;
 * `otherDevice` another file system is mounted there (trees are walked without crossing devices, behaviour 4.7);
 * `nameNotUtf8` its name is not UTF-8; `directoryLimit` the bound on watched directories; `eventsLost` changes were
 * missed and the tree is walked again.
 */
export type WatchIssueKind =
  | 'notMarked'
  | 'notFollowed'
  | 'notRead'
  | 'vanished'
  | 'rootMissing'
  | 'otherDevice'
  | 'nameNotUtf8'
  | 'directoryLimit'
  | 'eventsLost';

export interface WatchIssue {
  readonly path: string;
  /** errno's name, or a word of ours where no system call failed. */
  readonly code: string;
  readonly what: WatchIssueKind;
  /** How often it happened. */
  readonly count: number;
}

/** Kinds that leave something unprotected or unfollowed; the others are told but change no state. */
const WEAKENING: ReadonlySet<WatchIssueKind> = new Set([
  'notMarked',
  'notFollowed',
  'notRead',
  'rootMissing',
  'nameNotUtf8',
  'directoryLimit',
]);

export function weakensProtection(issue: WatchIssue): boolean {
  return WEAKENING.has(issue.what);
}

/** The issues that hold now, by path. Bounded: past the bound they are only counted. */
export class WatchIssueLog {
  readonly #byPath = new Map<string, Map<WatchIssueKind, WatchIssue>>();
  readonly #onIssue: (issue: WatchIssue) => void;
  readonly #listedMax: number;
  #listed = 0;
  #unlisted = 0;

  /** @param onIssue - told of an issue when it is first listed, not of its repetitions. */
  constructor(onIssue: (issue: WatchIssue) => void, listedMax: number) {
    this.#onIssue = onIssue;
    this.#listedMax = listedMax;
  }

  /** How many found no place in the list. Never goes down before {@link forgetAll}. */
  get unlisted(): number {
    return this.#unlisted;
  }

  add(path: string, what: WatchIssueKind, code: string): void {
    const ofPath = this.#byPath.get(path);
    const known = ofPath?.get(what);
    if (ofPath !== undefined && known !== undefined) {
      ofPath.set(what, { path, code, what, count: known.count + 1 });
      return;
    }
    if (this.#listed >= this.#listedMax) {
      this.#unlisted += 1;
      return;
    }
    const issue = { path, code, what, count: 1 };
    if (ofPath === undefined) this.#byPath.set(path, new Map([[what, issue]]));
    else ofPath.set(what, issue);
    this.#listed += 1;
    this.#onIssue(issue);
  }

  /** Drops what is known of the path, because it is about to be looked at again. */
  forget(path: string): void {
    const ofPath = this.#byPath.get(path);
    if (ofPath === undefined) return;
    this.#listed -= ofPath.size;
    this.#byPath.delete(path);
  }

  /** Drops what is known of everything below the path. */
  forgetBelow(path: string): void {
    for (const listed of this.#byPath.keys()) {
      if (isBelow(listed, path)) this.forget(listed);
    }
  }

  forgetAll(): void {
    this.#byPath.clear();
    this.#listed = 0;
    this.#unlisted = 0;
  }

  /** The issues at the path and below it. */
  at(root: string): WatchIssue[] {
    const found: WatchIssue[] = [];
    for (const [path, ofPath] of this.#byPath) {
      if (path === root || isBelow(path, root)) found.push(...ofPath.values());
    }
    return found;
  }
}
