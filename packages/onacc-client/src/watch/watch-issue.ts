import { isBelow } from './mark-plan.js';

/**
 * What keeps a directory from being watched in full:
 * `notMarked` opens in it are not seen; `notFollowed` new directories in it are not seen; `notRead` what lies below it
 * is not known; `vanished` it was gone before it could be marked; `rootMissing` there is no such directory; `rootRefused` the
 * path is a symbolic link to `/` (code ROOT) or to something that is excluded (code EXCLUDED);
 * `otherDevice` another file system is mounted there (trees are walked without crossing devices, behaviour 4.7);
 * `directoryLimit` the bound on watched directories; `eventsLost` changes were
 * missed and the tree is walked again.
 */
export type WatchIssueKind =
  | 'notMarked'
  | 'notFollowed'
  | 'notRead'
  | 'vanished'
  | 'rootMissing'
  | 'rootRefused'
  | 'otherDevice'
  | 'directoryLimit'
  | 'eventsLost';

export interface WatchIssue {
  readonly path: string;
  /** errno's name, or a word of ours where no system call failed. */
  readonly code: string;
  readonly what: WatchIssueKind;
  /** How often it happened. */
  readonly count: number;
  /** What whoever runs the host can do about it. */
  readonly advice?: string;
}

/** What to do about a code, where there is something to do. */
function adviceOn(what: WatchIssueKind, code: string): string | undefined {
  if (what === 'notFollowed') return FOLLOWING_ADVICE.get(code);
  if (what === 'rootMissing' && code === 'ENOTDIR') return 'it is no directory: name the one that holds it';
  return what === 'directoryLimit' ? 'exclude directories with OnAccessExcludePath' : undefined;
}

const FOLLOWING_ADVICE: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', 'raise the sysctl fs.inotify.max_user_watches'],
  ['EMFILE', 'raise the sysctls fs.inotify.max_user_instances and fs.fanotify.max_user_groups'],
]);

/** Kinds that leave something unprotected or unfollowed; the others are told but change no state. */
const WEAKENING: ReadonlySet<WatchIssueKind> = new Set([
  'notMarked',
  'notFollowed',
  'notRead',
  'rootMissing',
  'rootRefused',
  'directoryLimit',
]);

export function weakensProtection(issue: WatchIssue): boolean {
  return WEAKENING.has(issue.what);
}

/** The issues that hold now, by path. Bounded: past the bound they are only counted. */
export class WatchIssueLog {
  #byPath = new Map<string, Map<WatchIssueKind, WatchIssue>>();
  /** What was listed when everything began to be looked at again. */
  #before: ReadonlyMap<string, ReadonlyMap<WatchIssueKind, WatchIssue>> = new Map();
  readonly #onIssue: (issue: WatchIssue) => void;
  readonly #listedMax: number;
  #listed = 0;
  #unlisted = 0;

  /** @param onIssue - told of an issue when it is first listed, not of its repetitions. */
  constructor(onIssue: (issue: WatchIssue) => void, listedMax: number) {
    this.#onIssue = onIssue;
    this.#listedMax = listedMax;
  }

  /** How many found no place in the list. Never goes down before {@link beginAnew}. */
  get unlisted(): number {
    return this.#unlisted;
  }

  add(path: string, what: WatchIssueKind, code: string): void {
    const ofPath = this.#byPath.get(path);
    const known = ofPath?.get(what);
    if (ofPath !== undefined && known !== undefined) {
      ofPath.set(what, { ...known, code, count: known.count + 1 });
      return;
    }
    if (this.#listed >= this.#listedMax) {
      this.#unlisted += 1;
      return;
    }
    const advice = adviceOn(what, code);
    const issue = { path, code, what, count: 1, ...(advice !== undefined && { advice }) };
    if (ofPath === undefined) this.#byPath.set(path, new Map([[what, issue]]));
    else ofPath.set(what, issue);
    this.#listed += 1;
    if (this.#before.get(path)?.get(what)?.code !== code) this.#onIssue(issue);
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

  /** Drops everything, because everything is about to be looked at again. What is then found again is not told again. */
  beginAnew(): void {
    this.#before = this.#byPath;
    this.#byPath = new Map();
    this.#listed = 0;
    this.#unlisted = 0;
  }

  /** Everything was looked at. */
  endAnew(): void {
    this.#before = new Map();
  }

  /** Whether a further try may help: a system call failed somewhere. */
  get isWorthRetrying(): boolean {
    for (const ofPath of this.#byPath.values()) {
      if (ofPath.has('notMarked') || ofPath.has('notFollowed') || ofPath.has('notRead')) return true;
    }
    return false;
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
