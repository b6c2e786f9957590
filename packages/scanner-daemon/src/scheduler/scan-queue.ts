/** Workers take this many single jobs for each bulk job (behaviour 1.9). */
const SINGLES_PER_BULK = 4;

export type JobPriority = 'single' | 'bulk';

/**
 * The bounded queue in front of the workers. The server's job gate keeps clients waiting before it is full, so a
 * refusal here is the last line.
 */
export class ScanQueue<Item> {
  readonly #limit: number;
  readonly #queues: Readonly<Record<JobPriority, Set<Item>>> = { single: new Set(), bulk: new Set() };
  #singlesSinceBulk = 0;

  /** @param limit the most items that wait here, at least 1. */
  constructor(limit: number) {
    this.#limit = Math.max(1, limit);
  }

  get length(): number {
    return this.#queues.single.size + this.#queues.bulk.size;
  }

  /** Those that wait, in no promised order. */
  *items(priority: JobPriority): Generator<Item> {
    yield* this.#queues[priority];
  }

  /** @returns false when there is no room; the item was not taken. */
  push(item: Item, priority: JobPriority): boolean {
    if (this.length >= this.#limit) return false;
    this.#queues[priority].add(item);
    return true;
  }

  /** The next item in turn, without taking it. */
  peek(): Item | undefined {
    return first(this.#queues[this.#nextPriority()]);
  }

  take(): Item | undefined {
    const priority = this.#nextPriority();
    const item = first(this.#queues[priority]);
    if (item === undefined) return undefined;
    this.#queues[priority].delete(item);
    this.#singlesSinceBulk = priority === 'bulk' ? 0 : Math.min(this.#singlesSinceBulk + 1, SINGLES_PER_BULK);
    return item;
  }

  /** @returns whether it was waiting here. */
  remove(item: Item): boolean {
    return this.#queues.single.delete(item) || this.#queues.bulk.delete(item);
  }

  #nextPriority(): JobPriority {
    if (this.#queues.bulk.size === 0) return 'single';
    if (this.#queues.single.size === 0) return 'bulk';
    return this.#singlesSinceBulk >= SINGLES_PER_BULK ? 'bulk' : 'single';
  }
}

function first<Item>(items: Set<Item>): Item | undefined {
  for (const item of items) return item;
  return undefined;
}

export interface QueueLimitFacts {
  /** MaxQueue as configured. */
  readonly maxQueue: number;
  readonly maxThreads: number;
  readonly maxRecursion: number;
  /** The soft RLIMIT_NOFILE. */
  readonly openFilesMax: number;
}

/** MaxQueue after clamd's adjustment (behaviour 1.9), with clamd's warning where it has one. */
export function adjustQueueLimit(facts: QueueLimitFacts): { limit: number; warning?: string } {
  const { maxThreads, maxRecursion, openFilesMax } = facts;
  const floor = 2 * maxThreads;
  const ceiling = Math.max(floor, openFilesMax - maxRecursion * maxThreads - 6 + maxThreads);
  if (facts.maxQueue < floor) {
    return { limit: floor, warning: `MaxQueue is lower than twice MaxThreads, increasing to: ${floor}` };
  }
  if (facts.maxQueue > ceiling) {
    return { limit: ceiling, warning: `MaxQueue value too high, lowering to: ${ceiling}` };
  }
  return { limit: facts.maxQueue };
}
