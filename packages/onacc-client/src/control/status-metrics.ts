import { isDecidingCounter } from './decision-counts.js';
import type { StatusSnapshot } from './status-snapshot.js';

const PREFIX = 'portcullis_onacc_';

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly labels?: Labels;
  readonly value: number | undefined;
}

/** The counters that get a metric each; those that decide an open share `opens_total`. */
const COUNTER_HELP: Readonly<Record<string, string>> = {
  events: 'Events read from the kernel',
  denied: 'Opens that were denied',
  scans: 'Scans asked of the daemon',
  joinedFlights: 'Opens that waited for the scan of another open of the same file',
  kernelMarks: 'Clean files that the kernel was told to ask no more about',
  closesAfterWrite: 'Files that were closed after writing',
  noDescriptor: 'Opens that the kernel denied because it could not open the file for us',
  queueOverflows: 'Times that the kernel dropped events for want of room',
  readErrors: 'Reads of events that failed',
  responseErrors: 'Answers that the kernel did not take',
  takeovers: 'Times that a stuck gate thread was relieved by another one',
  droppedMessages: 'Reports of the gates that found no room',
  lifeline: 'Denials by a failure that were turned into allow, for root opening what only root can write',
  retries: 'Scans that were tried again',
  extraScans: 'Files that were scanned because they were written or moved in',
  cacheFlushes: 'Times that all cached verdicts were dropped',
};

/** What monitoring reads where no client runs. */
export function formatDownMetrics(): string {
  return upMetric(0);
}

/** A snapshot in Prometheus' text exposition format 0.0.4, for the textfile collector of node_exporter. */
export function formatMetrics(snapshot: StatusSnapshot): string {
  return [
    upMetric(1),
    ...stateMetrics(snapshot),
    ...watchMetrics(snapshot),
    ...openMetrics(snapshot),
    ...resourceMetrics(snapshot),
  ].join('');
}

function upMetric(value: 0 | 1): string {
  return gauge('up', '1 where the client runs and answers', [{ value }]);
}

function stateMetrics({
  version,
  mode,
  interface: kernel,
  strategy,
  degraded,
  daemon,
  since,
}: StatusSnapshot): string[] {
  const modes = ['starting', 'prevention', 'notify-only', 'stopping'];
  return [
    gauge('info', 'What runs; always 1', [{ labels: { version, interface: kernel, strategy }, value: 1 }]),
    gauge('start_time_seconds', 'When the client was started, seconds since the epoch', [
      { value: Date.parse(since) / 1_000 },
    ]),
    gauge(
      'state',
      '1 for the state the client is in',
      modes.map((one) => ({ labels: { state: one }, value: one === mode ? 1 : 0 })),
    ),
    gauge('degraded_reasons', 'Reasons why not all that is configured is protected; 0 = all is well', [
      { value: degraded.length },
    ]),
    gauge('daemon_up', '1 while the daemon is connected', [
      { labels: { endpoint: daemon.endpoint }, value: daemon.state === 'up' ? 1 : 0 },
    ]),
  ];
}

function watchMetrics({ watch }: StatusSnapshot): string[] {
  const { roots } = watch;
  return [
    gauge(
      'root_protected',
      '1 where a configured place is protected in full',
      roots.map(({ path, state }) => ({ labels: { path, state }, value: state === 'protected' ? 1 : 0 })),
    ),
    gauge(
      'root_directories',
      'Directories watched in a configured place',
      roots.map(({ path, directories }) => ({ labels: { path }, value: directories })),
    ),
    gauge(
      'root_issues',
      'Problems known in a configured place',
      roots.map(({ path, issues, moreIssues }) => ({ labels: { path }, value: issues.length + moreIssues })),
    ),
    gauge('watched_directories', 'Directories watched', [{ value: watch.directories }]),
    gauge('unlisted_issues', 'Problems beyond those that are listed', [{ value: watch.unlistedIssues }]),
    gauge('strayed_directories', 'Directories that left the places and may still be marked', [
      { value: watch.strayed },
    ]),
    counter('watch_overflows_total', 'Times that changes of the trees were lost', [
      { value: watch.overflows },
    ]),
    counter('watch_resyncs_total', 'Times that the trees were walked again', [{ value: watch.resyncs }]),
  ];
}

function openMetrics({ decisions, policy, counters, actions }: StatusSnapshot): string[] {
  const others = Object.entries(counters).filter(([name]) => !isDecidingCounter(name));
  return [
    counter('decisions_total', 'Opens by decision', [
      { labels: { decision: 'allow' }, value: decisions.allowed },
      { labels: { decision: 'deny' }, value: decisions.denied },
    ]),
    counter(
      'opens_total',
      'Opens by what decided them',
      Object.entries(decisions.byReason).map(([name, value]) => ({
        labels: { reason: snakeCase(name) },
        value,
      })),
    ),
    gauge(
      'policy_denies',
      '1 where an open without a verdict is denied for this cause, 0 where it is allowed',
      policy.map(({ cause, decision }) => ({
        labels: { cause: snakeCase(cause) },
        value: decision === 'deny' ? 1 : 0,
      })),
    ),
    ...others.map(([name, value]) =>
      counter(`${snakeCase(name)}_total`, COUNTER_HELP[name] ?? `The counter ${name} of the gates`, [
        { value },
      ]),
    ),
    counter(
      'actions_total',
      'What was done with infected files',
      Object.entries(actions.counts).map(([outcome, value]) => ({
        labels: { action: actions.kind, outcome: snakeCase(outcome) },
        value,
      })),
    ),
  ];
}

function resourceMetrics({ queue, fds, gates, cache, log }: StatusSnapshot): string[] {
  return [
    gauge('waiting_opens', 'Opens that wait for their answer', [{ value: queue.held }]),
    gauge('waiting_opens_max', 'Opens that may wait', [{ value: queue.heldMax }]),
    gauge('open_fds', 'Descriptors in use', [{ value: fds.open }]),
    gauge('max_fds', 'Descriptors that may be in use', [{ value: fds.limit }]),
    gauge('gate_threads', 'Threads that answer the kernel', [{ value: gates.threads }]),
    gauge('stuck_gate_threads', 'Of these, blocked by a lease or a filesystem', [{ value: gates.stuck }]),
    gauge('cache_entries_max', 'Verdicts that the cache has room for', [{ value: cache.entriesMax }]),
    counter('log_lines_dropped_total', 'Log lines that found no room', [{ value: log.linesDropped }]),
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): string {
  return metric('gauge', name, { help, samples });
}

function counter(name: string, help: string, samples: readonly Sample[]): string {
  return metric('counter', name, { help, samples });
}

/** @returns nothing for a metric of which nothing is known. */
function metric(
  type: 'gauge' | 'counter',
  name: string,
  { help, samples }: { readonly help: string; readonly samples: readonly Sample[] },
): string {
  const lines = samples
    .filter(({ value }) => value !== undefined)
    .map(({ labels = {}, value = 0 }) => `${PREFIX}${name}${formatLabels(labels)} ${value}\n`);
  if (lines.length === 0) return '';
  return `# HELP ${PREFIX}${name} ${help}\n# TYPE ${PREFIX}${name} ${type}\n${lines.join('')}`;
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** Prometheus' three escapes: backslash, quote, line feed. */
function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function snakeCase(name: string): string {
  return name
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase();
}
