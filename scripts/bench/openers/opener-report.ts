/** What an opener or reader prints as JSON when it is done. Times are CLOCK_MONOTONIC, comparable across processes. */
export interface OpenerReport {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** One per open, in nanoseconds; empty for a reader. */
  readonly latenciesNs: readonly number[];
}

/** Finite times in order and a list of finite numbers, or an error that says what was printed instead. */
export function parseOpenerReport(text: string): OpenerReport {
  const report: unknown = JSON.parse(text);
  if (!isOpenerReport(report)) throw new TypeError(`not an opener's report: ${text.slice(0, 200)}`);
  return report;
}

function isOpenerReport(value: unknown): value is OpenerReport {
  if (typeof value !== 'object' || value === null) return false;
  if (!('startedAtMs' in value && 'endedAtMs' in value && 'latenciesNs' in value)) return false;
  const { startedAtMs, endedAtMs, latenciesNs } = value;
  return (
    typeof startedAtMs === 'number' &&
    typeof endedAtMs === 'number' &&
    endedAtMs >= startedAtMs &&
    Array.isArray(latenciesNs) &&
    latenciesNs.every((latency) => typeof latency === 'number' && latency >= 0)
  );
}
