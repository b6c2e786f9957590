import type { Outcome, SkipReason } from '../policy/decide.js';

/** What a gate counts. One writer each (its gate), read by the main thread at any time. */
export const COUNTERS = [
  'events',
  'skippedOwnProcess',
  'skippedDaemonProcess',
  'skippedNotRegular',
  'skippedEmpty',
  'skippedOutsideScope',
  'skippedExcludedUser',
  'cacheHits',
  'joinedFlights',
  'scans',
  'clean',
  'infected',
  'tooLarge',
  'incomplete',
  'scanError',
  'timeout',
  'daemonDown',
  'overload',
  'internalError',
  'stopping',
  'denied',
  'lifeline',
  'retries',
  'extraScans',
  'kernelMarks',
  'closesAfterWrite',
  'noDescriptor',
  'queueOverflows',
  'readErrors',
  'responseErrors',
  'takeovers',
  'droppedMessages',
  'cacheFlushes',
] as const;
export type Counter = (typeof COUNTERS)[number];

const INDEX = Object.fromEntries(COUNTERS.map((name, index) => [name, index])) as Record<Counter, number>;

/** Counters in shared memory, so that asking for them disturbs no gate. Doubles: exact up to 2^53. */
export class Counters {
  readonly #values: Float64Array;

  constructor(memory: SharedArrayBuffer, gate: number) {
    const bytes = COUNTERS.length * Float64Array.BYTES_PER_ELEMENT;
    this.#values = new Float64Array(memory, gate * bytes, COUNTERS.length);
  }

  static memory(gates: number): SharedArrayBuffer {
    return new SharedArrayBuffer(gates * COUNTERS.length * Float64Array.BYTES_PER_ELEMENT);
  }

  count(name: Counter): void {
    const index = INDEX[name];
    this.#values[index] = (this.#values[index] ?? 0) + 1;
  }

  get(name: Counter): number {
    return this.#values[INDEX[name]] ?? 0;
  }

  /** The sums over all gates. */
  static totals(memory: SharedArrayBuffer, gates: number): Record<Counter, number> {
    const each = Array.from({ length: gates }, (_, gate) => new Counters(memory, gate));
    const sum = (name: Counter): number => each.reduce((total, counters) => total + counters.get(name), 0);
    return Object.fromEntries(COUNTERS.map((name) => [name, sum(name)])) as Record<Counter, number>;
  }
}

const SKIP_COUNTERS: Readonly<Record<SkipReason, Counter>> = {
  ownProcess: 'skippedOwnProcess',
  daemonProcess: 'skippedDaemonProcess',
  notRegular: 'skippedNotRegular',
  empty: 'skippedEmpty',
  outsideScope: 'skippedOutsideScope',
  excludedUser: 'skippedExcludedUser',
  cached: 'cacheHits',
};

/** Where an outcome is counted. */
export function counterOf(outcome: Outcome): Counter {
  switch (outcome.kind) {
    case 'skipped':
      return SKIP_COUNTERS[outcome.reason];
    case 'clean':
    case 'infected':
      return outcome.kind;
    case 'failed':
      return outcome.cause;
  }
}
