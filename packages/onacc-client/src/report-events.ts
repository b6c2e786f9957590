import { sanitize } from '@portcullis/shared';
import type { Logger } from '@portcullis/shared';
import { FAILURE_ACTIONS } from './failure-actions.js';
import type { Detection, GateEvent } from './gate/messages.js';

/** The same thing is logged once in so long, with the number of those that were not. */
const REPEAT_AFTER_MS = 5_000;
/** Kinds of messages are few; strangers cannot make more. A bound all the same. */
const REMEMBERED_MAX = 1_000;

/** One log line in the making. Lines with the same `key` are held back when they come too often. */
interface Line {
  readonly key: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly facts: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** Writes down what the gates tell, after they have answered. Paths and names are strangers' and are cleaned. */
export class EventReporter {
  readonly #logger: Logger;
  readonly #nowMs: () => number;
  readonly #lastToldMs = new Map<string, number>();
  readonly #untold = new Map<string, number>();

  /** @param nowMs - monotonic */
  constructor(logger: Logger, nowMs: () => number) {
    this.#logger = logger;
    this.#nowMs = nowMs;
  }

  report(event: GateEvent): void {
    if (event.kind === 'detection') this.#reportDetection(event.detection);
    else this.#tellRarely(lineFor(event));
  }

  /** Never held back: each one may be looked for. */
  #reportDetection(detection: Detection): void {
    const path = sanitize(detection.path);
    const signature = sanitize(detection.signatureName);
    const opener = { pid: detection.pid, uid: detection.uid, executable: sanitize(detection.executable) };
    const facts = { event: 'found', path, signature, decision: detection.decision, opener };
    this.#logger.warn(facts, `${path}: ${signature} FOUND`);
  }

  #tellRarely({ key, level, facts, message }: Line): void {
    const nowMs = this.#nowMs();
    const lastMs = this.#lastToldMs.get(key);
    if (lastMs !== undefined && nowMs - lastMs < REPEAT_AFTER_MS) {
      this.#untold.set(key, (this.#untold.get(key) ?? 0) + 1);
      return;
    }
    if (this.#lastToldMs.size >= REMEMBERED_MAX) this.#lastToldMs.clear();
    this.#lastToldMs.set(key, nowMs);
    const untold = this.#untold.get(key) ?? 0;
    this.#untold.delete(key);
    this.#logger[level](untold === 0 ? facts : { ...facts, timesSinceLast: untold }, message);
  }
}

function lineFor(event: Exclude<GateEvent, { kind: 'detection' }>): Line {
  const line = (level: Line['level'], message: string, facts: Record<string, unknown> = {}): Line => ({
    key: event.kind,
    level,
    facts: { event: event.kind, ...facts },
    message,
  });
  switch (event.kind) {
    case 'failure': {
      const { cause, pid } = event;
      const path = sanitize(event.path);
      const level = cause === 'tooLarge' ? 'info' : 'warn';
      const message = `${path} was not scanned: ${FAILURE_ACTIONS[cause].meaning}`;
      return { key: cause, level, facts: { event: 'notScanned', cause, path, opener: { pid } }, message };
    }
    case 'daemonUp':
      return line('info', 'connected to the daemon', { daemonPid: event.pid });
    case 'daemonDown':
      return line('error', `the daemon is away (${event.reason}); trying again`);
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
  }
}
