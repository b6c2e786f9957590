import { getPriority } from 'node:os';
import { CommandQueue, describeFailure, sanitize } from '@portcullis/shared';
import type { CommandQueueLimits, ReportedEnd } from '@portcullis/shared';
import type { DaemonLog } from '../daemon-log.js';
import type { ScanOutcome } from '../server/server-log.js';
import { buildEventCommand } from './event-command.js';
import { openEventRunner, type EventRunnerOptions } from './event-runner.js';

/** VirusEvent of clamd.conf. The nice value of its commands is by default that of the calling thread. */
export interface VirusEventOptions extends Partial<EventRunnerOptions> {
  readonly command: string;
  readonly log: Pick<DaemonLog, 'logger' | 'say'>;
  /** clamd has no such bounds, and lets the client wait instead. */
  readonly limits?: Partial<CommandQueueLimits>;
}

/** Runs a command for each detection, after the client was answered and never in the way of a scan. */
export interface VirusEvent {
  /** Takes note of what was shown as a detection and returns at once. */
  report(outcome: ScanOutcome): void;
  /** Drops what waits, and ends what runs: within stopGraceMs and killGraceMs. */
  stop(): Promise<void>;
  /** Detections for which no command was run. */
  readonly droppedCount: number;
}

/**
 * Called before the signatures are loaded (README.md beside this file). Commands run as the account that is named; without
 * one, as whoever calls this. `stop` it.
 */
export function createVirusEvent(options: VirusEventOptions): VirusEvent {
  const { command, log, limits = {} } = options;
  const queue = new CommandQueue({
    runner: openEventRunner({ niceValue: getPriority(), ...options }),
    limits,
    onEnd: (end) => {
      tellEnd(log, end);
    },
    onDropped: (dropped) => {
      const detections = dropped === 1 ? '1 detection' : `${dropped} detections`;
      const fields = { event: 'virusEventDropped', dropped };
      log.say('warning', `VirusEvent: the command was not run for ${detections}`, fields);
    },
  });
  return {
    report({ name, shown, allMatch }) {
      if (shown.kind !== 'infected') return;
      const [first] = shown.signatureNames;
      // clamd names the last match of ALLMATCHSCAN (observed), and runs once for all of them.
      const signatureName = allMatch === true ? (shown.signatureNames.at(-1) ?? first) : first;
      queue.add(buildEventCommand(command, { name, signatureName }));
    },
    stop: () => queue.stop(),
    get droppedCount() {
      return queue.droppedCount;
    },
  };
}

function tellEnd(log: VirusEventOptions['log'], end: ReportedEnd): void {
  const { pid, exitCode, signal, isTimedOut, output, error } = end;
  const fields = { event: 'virusEvent', pid, exitCode, signal, isTimedOut };
  const how = describeFailure(end);
  if (how === undefined) {
    log.logger.debug({ ...fields, output: sanitize(output) }, 'VirusEvent ran');
    return;
  }
  log.say('warning', `VirusEvent: the command ${how}`, { ...fields, err: error });
  log.logger.debug({ ...fields, output: sanitize(output) }, 'VirusEvent output');
}
