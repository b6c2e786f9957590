import type { Poller, PollHandle } from '@portcullis/shared/native';

/** Which groups a gate reads. `harmless`: only those whose reading never blocks. */
export type GroupChoice = 'none' | 'harmless' | 'all';

interface PolledGroup {
  readonly poll: PollHandle;
  /** The kernel refuses the opener of what would block the reader. */
  readonly nonBlocking: boolean;
}

const READABLE = { readable: true, writable: false };
const NOTHING = { readable: false, writable: false };

/** The fanotify groups of one gate: all are watched, and those are heeded that it reads at the moment. */
export class GroupPolls {
  readonly #poller: Poller;
  readonly #onReadable: (group: number) => void;
  readonly #groups = new Map<number, PolledGroup>();
  #choice: GroupChoice = 'none';

  constructor(poller: Poller, onReadable: (group: number) => void) {
    this.#poller = poller;
    this.#onReadable = onReadable;
  }

  /** Whether there is a group whose reading never blocks. */
  get hasHarmless(): boolean {
    for (const { nonBlocking } of this.#groups.values()) if (nonBlocking) return true;
    return false;
  }

  /** Borrows the group until it is released. */
  add(group: number, nonBlocking: boolean): void {
    const poll = this.#poller.watch(group, READABLE, () => {
      this.#onReadable(group);
    });
    this.#groups.set(group, { poll, nonBlocking });
    if (!this.reads(group)) poll.want(NOTHING);
  }

  release(group: number): void {
    this.#groups.get(group)?.poll.close();
    this.#groups.delete(group);
  }

  choose(choice: GroupChoice): void {
    if (choice === this.#choice) return;
    this.#choice = choice;
    for (const [group, { poll }] of this.#groups) poll.want(this.reads(group) ? READABLE : NOTHING);
  }

  /** Whether this group is among the chosen ones: a call that was under way comes also for one that is not any more. */
  reads(group: number): boolean {
    if (this.#choice === 'all') return true;
    return this.#choice === 'harmless' && this.#groups.get(group)?.nonBlocking === true;
  }

  close(): void {
    for (const { poll } of this.#groups.values()) poll.close();
    this.#groups.clear();
  }
}
