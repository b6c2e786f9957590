import type { DaemonLog } from '../daemon-log.js';
import type { MessageSeverity } from '../engine/libclamav/binding.js';
import type { HostLifeOptions } from './host-life.js';

/** Lines of libclamav in a window; what is more is counted. A file can be made that has it complain without end. */
const LINES_MAX = 200;
const WINDOW_MS = 10_000;
/** A load that takes longer is told about as it goes on. */
const LONG_LOAD_MS = 3_000;
/** A pause of this length between two reports of progress is between two loads. */
const NEW_LOAD_AFTER_MS = 60_000;

/** What a host says, as log lines: libclamav's messages with their level, and how far a long load has come. */
export class HostReports implements Pick<HostLifeOptions, 'onMessage' | 'onOutput'> {
  readonly #log: DaemonLog;
  readonly #intoClamdLog: boolean;
  #windowBeganMs = 0;
  #lines = 0;
  #loadBeganMs: number | undefined;
  #lastProgressMs = 0;

  /** @param options.intoClamdLog DevLiblog: libclamav's messages go to LogFile too. */
  constructor(log: DaemonLog, { intoClamdLog }: { readonly intoClamdLog: boolean }) {
    this.#log = log;
    this.#intoClamdLog = intoClamdLog;
  }

  readonly onMessage: HostLifeOptions['onMessage'] = (message) => {
    if (message.kind === 'message') this.#tell(message.severity, message.text);
    else this.#progress(message.stage, message.percent);
  };

  /** Debug lines come this way, and what a process writes that dies. */
  readonly onOutput = (line: string): void => {
    const debug = /^LibClamAV debug: (.*)$/.exec(line)?.[1];
    this.#tell(debug === undefined ? 'warning' : 'debug', debug ?? line);
  };

  #tell(severity: MessageSeverity, text: string): void {
    const nowMs = performance.now();
    if (nowMs - this.#windowBeganMs >= WINDOW_MS) {
      const left = this.#lines - LINES_MAX;
      if (left > 0) this.#log.say('warning', `libclamav: ${left} more messages were left out`);
      this.#windowBeganMs = nowMs;
      this.#lines = 0;
    }
    this.#lines += 1;
    if (this.#lines > LINES_MAX) return;
    const { prefix, level, clamdSeverity } = SEVERITIES[severity];
    if (this.#intoClamdLog)
      this.#log.say(clamdSeverity, `LibClamAV${prefix}: ${text}`, { event: 'libclamav' });
    else this.#log.logger[level]({ event: 'libclamav' }, `LibClamAV${prefix}: ${text}`);
  }

  #progress(stage: 'loading' | 'compiling', percent: number): void {
    const nowMs = performance.now();
    if (this.#loadBeganMs === undefined || nowMs - this.#lastProgressMs > NEW_LOAD_AFTER_MS) {
      this.#loadBeganMs = nowMs;
    }
    this.#lastProgressMs = nowMs;
    if (nowMs - this.#loadBeganMs >= LONG_LOAD_MS) {
      const what = stage === 'loading' ? 'Loading' : 'Compiling';
      this.#log.say('info', `${what} signatures: ${percent} %`, { event: 'progress', stage, percent });
    }
    if (stage === 'compiling' && percent === 100) this.#loadBeganMs = undefined;
  }
}

const SEVERITIES = {
  debug: { prefix: ' debug', level: 'debug', clamdSeverity: 'info' },
  info: { prefix: ' info', level: 'info', clamdSeverity: 'info' },
  warning: { prefix: ' Warning', level: 'warn', clamdSeverity: 'warning' },
  error: { prefix: ' Error', level: 'error', clamdSeverity: 'error' },
} as const;
