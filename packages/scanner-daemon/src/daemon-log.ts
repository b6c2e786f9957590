import type { Logger } from '@portcullis/shared';
import { sanitize } from '@portcullis/shared';
import { FAILURE_ACTIONS, type FailureReason } from './failure-actions.js';
import type { ClamdLog, ClamdLogSeverity } from './logging/clamd-log.js';
import { isOutOfMemory } from './out-of-memory.js';

/** What the daemon says about itself: a JSON line always, clamd's line too where LogFile is set. */
export interface DaemonLog {
  readonly logger: Logger;
  readonly clamdLog: ClamdLog | undefined;
  /** @param text clamd's own wording where it has one (behaviour 2.2, 2.6, 2.7), without the severity. */
  say(severity: ClamdLogSeverity, text: string, fields?: Readonly<Record<string, unknown>>): void;
}

const LEVELS = { info: 'info', verbose: 'debug', warning: 'warn', error: 'error' } as const;

/** Room for the longest path (PATH_MAX) and its escapes: clamd writes paths whole. */
const TEXT_MAX_CHARACTERS = 8192;

export function createDaemonLog(logger: Logger, clamdLog: ClamdLog | undefined): DaemonLog {
  return {
    logger,
    clamdLog,
    say(severity, text, fields = {}) {
      const shown = sanitize(text, TEXT_MAX_CHARACTERS);
      logger[LEVELS[severity]]({ event: 'daemon', ...fields }, shown);
      clamdLog?.write(severity, shown);
    },
  };
}

/** Does what {@link FAILURE_ACTIONS} says. */
export interface FailureHandler {
  readonly counts: ReadonlyMap<FailureReason, number>;
  readonly handle: (reason: FailureReason, cause?: unknown) => void;
}

/** Failures of one kind are logged at most this often; all are counted. */
const SAME_FAILURE_EVERY_MS = 1000;

/**
 * A failure for want of memory counts as `outOfMemory` too.
 *
 * @param options.terminate called for a failure after which there is no going on.
 * @param options.stopInOrder called for want of memory with ExitOnOOM: what runs may still be answered.
 */
export function createFailureHandler(options: {
  readonly log: DaemonLog;
  readonly terminate: () => void;
  readonly stopInOrder: () => void;
  /** ExitOnOOM: a scan or a load that ends for want of memory ends the daemon. */
  readonly exitOnOutOfMemory?: boolean;
  readonly nowMs: () => number;
}): FailureHandler {
  const counts = new Map<FailureReason, number>();
  const loggedAtMs = new Map<FailureReason, number>();
  const handle: FailureHandler['handle'] = (reason, cause) => {
    const { metric, level, text } = FAILURE_ACTIONS[reason];
    const isFatal =
      FAILURE_ACTIONS[reason].action === 'terminate' ||
      (reason === 'outOfMemory' && options.exitOnOutOfMemory === true);
    const count = (counts.get(reason) ?? 0) + 1;
    counts.set(reason, count);
    const nowMs = options.nowMs();
    const isFresh = nowMs - (loggedAtMs.get(reason) ?? Number.NEGATIVE_INFINITY) >= SAME_FAILURE_EVERY_MS;
    if (isFresh || isFatal) {
      loggedAtMs.set(reason, nowMs);
      options.log.say(level === 'warn' ? 'warning' : 'error', text, { reason, metric, count, err: cause });
    }
    if (FAILURE_ACTIONS[reason].action === 'terminate') options.terminate();
    else if (isFatal) options.stopInOrder();
    else if (reason !== 'outOfMemory' && isOutOfMemory(cause)) handle('outOfMemory', cause);
  };
  return { counts, handle };
}
