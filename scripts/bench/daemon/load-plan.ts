/** Some clients that all do the same. */
export interface ClientGroup {
  readonly command: 'INSTREAM' | 'FILDES';
  readonly framing: 'connection' | 'session';
  readonly clients: number;
  readonly sizeBytes: number;
}

/** Where the daemon listens. */
export type DaemonAddress =
  { readonly kind: 'unix'; readonly path: string } | { readonly kind: 'tcp'; readonly port: number };

/** What one run of the load generator does; crosses as JSON in its first argument. */
export interface LoadPlan {
  readonly address: DaemonAddress;
  readonly groups: readonly ClientGroup[];
  /** The same load, not counted: for the generator's own just-in-time compiler. */
  readonly warmUpMs: number;
  /** No request is begun after this; those under way are waited for and counted. */
  readonly durationMs: number;
  /** Where the files of FILDES go; they are unlinked at once. */
  readonly directory: string;
  /** No two runs against one daemon may share it: it makes the content differ. */
  readonly seed: number;
}

/** What the generator prints as JSON when it is done. */
export interface LoadReport {
  readonly requests: number;
  /** Of content, without framing. */
  readonly bytes: number;
  /** From the first request to the last reply. */
  readonly elapsedMs: number;
  /** The generator's own user and system time in that span. */
  readonly cpuMs: number;
}

/** What the PING probe does; crosses as JSON in its first argument. */
export interface PingPlan {
  readonly path: string;
  readonly intervalMs: number;
  readonly durationMs: number;
}

/** What the PING probe prints. */
export interface PingReport {
  /** Ascending, from connect(2) to the reply; one that was never answered counts with the time it waited. */
  readonly latenciesMs: readonly number[];
  readonly unanswered: number;
}

/** @throws TypeError when the text is not a generator's report */
export function parseLoadReport(text: string): LoadReport {
  const fields = fieldsOf(text);
  const [requests, bytes, elapsedMs, cpuMs] = ['requests', 'bytes', 'elapsedMs', 'cpuMs'].map((name) =>
    fields.get(name),
  );
  if (isCount(requests) && isCount(bytes) && isCount(elapsedMs) && isCount(cpuMs) && requests * elapsedMs > 0)
    return { requests, bytes, elapsedMs, cpuMs };
  throw new TypeError(`not a load report: ${text.slice(0, 200)}`);
}

/** @throws TypeError when the text is not a probe's report, or one without a single PING */
export function parsePingReport(text: string): PingReport {
  const fields = fieldsOf(text);
  const unanswered = fields.get('unanswered');
  const latencies: unknown = fields.get('latenciesMs');
  if (isCount(unanswered) && Array.isArray(latencies)) {
    const latenciesMs = latencies.filter(isCount);
    if (latenciesMs.length > 0 && latenciesMs.length === latencies.length) return { latenciesMs, unanswered };
  }
  throw new TypeError(`not a PING report: ${text.slice(0, 200)}`);
}

function fieldsOf(text: string): ReadonlyMap<string, unknown> {
  const value: unknown = JSON.parse(text);
  return new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
