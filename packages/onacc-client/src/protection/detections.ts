import { FileActions } from '../actions/file-actions.js';
import type { ActionReport, FileAction } from '../actions/judged-file.js';
import { createDetectionHook } from '../actions/detection-hook.js';
import type { DetectionHook } from '../actions/detection-hook.js';
import type { Logger } from '@portcullis/shared';
import type { FileApi } from '@portcullis/shared/native';
import type { Detection } from '../gate/messages.js';
import type { EventReporter } from '../report-events.js';
import type { BackgroundDetection } from '../scan/background-scanner.js';

export interface DetectionsOptions {
  /** --move, --copy, --remove. */
  readonly action: FileAction;
  /** Standard error of the commands; `ignore` where somebody waits for the end of ours. */
  readonly stderr: 'inherit' | 'ignore';
  readonly files: Pick<FileApi, 'close'>;
  readonly logger: Logger;
  readonly reporter: EventReporter;
}

const NOBODY_KNOWN = { pid: 0, uid: -1, executable: '', commandLine: '', container: '' };

/** What happens after something was found and its opener answered: the action, the command, and what they came to. */
export class Detections {
  readonly #options: DetectionsOptions;
  readonly #actions: FileActions;
  #hook: DetectionHook | undefined;
  #command: string | undefined;
  readonly #counts: Record<string, number> = {};

  /** Called before any group is opened: the thread of the actions is started now. */
  constructor(options: DetectionsOptions) {
    this.#options = options;
    const { action, files } = options;
    this.#actions = new FileActions({
      action,
      native: { files },
      onReport: (report) => {
        this.#noteReport(report);
      },
    });
  }

  /**
   * ONACC_ON_DETECTION, at the start and after a reload. The process that starts the commands is made anew only where the
   * command is another one: before the first group is opened it inherits nothing.
   *
   * @throws ActionError for a command that cannot be used; the one before stays then
   */
  setCommand(command: string | undefined): void {
    if (command === this.#command) return;
    const { logger, stderr } = this.#options;
    const successor = command === undefined ? undefined : createDetectionHook({ command, logger, stderr });
    void this.#hook?.stop();
    this.#hook = successor;
    this.#command = command;
  }

  /** What is done with infected files. */
  get actionKind(): FileAction['kind'] {
    return this.#options.action.kind;
  }

  /** Whether infected files have to come with their descriptors. */
  get wantsDescriptors(): boolean {
    return this.#options.action.kind !== 'none';
  }

  /** For `status`. */
  get counts(): { readonly kind: string; readonly counts: Readonly<Record<string, number>> } {
    const hook = this.#hook === undefined ? {} : { hookDropped: this.#hook.droppedCount };
    return { kind: this.#options.action.kind, counts: { ...this.#counts, ...hook } };
  }

  /**
   * Somebody opened an infected file; the reporter has written it down. Takes the descriptor.
   *
   * @param onReturned - the action on a file that the gate has handed over is over
   */
  onOpened(detection: Detection, onReturned: () => void): void {
    this.#hook?.report(detection);
    const { judged, path, signatureName, pid, uid, executable, commandLine, container } = detection;
    if (judged === undefined) return;
    const opener = { pid, uid, executable, commandLine, container };
    const { fd } = judged;
    const done = this.#actions.act({ fd, path, signatureName, opener, detectedAtMs: Date.now() });
    if (fd >= 0) void done.then(onReturned);
  }

  /** A background scan found something. Takes the descriptor. */
  onScanned({ path, signatureName, fd }: BackgroundDetection): void {
    this.#options.reporter.reportFound({ path, signatureName });
    this.#hook?.report({ ...NOBODY_KNOWN, path, signatureName, decision: 'notified' });
    const opener = NOBODY_KNOWN;
    if (fd >= 0) void this.#actions.act({ fd, path, signatureName, opener, detectedAtMs: Date.now() });
  }

  async stop(): Promise<void> {
    await Promise.all([this.#actions.stop(), this.#hook?.stop()]);
  }

  #noteReport(report: ActionReport): void {
    const { kind } = report.result;
    this.#counts[kind] = (this.#counts[kind] ?? 0) + 1;
    this.#options.reporter.reportAction(report);
  }
}
