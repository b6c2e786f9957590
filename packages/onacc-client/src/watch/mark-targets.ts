import { setImmediate as nextTurn } from 'node:timers/promises';
import { constants } from '@portcullis/shared/native';
import type { FanotifyApi } from '@portcullis/shared/native';
import { codeOf } from './probe-directory.js';

const { FAN_MARK_ADD, FAN_MARK_REMOVE, FAN_MARK_ONLYDIR, FAN_MARK_DONT_FOLLOW, FAN_EVENT_ON_CHILD } =
  constants;
const ADD_DIRECTORY = FAN_MARK_ADD | FAN_MARK_ONLYDIR | FAN_MARK_DONT_FOLLOW;
/** How many marks in a row before the event loop gets a turn; about a millisecond. */
const MARKS_PER_TURN = 256;

/** A group whose marks are to cover every known directory. */
export interface MarkTarget {
  /** The group's fd, borrowed: it must stay open until the target is removed. */
  readonly group: number;
  /** What to be told of the files in a directory, for instance FAN_OPEN_PERM. FAN_EVENT_ON_CHILD is added. */
  readonly mask: number;
}

/** One pass over many directories: how many were marked, which were not, and why the last of those was not. */
export interface MarkedNodes<Node> {
  readonly marked: number;
  readonly missed: readonly Node[];
  readonly code: string;
}

/** The groups that are kept in step: one, or two while a new signature database takes over. */
export class MarkTargets {
  readonly #fanotify: Pick<FanotifyApi, 'markPath' | 'markFd'>;
  #targets: readonly MarkTarget[];

  constructor(fanotify: Pick<FanotifyApi, 'markPath' | 'markFd'>, targets: readonly MarkTarget[]) {
    this.#fanotify = fanotify;
    this.#targets = targets;
  }

  /** @throws Error when the group is one already: a bug. */
  add(target: MarkTarget): void {
    if (this.#targets.some((known) => known.group === target.group)) {
      throw new Error(`group ${target.group} is a mark target already`);
    }
    this.#targets = [...this.#targets, target];
  }

  remove(group: number): void {
    this.#targets = this.#targets.filter((target) => target.group !== group);
  }

  /** Marks the directory in every group, also when one refuses. @returns the code of the last refusal. */
  mark(path: string): string | undefined {
    let refusal: string | undefined;
    for (const target of this.#targets) refusal = this.markIn(target, path) ?? refusal;
    return refusal;
  }

  /** Marks the directory in one group. @returns the code of its refusal. */
  markIn(target: MarkTarget, path: string): string | undefined {
    try {
      this.#fanotify.markPath(target.group, ADD_DIRECTORY, target.mask | FAN_EVENT_ON_CHILD, path);
      return undefined;
    } catch (error) {
      return codeOf(error);
    }
  }

  /** Takes the mark of an open directory from every group. Borrows the fd. @returns the code of the last refusal. */
  unmark(fd: number): string | undefined {
    let refusal: string | undefined;
    for (const { group, mask } of this.#targets) {
      try {
        this.#fanotify.markFd(group, FAN_MARK_REMOVE, mask | FAN_EVENT_ON_CHILD, fd);
      } catch (error) {
        const code = codeOf(error);
        // There was none: the group came later than the directory went.
        if (code !== 'ENOENT') refusal = code;
      }
    }
    return refusal;
  }

  /**
   * Marks many directories in one group, with turns for the event loop in between.
   *
   * @param pathOf - asked right before each mark; undefined leaves the node out
   */
  async markAllIn<Node>(
    target: MarkTarget,
    nodes: Iterable<Node>,
    pathOf: (node: Node) => string | undefined,
  ): Promise<MarkedNodes<Node>> {
    const missed: Node[] = [];
    let marked = 0;
    let code = '';
    for (const node of nodes) {
      const path = pathOf(node);
      if (path === undefined) continue;
      const refusal = this.markIn(target, path);
      if (refusal === undefined) marked += 1;
      else missed.push(node);
      code = refusal ?? code;
      if ((marked + missed.length) % MARKS_PER_TURN !== 0) continue;
      await nextTurn();
      // Taken back meanwhile: its number may be another file's before long.
      if (!this.#targets.includes(target)) break;
    }
    return { marked, missed, code };
  }
}
