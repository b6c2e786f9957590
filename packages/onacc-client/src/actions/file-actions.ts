import { Worker } from 'node:worker_threads';
import { sanitize } from '@portcullis/shared';
import type { FileApi } from '@portcullis/shared/native';
import { ActionError } from './action-error.js';
import type { ActionAnswer, ActionCommand, ActionThreadStart } from './action-messages.js';
import type { ActionReport, ActionResult, FileAction, JudgedFile, SkipReason } from './judged-file.js';
import { failure } from './perform-action.js';
import type { RealAction } from './perform-action.js';

export interface FileActionLimits {
  /** Files that wait for their turn; of more, the newest are skipped. */
  readonly waitingMax: number;
  /** How long reading and copying one file may take. */
  readonly timeLimitMs: number;
  /** After that: how long a system call may still hang before the thread is left behind. */
  readonly hangGraceMs: number;
  /** Threads that are left behind, each hanging in a system call. With so many, nothing more is done. */
  readonly leftBehindMax: number;
  /** How long `stop` waits for the action in hand. */
  readonly stopMaxMs: number;
}

export const FILE_ACTION_LIMITS: FileActionLimits = {
  waitingMax: 64,
  timeLimitMs: 60_000,
  hangGraceMs: 5_000,
  leftBehindMax: 2,
  stopMaxMs: 2_000,
};

export interface FileActionsOptions {
  readonly action: FileAction;
  readonly native: { readonly files: Pick<FileApi, 'close'> };
  /** Told of each action but `alreadyDone`, also of those that end late. */
  readonly onReport: (report: ActionReport) => void;
  readonly limits?: Partial<FileActionLimits>;
}

interface Waiting {
  readonly judged: JudgedFile;
  readonly resolve: (result: ActionResult) => void;
}

/** One thread and the file that it has in hand. */
interface Hand {
  readonly thread: Worker;
  current: (Waiting & { timer: NodeJS.Timeout; isGivenUp: boolean }) | undefined;
  readonly ended: Promise<void>;
}

/**
 * Does with infected files what `--remove`, `--move` or `--copy` says, after their openers were answered: one at a time,
 * on a thread of its own. A filesystem that hangs costs that thread, and nothing else.
 */
export class FileActions {
  readonly #action: RealAction | undefined;
  readonly #options: FileActionsOptions;
  readonly #limits: FileActionLimits;
  readonly #waiting: Waiting[] = [];
  readonly #leftBehind = new Set<Hand>();
  readonly #stopMemory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  #hand: Hand | undefined;
  #isStopping = false;

  constructor(options: FileActionsOptions) {
    this.#options = options;
    this.#limits = { ...FILE_ACTION_LIMITS, ...options.limits };
    if (options.action.kind === 'none') return;
    this.#action = options.action;
    // Now, before anything is marked: its modules are loaded without asking anybody.
    this.#hand = this.#startThread(options.action);
  }

  /** Files that wait for their turn. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /**
   * Never throws and never rejects.
   *
   * @param judged - its descriptor is taken
   */
  act(judged: JudgedFile): Promise<ActionResult> {
    const refusal = this.#whyNot(judged);
    if (refusal !== undefined) {
      this.#close(judged);
      const result = this.#skipped(judged, refusal);
      this.#report(judged, result, false);
      return Promise.resolve(result);
    }
    return new Promise((resolve) => {
      this.#waiting.push({ judged, resolve });
      this.#next();
    });
  }

  /** Skips what waits, ends the reading or copying of the file in hand, and waits for the rest of it at most `stopMaxMs`. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#skipAll('stopping');
    Atomics.store(new Int32Array(this.#stopMemory), 0, 1);
    const hands = [...(this.#hand === undefined ? [] : [this.#hand]), ...this.#leftBehind];
    for (const { thread } of hands) command(thread, { kind: 'end' });
    await within(this.#limits.stopMaxMs, Promise.all(hands.map(({ ended }) => ended)));
    // Without effect on one that hangs: it ends with its system call, or with the process.
    for (const { thread } of hands) void thread.terminate();
  }

  #whyNot(judged: JudgedFile): SkipReason | undefined {
    if (judged.fd < 0 || this.#action === undefined) return 'noDescriptor';
    if (this.#isStopping) return 'stopping';
    if (this.#leftBehind.size >= this.#limits.leftBehindMax) return 'stuck';
    return this.#waiting.length >= this.#limits.waitingMax ? 'queueFull' : undefined;
  }

  #next(): void {
    const action = this.#action;
    if (action === undefined || this.#hand?.current !== undefined) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    const hand = (this.#hand ??= this.#startThread(action));
    const { timeLimitMs, hangGraceMs } = this.#limits;
    const timer = setTimeout(() => {
      this.#giveUp(hand, action);
    }, timeLimitMs + hangGraceMs);
    hand.current = { ...next, timer, isGivenUp: false };
    command(hand.thread, { kind: 'act', judged: next.judged });
  }

  #startThread(action: RealAction): Hand {
    const { timeLimitMs } = this.#limits;
    const start: ActionThreadStart = { action, timeLimitMs, stopMemory: this.#stopMemory };
    const thread = new Worker(new URL('./action-thread.js', import.meta.url), {
      workerData: start,
      name: 'actions',
      trackUnmanagedFds: false,
    });
    const ended = new Promise<void>((resolve) => {
      thread.on('exit', () => {
        resolve();
      });
    });
    const hand: Hand = { thread, current: undefined, ended };
    thread.on('message', (answer: ActionAnswer) => {
      this.#finish(hand, answer.result);
    });
    thread.on('error', (cause) => {
      this.#lose(hand, action, cause);
    });
    thread.on('exit', (code) => {
      this.#lose(hand, action, new Error(`the action thread ended with code ${code}`));
    });
    return hand;
  }

  #finish(hand: Hand, result: ActionResult): void {
    const { current } = hand;
    if (current === undefined) return;
    hand.current = undefined;
    clearTimeout(current.timer);
    this.#close(current.judged);
    this.#report(current.judged, result, current.isGivenUp);
    current.resolve(result);
    this.#next();
  }

  /** The thread hangs in the kernel. It is left to itself, with the descriptor, and ends when the kernel lets it. */
  #giveUp(hand: Hand, action: RealAction): void {
    const { current } = hand;
    if (current === undefined) return;
    current.isGivenUp = true;
    this.#leftBehind.add(hand);
    if (this.#hand === hand) this.#hand = undefined;
    command(hand.thread, { kind: 'end' });
    const error = new ActionError('TIME_LIMIT', 'its filesystem does not answer; the action may end later');
    const result = failure(action, current.judged, error);
    this.#report(current.judged, result, false);
    current.resolve(result);
    if (this.#leftBehind.size < this.#limits.leftBehindMax) this.#next();
    else this.#skipAll('stuck');
  }

  /** A thread is gone. What it had in hand has failed. */
  #lose(hand: Hand, action: RealAction, cause: unknown): void {
    this.#leftBehind.delete(hand);
    if (this.#hand === hand) this.#hand = undefined;
    const { current } = hand;
    if (current === undefined) return;
    const error = new ActionError('CRASHED', 'the action failed within itself', { cause });
    this.#finish(hand, failure(action, current.judged, error));
  }

  #skipAll(reason: SkipReason): void {
    for (const { judged, resolve } of this.#waiting.splice(0)) {
      this.#close(judged);
      const result = this.#skipped(judged, reason);
      this.#report(judged, result, false);
      resolve(result);
    }
  }

  #skipped({ path }: JudgedFile, reason: SkipReason): ActionResult {
    const verb = this.#action?.kind ?? 'touch';
    return { kind: 'skipped', text: `Can't ${verb} file '${sanitize(path)}': ${SKIPPED[reason]}`, reason };
  }

  #report({ path, signatureName }: JudgedFile, result: ActionResult, isLate: boolean): void {
    if (this.#action === undefined || result.kind === 'alreadyDone') return;
    this.#options.onReport({ action: this.#action.kind, path, signatureName, result, isLate });
  }

  #close({ fd }: JudgedFile): void {
    if (fd < 0) return;
    this.#options.native.files.close(fd);
  }
}

const SKIPPED: Readonly<Record<SkipReason, string>> = {
  queueFull: 'too many infected files wait for the same',
  stuck: 'earlier actions hang in their filesystems',
  stopping: 'the client is being stopped',
  noDescriptor: 'its descriptor could not be kept',
};

function command(thread: Worker, message: ActionCommand): void {
  thread.postMessage(message);
}

async function within(maxMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, maxMs);
  });
  await Promise.race([work, timeUp]);
  clearTimeout(timer);
}
