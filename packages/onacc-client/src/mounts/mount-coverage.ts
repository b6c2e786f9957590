import type { RootCoverage, WatchCoverage } from '../watch/watch-coverage.js';
import { weakensProtection } from '../watch/watch-issue.js';
import type { WatchIssue, WatchIssueKind } from '../watch/watch-issue.js';
import type { MountStrategy } from './mount-marks.js';
import type { Mount } from './mount-table.js';

/** Issues listed at most; further ones are counted. A host of containers has thousands of mounts. */
const ISSUES_MAX = 1_000;

/** One mount or filesystem that is marked. */
export interface CoveredMount {
  readonly as: MountStrategy;
  readonly mountPoint: string;
  readonly type: string;
  /** `major:minor`. */
  readonly device: string;
}

/** What is watched by mount or filesystem marks. `directories` is 0 everywhere: nobody has counted them. */
export interface MountCoverage extends WatchCoverage {
  readonly strategy: MountStrategy;
  readonly mounts: readonly CoveredMount[];
}

/** The issues of one look at the mounts, in place of those of the look before. */
export class IssueRound {
  readonly #byRoot = new Map<string, WatchIssue[]>();
  readonly #keys = new Set<string>();
  #unlisted = 0;

  get unlisted(): number {
    return this.#unlisted;
  }

  /** @param root - the configured path that the issue weakens, or would */
  add(root: string, what: WatchIssueKind, about: Pick<WatchIssue, 'path' | 'code' | 'advice'>): void {
    const issue: WatchIssue = { ...about, what, count: 1 };
    const key = keyOf(root, issue);
    if (this.#keys.has(key)) return;
    if (this.#keys.size >= ISSUES_MAX) {
      this.#unlisted += 1;
      return;
    }
    this.#keys.add(key);
    const ofRoot = this.#byRoot.get(root);
    if (ofRoot === undefined) this.#byRoot.set(root, [issue]);
    else ofRoot.push(issue);
  }

  of(root: string): readonly WatchIssue[] {
    return this.#byRoot.get(root) ?? [];
  }

  /** Those that the other round does not have. */
  *notIn(other: IssueRound): Iterable<WatchIssue> {
    for (const [root, issues] of this.#byRoot) {
      for (const issue of issues) if (!other.#keys.has(keyOf(root, issue))) yield issue;
    }
  }
}

/** Whether a configured path is protected, given what was found at it. */
export function rootCoverage(path: string, isThere: boolean, issues: readonly WatchIssue[]): RootCoverage {
  if (!isThere) return { path, state: 'missing', directories: 0, issues };
  return { path, state: issues.some(weakensProtection) ? 'partial' : 'protected', directories: 0, issues };
}

/** Each mark once, though several paths may lie on it. */
export function coveredMounts(marked: Iterable<{ mount: Mount; as: MountStrategy }>): CoveredMount[] {
  const byKey = new Map<string, CoveredMount>();
  for (const { mount, as } of marked) {
    const { mountPoint, type, device } = mount;
    const key = as === 'mount' ? `mount ${mount.id}` : `filesystem ${device}`;
    if (!byKey.has(key)) byKey.set(key, { as, mountPoint, type, device });
  }
  return [...byKey.values()];
}

function keyOf(root: string, issue: WatchIssue): string {
  return [root, issue.path, issue.what, issue.code].join('\0');
}
