import { sanitize } from '@portcullis/shared';
import type { Logger } from '@portcullis/shared';
import type { ActionReport, ActionResult } from './actions/judged-file.js';
import type { Detection, GateEvent } from './gate/messages.js';
import { SHOWN_PATH_MAX_CHARACTERS } from './logging/text-log.js';
import type { TextLog } from './logging/text-log.js';
import { lineFor, openerFacts, shownPath, unscannedLine } from './report-events-lines.js';
import type { Line } from './report-events-lines.js';
import type { BackgroundIssue } from './scan/background-scanner.js';
import type { WatchIssue } from './watch/watch-issue.js';

/** The same thing is logged once in so long, with the number of those that were not. */
const REPEAT_AFTER_MS = 5_000;
/** Kinds of messages are few; strangers cannot make more. A bound all the same. */
const REMEMBERED_MAX = 1_000;

/** Writes down what the gates tell, after they have answered. Paths and names are strangers' and are cleaned. */
export class EventReporter {
  readonly #logger: Logger;
  readonly #nowMs: () => number;
  readonly #textLog: TextLog | undefined;
  readonly #lastToldMs = new Map<string, number>();
  readonly #untold = new Map<string, number>();
  #isDaemonAway = false;

  /**
   * @param nowMs - monotonic
   * @param textLog - the file of --log, if there is one.
   */
  constructor(logger: Logger, nowMs: () => number, textLog?: TextLog) {
    this.#logger = logger;
    this.#nowMs = nowMs;
    this.#textLog = textLog;
  }

  report(event: GateEvent): void {
    if (event.kind === 'detection') {
      this.#reportDetection(event.detection);
      return;
    }
    const line = lineFor(event);
    // What was said last about the daemon has to hold.
    if (this.#reportOutage(event)) this.#lastToldMs.delete(line.key);
    this.#tellRarely(line);
  }

  /** Something infected was found where nobody was waiting for it: OnAccessExtraScanning, a directory moved in. */
  reportFound({ path, signatureName }: Pick<Detection, 'path' | 'signatureName'>): void {
    this.#tellFound(path, signatureName, { decision: 'notified' });
  }

  /** What became of --move, --copy or --remove; never held back either. */
  reportAction({ action, path, result, isLate }: ActionReport): void {
    if (result.kind === 'alreadyDone') return;
    const facts = { event: 'action', action, path: shownPath(path), ...outcomeOf(result), isLate };
    const { level, severity } = result.kind === 'done' ? DONE : NOT_DONE;
    this.#logger[level](facts, result.text);
    this.#textLog?.write(severity, result.text);
  }

  /** A scan that nobody waits for was not made, or not to its end. */
  reportUnscanned(path: string, issue: BackgroundIssue): void {
    this.#tellRarely(unscannedLine(path, issue));
  }

  /** Something that is known at the start. @param line - as ClamAV words it, `WARNING: ` in front where it is one. */
  reportRemark(line: string): void {
    const [, word, text = line] = /^(?:(WARNING): )?([^]*)$/.exec(line) ?? [];
    const isWarning = word === 'WARNING';
    this.#logger[isWarning ? 'warn' : 'info']({ event: 'remark' }, sanitize(text, SHOWN_PATH_MAX_CHARACTERS));
    this.#textLog?.write(isWarning ? 'warning' : 'plain', text);
  }

  /** Something is not watched, or not in full. */
  reportIssue(issue: WatchIssue): void {
    const { what, code, advice } = issue;
    const path = shownPath(issue.path);
    const text = `${what}: ${path} (${code})${advice === undefined ? '' : `: ${advice}`}`;
    this.#tellRarely({
      key: `${what} ${code} ${path}`,
      level: 'warn',
      facts: { event: 'watchIssue', ...issue, path },
      message: text,
      text: { severity: 'warning', text: `ClamInotif: ${text}` },
    });
  }

  /** Never held back: each one may be looked for. */
  #reportDetection(detection: Detection): void {
    const { path, signatureName, decision } = detection;
    this.#tellFound(path, signatureName, { decision, opener: openerFacts(detection) });
  }

  #tellFound(path: string, signatureName: string, facts: Readonly<Record<string, unknown>>): void {
    const shown = shownPath(path);
    const signature = sanitize(signatureName);
    const message = `${shown}: ${signature} FOUND`;
    this.#logger.warn({ event: 'found', path: shown, signature, ...facts }, message);
    this.#textLog?.write('plain', message);
  }

  /**
   * An outage has one line at its beginning and one at its end, however many sessions it ended (behaviour 4.9).
   *
   * @returns whether this is where it begins or ends
   */
  #reportOutage({ kind }: GateEvent): boolean {
    if (kind === 'daemonDown' && !this.#isDaemonAway) {
      this.#isDaemonAway = true;
      this.#textLog?.write('error', "ClamClient: Connection to clamd failed, Couldn't connect to server.");
      return true;
    }
    if (kind === 'daemonUp' && this.#isDaemonAway) {
      this.#isDaemonAway = false;
      this.#textLog?.write('plain', 'ClamClient: Connection to clamd re-established.');
      return true;
    }
    return false;
  }

  #tellRarely({ key, level, facts, message, text }: Line): void {
    const nowMs = this.#nowMs();
    const lastMs = this.#lastToldMs.get(key);
    if (lastMs !== undefined && nowMs - lastMs < REPEAT_AFTER_MS) {
      this.#untold.set(key, (this.#untold.get(key) ?? 0) + 1);
      return;
    }
    if (this.#lastToldMs.size >= REMEMBERED_MAX) {
      this.#lastToldMs.clear();
      this.#untold.clear();
    }
    this.#lastToldMs.set(key, nowMs);
    const untold = this.#untold.get(key) ?? 0;
    this.#untold.delete(key);
    this.#logger[level](untold === 0 ? facts : { ...facts, timesSinceLast: untold }, message);
    this.#textLog?.write(text?.severity ?? 'verbose', text?.text ?? message);
    if (untold > 0)
      this.#textLog?.write('verbose', `The same happened ${untold} times since the last such line`);
  }
}

const DONE = { level: 'info', severity: 'plain' } as const;
const NOT_DONE = { level: 'error', severity: 'error' } as const;

function outcomeOf(result: Exclude<ActionResult, { kind: 'alreadyDone' }>): Record<string, unknown> {
  const { kind } = result;
  switch (kind) {
    case 'done': {
      const { file, sha256, otherNames } = result;
      const where = file === undefined ? {} : { file: sanitize(file), sha256 };
      return { outcome: kind, ...where, otherNames };
    }
    case 'failed':
      return { outcome: kind, code: result.code, reason: sanitize(result.reason) };
    case 'skipped':
      return { outcome: kind, reason: result.reason };
  }
}
