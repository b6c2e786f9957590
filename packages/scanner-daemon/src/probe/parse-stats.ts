/** One thread's work as STATS shows it. */
export interface StatsTask {
  readonly task: string;
  /** Since it began. */
  readonly seconds: number;
  /** A stranger's string: a path, `fd[12]`, `instream(local)`, or empty. */
  readonly name: string;
}

/** How long the jobs of one queue have waited. */
export interface StatsWait {
  readonly minSeconds: number;
  readonly maxSeconds: number;
  readonly avgSeconds: number;
}

/** What a STATS reply says of the primary pool. */
export interface DaemonStatus {
  readonly state: 'VALID' | 'INVALID' | 'EXIT' | '??';
  readonly threads: {
    readonly live: number;
    readonly idle: number;
    readonly max: number;
    readonly idleTimeoutSeconds: number;
  };
  readonly queuedItems: number;
  /** One for each queue that is not empty. */
  readonly waits: readonly StatsWait[];
  readonly tasks: readonly StatsTask[];
  /** Undefined when the daemon could not tell. */
  readonly databaseUsedBytes: number | undefined;
  readonly databaseTotalBytes: number | undefined;
}

export type StatsReading =
  | { readonly kind: 'stats'; readonly status: DaemonStatus }
  /** The first line that is not as it must be, from 1. */
  | { readonly kind: 'malformed'; readonly line: number };

const LINES_MAX = 20_000;
const MIB = 1024 ** 2;

const COUNT = '[0-9]{1,10}';
const SECONDS = '-?[0-9]{1,12}\\.[0-9]{6}';
const MEMORY = '(?:[0-9]{1,12}\\.[0-9]{3}M|N/A)';
const WAITS = ` min_wait: (${SECONDS}) max_wait: (${SECONDS}) avg_wait: (${SECONDS})`;
const ODDITIES = `(?: \\(INVALID timestamps: ${COUNT}\\))?(?: \\(ERROR: ${COUNT} != ${COUNT}\\))?`;

/** clamd has one; more than sixteen are none. */
const POOLS_LINE = /^POOLS: ([1-9]|1[0-6])$/;
const STATE_LINE = /^STATE: (VALID|INVALID|EXIT|\?\?) (PRIMARY)?$/;
const THREADS_LINE = new RegExp(
  `^THREADS: live (${COUNT})  idle (${COUNT}) max (${COUNT}) idle-timeout (${COUNT})$`,
);
const WAIT_BLOCK = new RegExp(`${WAITS}${ODDITIES}`, 'g');
const QUEUE_LINE = new RegExp(`^QUEUE: (${COUNT}) items((?:${WAITS}${ODDITIES}){0,2})$`);
const TASK_LINE = new RegExp(`^\\t([A-Z]{1,20}|N/A) (${SECONDS}) (.*)$`, 's');
const MEMORY_LINE = new RegExp(
  `^MEMSTATS: heap ${MEMORY} mmap ${MEMORY} used ${MEMORY} free ${MEMORY} releasable ${MEMORY} ` +
    `pools ${COUNT} pools_used (${MEMORY}) pools_total (${MEMORY})$`,
);
const MEMORY_FAILURE = 'ERROR: error encountered while formatting statistics';

/**
 * Reads a STATS reply to the letter (behaviour 1.12): a line that clamd would not print makes it malformed.
 *
 * @param text without its terminator, at most a few MiB: it is split into lines whole.
 */
export function parseStats(text: string): StatsReading {
  const lines = new StatsLines(text.split('\n', LINES_MAX + 1));
  const pools = Number(lines.match(POOLS_LINE)?.[1] ?? 0);
  if (pools === 0 || !lines.take('')) return lines.malformed();
  let primary: PoolStatus | undefined;
  for (let count = 0; count < pools; count += 1) {
    const pool = readPool(lines);
    if (pool === undefined) return lines.malformed();
    if (pool.isPrimary) primary = pool.status;
  }
  if (primary === undefined) return lines.malformed();
  const memory = lines.match(MEMORY_LINE);
  if (memory === undefined && !lines.take(MEMORY_FAILURE)) return lines.malformed();
  if (!lines.take('END') || !lines.atEnd) return lines.malformed();
  return {
    kind: 'stats',
    status: { ...primary, databaseUsedBytes: toBytes(memory?.[1]), databaseTotalBytes: toBytes(memory?.[2]) },
  };
}

type PoolStatus = Omit<DaemonStatus, 'databaseUsedBytes' | 'databaseTotalBytes'>;

function readPool(lines: StatsLines): { isPrimary: boolean; status: PoolStatus } | undefined {
  const state = lines.match(STATE_LINE);
  const threads = lines.match(THREADS_LINE);
  const queue = lines.match(QUEUE_LINE);
  if (state === undefined || threads === undefined || queue === undefined) return undefined;
  const tasks: StatsTask[] = [];
  for (let task = lines.match(TASK_LINE); task !== undefined; task = lines.match(TASK_LINE)) {
    tasks.push({ task: task[1] ?? '', seconds: Number(task[2]), name: task[3] ?? '' });
  }
  if (!lines.take('')) return undefined;
  const status: PoolStatus = {
    state: state[1] as DaemonStatus['state'], // The expression has these four.
    threads: {
      live: Number(threads[1]),
      idle: Number(threads[2]),
      max: Number(threads[3]),
      idleTimeoutSeconds: Number(threads[4]),
    },
    queuedItems: Number(queue[1]),
    waits: [...(queue[2] ?? '').matchAll(WAIT_BLOCK)].map(([, min, max, avg]) => ({
      minSeconds: Number(min),
      maxSeconds: Number(max),
      avgSeconds: Number(avg),
    })),
    tasks,
  };
  return { isPrimary: state[2] !== undefined, status };
}

function toBytes(mebibytes: string | undefined): number | undefined {
  return mebibytes?.endsWith('M') === true ? Math.round(Number(mebibytes.slice(0, -1)) * MIB) : undefined;
}

/** Walks the lines; one that does not match stays where it is. */
class StatsLines {
  readonly #lines: readonly string[];
  #at = 0;

  constructor(lines: readonly string[]) {
    this.#lines = lines;
  }

  get atEnd(): boolean {
    return this.#at === this.#lines.length;
  }

  match(expression: RegExp): RegExpExecArray | undefined {
    const line = this.#lines[this.#at];
    const matched = line === undefined ? null : expression.exec(line);
    if (matched === null) return undefined;
    this.#at += 1;
    return matched;
  }

  take(line: string): boolean {
    if (this.#lines[this.#at] !== line) return false;
    this.#at += 1;
    return true;
  }

  malformed(): StatsReading {
    return { kind: 'malformed', line: this.#at + 1 };
  }
}
