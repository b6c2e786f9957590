import { CommandQueue, CommandRunner, describeFailure, sanitize } from '@portcullis/shared';
import type { BoundedCommand, CommandQueueLimits, Logger } from '@portcullis/shared';
import { splitCommand } from './split-command.js';

const COMMAND_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** A path has at most 4,096 bytes; a signature name of that length is somebody's joke. */
const VALUE_MAX_CHARACTERS = 4_096;

/** What the command is told. */
export interface HookDetection {
  readonly path: string;
  readonly signatureName: string;
  readonly decision: string;
  readonly pid: number;
  /** -1 where unknown. */
  readonly uid: number;
  /** Empty where unknown. */
  readonly executable: string;
}

export interface DetectionHookOptions {
  /** ONACC_ON_DETECTION. */
  readonly command: string;
  readonly logger: Pick<Logger, 'debug' | 'warn'>;
  /** 'ignore' where somebody waits for the end of the client's own standard error. */
  readonly stderr?: 'inherit' | 'ignore' | undefined;
  readonly limits?: Partial<CommandQueueLimits>;
}

/** Runs a command for each detection, after the opener was answered. */
export interface DetectionHook {
  /** Takes note and returns at once. */
  report(detection: HookDetection): void;
  /** Drops what waits, and leaves what runs: each command keeps its time limit. */
  stop(): Promise<void>;
  /** Detections for which no command was run. */
  readonly droppedCount: number;
}

/**
 * Called before any group or log is opened: the process that starts the commands is made now, and inherits nothing that
 * comes later. The bounds are those of VirusEvent (docs/limits.md).
 *
 * @throws ActionError BAD_COMMAND
 */
export function createDetectionHook(options: DetectionHookOptions): DetectionHook {
  const { command, logger, stderr, limits = {} } = options;
  const { program, args } = splitCommand(command);
  const queue = new CommandQueue({
    runner: new CommandRunner({
      module: new URL('./hook-process.js', import.meta.url),
      // The client's own may lie on a filesystem that is to be unmounted.
      workingDirectory: '/',
      stderr,
    }),
    limits,
    // Nobody's shutdown waits for a mail to be sent.
    atStop: 'leaveRunning',
    onEnd: (end) => {
      const { pid, exitCode, signal, isTimedOut, error } = end;
      const output = sanitize(end.output);
      const facts = { event: 'detectionHook', pid, exitCode, signal, isTimedOut, output };
      const how = describeFailure(end);
      if (how === undefined) logger.debug(facts, 'ONACC_ON_DETECTION: the command ran');
      else logger.warn({ ...facts, err: error }, `ONACC_ON_DETECTION: the command ${how}`);
    },
    onDropped: (dropped) => {
      const detections = dropped === 1 ? '1 detection' : `${dropped} detections`;
      const facts = { event: 'detectionHookDropped', dropped };
      logger.warn(facts, `ONACC_ON_DETECTION: the command was not run for ${detections}`);
    },
  });
  return {
    report(detection) {
      queue.add(hookCommand({ program, args }, detection));
    },
    stop: () => queue.stop(),
    get droppedCount() {
      return queue.droppedCount;
    },
  };
}

/** Strangers' strings stand in the environment alone: no word of the command is ever theirs. */
export function hookCommand(
  { program, args }: { program: string; args: readonly string[] },
  detection: HookDetection,
): BoundedCommand {
  const path = valueOf(detection.path);
  const signatureName = valueOf(detection.signatureName);
  return {
    program,
    args,
    environment: {
      PATH: COMMAND_PATH,
      PORTCULLIS_PATH: path,
      PORTCULLIS_SIGNATURE: signatureName,
      PORTCULLIS_DECISION: valueOf(detection.decision),
      PORTCULLIS_PID: String(detection.pid),
      PORTCULLIS_UID: detection.uid < 0 ? '' : String(detection.uid),
      PORTCULLIS_EXECUTABLE: valueOf(detection.executable),
      // clamd's VirusEvent has these two (behaviour 2.9): its scripts run unchanged.
      CLAM_VIRUSEVENT_FILENAME: path,
      CLAM_VIRUSEVENT_VIRUSNAME: signatureName,
    },
  };
}

function valueOf(text: string): string {
  return text.slice(0, VALUE_MAX_CHARACTERS).replaceAll('\0', '');
}
