import { stat } from 'node:fs/promises';
import type { ScanVerdict } from '@portcullis/shared';
import { encodePathMessage, encodePathWord } from '@portcullis/shared';
import { shownVerdict } from '../alerts.js';
import type { SlotWaiter } from '../job-gate.js';
import { replyText, replyToProblem, replyToVerdict, verdictFace } from '../reply-text.js';
import { reportScan } from '../report-scan.js';
import type { PathProblem, PathVisitor, WalkOutcome } from '../scan-side.js';
import type { CommandCall, PathCommand } from './command.js';

/** The four commands on paths. */
export type PathTask = 'SCAN' | 'CONTSCAN' | 'MULTISCAN' | 'ALLMATCHSCAN';

const SLASH = 0x2f;

/** SCAN: stops at the first detection. */
export const scan: PathCommand = (call, path) => startWalk(call, path, 'SCAN');
/** CONTSCAN: goes on behind a detection. */
export const contScan: PathCommand = (call, path) => startWalk(call, path, 'CONTSCAN');
/** MULTISCAN: as CONTSCAN, several files at a time. */
export const multiScan: PathCommand = (call, path) => {
  const walk = new PathScan(call, path, 'MULTISCAN');
  return dispatch(call, () => runMultiscan(call, path, walk));
};
/** ALLMATCHSCAN: every signature of the first infected file. */
export const allMatchScan: PathCommand = (call, path) => {
  if (call.services.commands.allMatchScan) return startWalk(call, path, 'ALLMATCHSCAN');
  call.client.reply(encodePathMessage(path, replyText.allMatchDisabled, call.frame));
  return 'answered';
};

function startWalk(call: CommandCall, argument: Buffer, task: PathTask): 'dispatched' {
  const walk = new PathScan(call, argument, task);
  return dispatch(call, () => walk.run());
}

/** @param run never rejects. */
function dispatch({ client, services }: CommandCall, run: () => Promise<void>): 'dispatched' {
  const runInTurn = async (): Promise<void> => {
    if (!(await services.walks.enter(client.signal))) return;
    await run();
    services.walks.leave();
  };
  client.began();
  void runInTurn().finally(() => {
    client.done();
  });
  return 'dispatched';
}

/**
 * A directory needs one of a few places, and so does what is not there; both are told before anything else is looked at,
 * ExcludePath included (observed with clamd 1.4.6). Never rejects.
 */
async function runMultiscan(call: CommandCall, argument: Buffer, walk: PathScan): Promise<void> {
  const { client, frame, services } = call;
  const needsPlace = await stat(argument).then(
    (stats) => stats.isDirectory(),
    () => true,
  );
  if (!needsPlace) return walk.run();
  if (!services.multiscans.acquire()) {
    client.reply(encodePathMessage(argument, replyText.notEnoughThreads, frame));
    return;
  }
  try {
    await walk.run();
  } finally {
    services.multiscans.release();
  }
}

/** One path command: the walk's answers become reply lines, its files become jobs (behaviour 1.10). */
class PathScan implements PathVisitor {
  readonly #call: CommandCall;
  readonly #argument: Buffer;
  readonly #task: PathTask;
  #errors = 0;
  #detections = 0;
  /** Files handed to the scanner and not yet reported. */
  #scanning = 0;
  #onReport: (() => void) | undefined;

  constructor(call: CommandCall, argument: Buffer, task: PathTask) {
    this.#call = call;
    this.#argument = argument;
    this.#task = task;
  }

  /** Never rejects. */
  async run(): Promise<void> {
    const { services, client, frame } = this.#call;
    let outcome: WalkOutcome;
    try {
      const options = { signal: client.signal, multiscan: this.#task === 'MULTISCAN' };
      outcome = await services.walkPaths(this.#argument, options, this);
    } catch (error) {
      services.log.fault(error, 'a path walk broke off');
      client.reply(encodePathMessage(this.#argument, replyText.unspecified, frame));
      return;
    } finally {
      while (this.#scanning > 0) await this.#report();
    }
    if (client.signal.aborted || this.#detections > 0 || this.#errors >= outcome.visitedObjects) return;
    client.reply(encodePathWord(withoutTrailingSlashes(this.#argument), 'OK', frame));
  }

  async file(path: Buffer): Promise<'continue' | 'stop'> {
    const { client, services } = this.#call;
    const parallelMax = this.#task === 'MULTISCAN' ? Math.max(1, services.limits.threadsMax) : 1;
    if (client.congested) await client.onceDrained();
    await this.#slot();
    if (client.signal.aborted) {
      services.gate.release();
      return 'stop';
    }
    this.#submit(path);
    while (this.#scanning >= parallelMax) await this.#report();
    return this.#next();
  }

  async problem(problem: PathProblem): Promise<'continue' | 'stop'> {
    const { client, frame, services } = this.#call;
    // A file of an unsupported type is told, but does not count as an error (behaviour 1.10).
    if (problem.kind === 'checkFailed' || problem.kind === 'accessDenied') this.#errors += 1;
    client.reply(replyToProblem(problem, frame));
    services.log.notScanned(problem);
    if (client.congested) await client.onceDrained();
    return this.#next();
  }

  #next(): 'continue' | 'stop' {
    if (this.#call.client.signal.aborted) return 'stop';
    const goesOn = this.#task === 'CONTSCAN' || this.#task === 'MULTISCAN';
    return this.#detections > 0 && !goesOn ? 'stop' : 'continue';
  }

  /** Waits until one more job may be pending in the daemon. */
  #slot(): Promise<void> {
    const { gate } = this.#call.services;
    return new Promise((resolve) => {
      const waiter: SlotWaiter = { onSlot: resolve };
      if (gate.acquire(waiter)) resolve();
      // A waiter whose client left is called in its turn like the others, and gives the slot back.
    });
  }

  #submit(path: Buffer): void {
    const { client, services, inSession } = this.#call;
    const multiscan = this.#task === 'MULTISCAN';
    const allMatch = this.#task === 'ALLMATCHSCAN';
    const startedAtMs = services.now();
    this.#scanning += 1;
    services.stats.counters.jobs += 1;
    services.scanner.submit({
      source: { kind: 'path', path },
      task: multiscan ? 'MULTISCANFILE' : this.#task,
      label: path.toString(),
      allMatch,
      priority: multiscan || inSession ? 'bulk' : 'single',
      signal: client.signal,
      onVerdict: (verdict) => {
        services.gate.release();
        const shown = shownVerdict(verdict, services.alerts);
        this.#answer(path, shown);
        const durationMs = services.now() - startedAtMs;
        reportScan(services, { name: path, verdict, shown, allMatch, durationMs });
        this.#scanning -= 1;
        this.#onReport?.();
      },
    });
  }

  #report(): Promise<void> {
    return new Promise((resolve) => {
      this.#onReport = () => {
        this.#onReport = undefined;
        resolve();
      };
    });
  }

  /** Clean files get no line of their own: the last line speaks for them. */
  #answer(path: Buffer, shown: ScanVerdict): void {
    const { client, frame } = this.#call;
    const face = verdictFace(shown);
    if (face === 'ok') return;
    if (face === 'found') this.#detections += 1;
    else this.#errors += 1;
    client.reply(replyToVerdict(path, shown, { frame, allMatch: this.#task === 'ALLMATCHSCAN' }));
  }
}

function withoutTrailingSlashes(argument: Buffer): Buffer {
  let end = argument.length;
  while (end > 1 && argument[end - 1] === SLASH) end -= 1;
  return argument.subarray(0, end);
}
