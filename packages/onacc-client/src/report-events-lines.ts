import { sanitize } from '@portcullis/shared';
import { FAILURE_ACTIONS } from './failure-actions.js';
import type { Detection, GateEvent } from './gate/messages.js';
import { SHOWN_PATH_MAX_CHARACTERS } from './logging/text-log.js';
import type { TextSeverity } from './logging/text-log.js';
import type { BackgroundIssue } from './scan/background-scanner.js';

/** One log line in the making. Lines with the same `key` are held back when they come too often. */
export interface Line {
  readonly key: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly facts: Readonly<Record<string, unknown>>;
  readonly message: string;
  /** For the file of --log, clamonacc's words where it has some (behaviour 4.8); none: the message, with --verbose only. */
  readonly text?: { readonly severity: TextSeverity; readonly text: string };
}

const COMMAND_LINE_MAX_CHARACTERS = 4_096;

/** Paths are strangers'; the longest of them fits. */
export function shownPath(path: string): string {
  return sanitize(path, SHOWN_PATH_MAX_CHARACTERS);
}

/** Who it was, as far as it is known. Cleaned: command lines and paths are strangers'. */
export function openerFacts(detection: Detection): Record<string, unknown> {
  const { pid, uid, executable, commandLine, cgroup, container } = detection;
  return {
    pid,
    uid,
    executable: shownPath(executable),
    ...(commandLine === '' ? {} : { commandLine: sanitize(commandLine, COMMAND_LINE_MAX_CHARACTERS) }),
    ...(cgroup === '' ? {} : { cgroup: sanitize(cgroup) }),
    ...(container === '' ? {} : { container: sanitize(container) }),
  };
}

/** What is said about everything but detections. */
export function lineFor(event: Exclude<GateEvent, { kind: 'detection' }>): Line {
  const line = (level: Line['level'], message: string, facts: Record<string, unknown> = {}): Line => ({
    key: event.kind,
    level,
    facts: { event: event.kind, ...facts },
    message,
    ...(level === 'warn' || level === 'error'
      ? { text: { severity: SEVERITIES[level], text: message } }
      : {}),
  });
  switch (event.kind) {
    case 'failure':
      return failureLine(event);
    case 'daemonUp':
      return line('info', 'connected to the daemon', { daemonPid: event.pid });
    case 'daemonDown':
      // What the log file is told of an outage is the reporter's to know: it begins and ends once.
      return {
        key: event.kind,
        level: 'error',
        facts: { event: event.kind },
        message: `the daemon is away (${sanitize(event.reason)}); trying again`,
      };
    case 'databaseChanged':
      return line('info', 'the daemon has other signatures now: cached verdicts are dropped');
    case 'takeover':
      return line('warn', 'a gate was stuck (a lease on a file, a hung filesystem); another one took over', {
        from: event.from,
      });
    case 'noDescriptor':
      return line('warn', 'the kernel could not open a file for us and has denied its opener', {
        errno: event.errno,
        opener: { pid: event.pid },
      });
    case 'queueOverflow':
      return line('error', 'the kernel has dropped events: the trees are walked again');
    case 'trouble':
      return { ...line('error', sanitize(event.message)), key: event.message };
    case 'ready':
      return line('debug', 'a gate is ready');
    case 'groupReleased':
      return line('debug', 'a gate has let go of a retired fanotify group', { group: event.group });
    case 'stopped':
      return line('debug', 'a gate has stopped');
    case 'gateStarted':
      return line('warn', 'gates were stuck: another one was started', { gates: event.gates });
    case 'gatesExhausted':
      return line(
        'error',
        'nearly all gates are stuck: from now on the kernel refuses files that would block us',
      );
    case 'gatesFree':
      return line('info', 'gates are free again');
  }
}

const SEVERITIES = { warn: 'warning', error: 'error' } as const;

function failureLine({ cause, path, pid }: Extract<GateEvent, { kind: 'failure' }>): Line {
  const shown = shownPath(path);
  const facts = { event: 'notScanned', cause, path: shown, opener: { pid } };
  const message = `${shown} was not scanned: ${FAILURE_ACTIONS[cause].meaning}`;
  switch (cause) {
    case 'tooLarge':
    case 'stopping':
      return { key: cause, level: 'info', facts, message };
    case 'incomplete':
      return { key: cause, level: 'warn', facts, message, text: { severity: 'warning', text: message } };
    case 'scanError':
    case 'timeout':
    case 'daemonDown':
    case 'overload':
    case 'internalError': {
      const text = `ClamMisc: Unexpected issue; Daemon failed to scan: ${shown}`;
      return { key: cause, level: 'warn', facts, message, text: { severity: 'plain', text } };
    }
  }
}

const UNSCANNED_MEANINGS: Readonly<Record<BackgroundIssue, string>> = {
  unreadable: 'it could not be read',
  tooLarge: 'it is larger than OnAccessMaxFileSize',
  scanFailed: 'the daemon could not scan it',
  incomplete: FAILURE_ACTIONS.incomplete.meaning,
  daemonDown: 'the daemon is away',
  dropped: 'more files wait for a scan than are remembered',
};

/** About a scan that nobody waited for. */
export function unscannedLine(path: string, issue: BackgroundIssue): Line {
  const shown = shownPath(path);
  const message = `${shown} was not scanned: ${UNSCANNED_MEANINGS[issue]}`;
  const facts = { event: 'notScanned', cause: issue, path: shown };
  const key = `unscanned ${issue}`;
  if (issue === 'tooLarge') return { key, level: 'info', facts, message };
  const text = `ClamMisc: Unexpected issue; Daemon failed to scan: ${shown}`;
  return { key, level: 'warn', facts, message, text: { severity: 'plain', text } };
}
