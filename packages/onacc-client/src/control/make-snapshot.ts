import { PRODUCT_VERSION } from '@portcullis/shared';
import { FAILURE_ACTIONS } from '../failure-actions.js';
import { FAILURE_CAUSES } from '../policy/decide.js';
import type { FailurePolicy } from '../policy/decide.js';
import type { RootCoverage, WatchCoverage } from '../watch/watch-coverage.js';
import { decisionCounts } from './decision-counts.js';
import { SNAPSHOT_FORMAT } from './status-snapshot.js';
import type {
  ClientMode,
  ClientState,
  DaemonStatus,
  PolicyRow,
  RootStatus,
  StatusSnapshot,
} from './status-snapshot.js';

/** Problems shown of one place; of more there is the number. */
const ISSUES_SHOWN_MAX = 100;

/** All that a snapshot is made of. What is optional is left out where it cannot be told. */
export interface SnapshotInputs {
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs: number;
  /** Wall clock. */
  readonly startedAtMs: number;
  readonly pid: number;
  readonly configPath: string;
  /** `running` from the moment on when `startClient` has resolved. */
  readonly phase: 'starting' | 'running' | 'stopping';
  /** `RunningClient.kernel`. */
  readonly kernel: {
    readonly mode: 'prevention' | 'notify-only';
    readonly description: string;
    readonly degraded?: string;
  };
  /** OnAccessPrevention. */
  readonly preventionWanted: boolean;
  /** ONACC_MARKS, or what OnAccessMountPath makes of it. */
  readonly strategy: string;
  /** `RunningClient.coverage()`. */
  readonly coverage: WatchCoverage;
  /** `DaemonTracker.status()`. */
  readonly daemon: DaemonStatus;
  /** The failure table as it holds. */
  readonly policy: FailurePolicy;
  /** `RunningClient.totals()`. */
  readonly counters: Readonly<Record<string, number>>;
  readonly cacheEntriesMax: number;
  /** Files that are held open so that the kernel need not ask about them; left out where none ever is. */
  readonly leases?: { readonly held: number; readonly heldMax: number; readonly breaks: number };
  /** Opens that wait, and how many may. */
  readonly queue: { readonly held?: number; readonly heldMax: number };
  /** `countOpenFds()` and what `raiseOpenFiles()` returned. */
  readonly fds: { readonly open?: number; readonly limit: number };
  /** Threads that run, and how many of them are stuck now. */
  readonly gates: { readonly threads: number; readonly stuck?: number };
  /** `none` where no action is configured. */
  readonly actions: { readonly kind: string; readonly counts: Readonly<Record<string, number>> };
  readonly logLinesDropped: number;
  /** Further reasons why not all is well, one sentence each. */
  readonly troubles?: readonly string[];
}

/** Puts a snapshot together. Pure. */
export function makeSnapshot(inputs: SnapshotInputs): StatusSnapshot {
  const { counters, coverage, kernel } = inputs;
  const mode = modeOf(inputs);
  return {
    format: SNAPSHOT_FORMAT,
    version: PRODUCT_VERSION,
    pid: inputs.pid,
    takenAt: new Date(inputs.nowMs).toISOString(),
    since: new Date(inputs.startedAtMs).toISOString(),
    uptimeSeconds: Math.max(0, Math.round((inputs.nowMs - inputs.startedAtMs) / 1_000)),
    configPath: inputs.configPath,
    state: stateOf(mode, inputs),
    mode,
    degraded: degradations(inputs),
    interface: kernel.description,
    strategy: inputs.strategy,
    watch: {
      directories: coverage.directories,
      roots: coverage.roots.map(rootStatus),
      unlistedIssues: coverage.unlistedIssues,
      overflows: coverage.overflows,
      resyncs: coverage.resyncs,
      strayed: coverage.strayed,
    },
    daemon: inputs.daemon,
    policy: FAILURE_CAUSES.map((cause): PolicyRow => {
      return { cause, decision: inputs.policy[cause], meaning: FAILURE_ACTIONS[cause].meaning };
    }),
    decisions: decisionCounts(counters),
    counters,
    cache: {
      entriesMax: inputs.cacheEntriesMax,
      hits: counters['cacheHits'] ?? 0,
      kernelMarks: counters['kernelMarks'] ?? 0,
      ...(inputs.leases === undefined ? {} : { leases: inputs.leases }),
    },
    queue: inputs.queue,
    fds: inputs.fds,
    gates: { ...inputs.gates, takeovers: counters['takeovers'] ?? 0 },
    actions: inputs.actions,
    log: { linesDropped: inputs.logLinesDropped, messagesDropped: counters['droppedMessages'] ?? 0 },
  };
}

function modeOf({ phase, kernel }: SnapshotInputs): ClientMode {
  return phase === 'running' ? kernel.mode : phase;
}

function stateOf(mode: ClientMode, { kernel, preventionWanted }: SnapshotInputs): ClientState {
  if (mode !== 'notify-only') return mode;
  const byWish = preventionWanted ? 'prevention is not to be had here' : 'OnAccessPrevention is off';
  return `notify-only: ${kernel.degraded ?? byWish}`;
}

/** What an operator would want to know of, without having to compare numbers. */
function degradations({ kernel, daemon, coverage, gates, troubles = [] }: SnapshotInputs): string[] {
  const found: string[] = [];
  if (kernel.degraded !== undefined) found.push(`infected files are not refused: ${kernel.degraded}`);
  if (daemon.state === 'down') found.push(`the daemon is away: ${daemon.reason ?? 'no reason given'}`);
  if (coverage.roots.length === 0) found.push('no place is protected: none is configured');
  for (const { path, state } of coverage.roots) {
    if (state === 'missing') found.push(`${path} is not protected: there is no such directory`);
    else if (state === 'partial') found.push(`${path} is protected in part only`);
  }
  const stuck = gates.stuck ?? 0;
  if (stuck > 0) found.push(`${stuck} of ${gates.threads} gate threads are stuck on a lease or a filesystem`);
  return [...found, ...troubles];
}

function rootStatus(root: RootCoverage): RootStatus {
  const issues = root.issues.slice(0, ISSUES_SHOWN_MAX);
  return { ...root, issues, moreIssues: root.issues.length - issues.length };
}
