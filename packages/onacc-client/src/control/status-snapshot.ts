import type { RootCoverage } from '../watch/watch-coverage.js';

/** What a reader has to understand: raised when a field changes its meaning or goes away, not when one is added. */
export const SNAPSHOT_FORMAT = 1;

/** `prevention`: infected files are refused. `notify-only`: they are only told of. */
export type ClientMode = 'starting' | 'prevention' | 'notify-only' | 'stopping';

/** {@link ClientMode} with the reason where there is one to give: `notify-only: OnAccessPrevention is off`. */
export type ClientState = Exclude<ClientMode, 'notify-only'> | `notify-only: ${string}`;

/** The daemon as the client sees it. */
export interface DaemonStatus {
  /** `unix:/run/clamav/clamd.ctl` or `tcp:127.0.0.1:3310`. */
  readonly endpoint: string;
  /** `unknown`: no word from it yet. */
  readonly state: 'up' | 'down' | 'unknown';
  /** Wall clock, when it came to be in this state; ISO 8601. */
  readonly since: string;
  /** Why it is down. */
  readonly reason?: string;
  /** Over a Unix socket only. */
  readonly pid?: number;
}

/** One row of the failure table as it holds. */
export interface PolicyRow {
  readonly cause: string;
  readonly decision: 'allow' | 'deny';
  readonly meaning: string;
}

/** One protected place. */
export interface RootStatus extends RootCoverage {
  /** Of this root, beyond those in `issues`. */
  readonly moreIssues: number;
}

/** How opens were decided. */
export interface DecisionCounts {
  /** Answered with allow, or told of where nothing is answered. */
  readonly allowed: number;
  readonly denied: number;
  /** By what decided: `clean`, `infected`, a failure's cause, or `skipped…`. Sums up to all that were decided. */
  readonly byReason: Readonly<Record<string, number>>;
}

/** How it is with a running client, in one piece. Plain JSON; this is what `onacc-client status --json` prints. */
export interface StatusSnapshot {
  readonly format: typeof SNAPSHOT_FORMAT;
  /** The product's own, `0.1.0`. */
  readonly version: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly takenAt: string;
  /** ISO 8601. */
  readonly since: string;
  readonly uptimeSeconds: number;
  readonly configPath: string;
  readonly state: ClientState;
  readonly mode: ClientMode;
  /** What keeps it from protecting all that is configured, one sentence each; empty: all is well. */
  readonly degraded: readonly string[];
  /** The kernel interface in words. */
  readonly interface: string;
  /** How the places are marked. */
  readonly strategy: string;
  readonly watch: {
    readonly directories: number;
    readonly roots: readonly RootStatus[];
    /** Problems of any root that found no place in the client's list. */
    readonly unlistedIssues: number;
    readonly overflows: number;
    readonly resyncs: number;
    readonly strayed: number;
  };
  readonly daemon: DaemonStatus;
  readonly policy: readonly PolicyRow[];
  readonly decisions: DecisionCounts;
  /** Everything the gates count, by the names in `gate/counters.ts`. */
  readonly counters: Readonly<Record<string, number>>;
  readonly cache: {
    readonly entriesMax: number;
    readonly hits: number;
    readonly kernelMarks: number;
    /** Files held by a lease now, at most, and how often somebody wanted to write to one. */
    readonly leases?: { readonly held: number; readonly heldMax: number; readonly breaks: number };
  };
  /** Events in the client's hands, each an open that waits. */
  readonly queue: { readonly held?: number; readonly heldMax: number };
  readonly fds: { readonly open?: number; readonly limit: number };
  readonly gates: { readonly threads: number; readonly stuck?: number; readonly takeovers: number };
  /** What was done with infected files, by name: `moved`, `removed`, `failed`, … */
  readonly actions: { readonly kind: string; readonly counts: Readonly<Record<string, number>> };
  /** Log lines and reports that found no room. */
  readonly log: { readonly linesDropped: number; readonly messagesDropped: number };
}
