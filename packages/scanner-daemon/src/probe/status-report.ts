import { sanitize } from '@portcullis/shared';
import type { DaemonStatus } from './parse-stats.js';

/** What `status` found out. */
export interface StatusReport {
  /** As {@link formatProbeAddress} writes it; of the address that answered, else of the first that was tried. */
  readonly address: string;
  readonly configFile: string | undefined;
  /** Somebody accepted the connection. */
  readonly reachable: boolean;
  /** PONG, and a database that scans are made with. */
  readonly serving: boolean;
  /** Why not, or what could not be found out: one clause, maybe with a stranger's words. */
  readonly problem: string | undefined;
  readonly pingMs: number | undefined;
  /** The VERSION reply. */
  readonly versionText: string | undefined;
  readonly stats: DaemonStatus | undefined;
}

const TASKS_SHOWN_MAX = 50;
const MIB = 1024 ** 2;

/** What `ClamAV x.y.z/database/date` says (behaviour 1.5, 2.1). */
interface ParsedVersion {
  readonly clamavVersion: string | null;
  readonly databaseVersion: number | null;
  readonly databaseDate: string | null;
}

function parseVersion(text: string | undefined): ParsedVersion {
  const matched = /^ClamAV ([^/\s]{1,64})(?:\/([0-9]{1,10})\/(.{1,64}))?$/.exec(text ?? '');
  return {
    clamavVersion: matched?.[1] ?? null,
    databaseVersion: matched?.[2] === undefined ? null : Number(matched[2]),
    databaseDate: matched?.[3] ?? null,
  };
}

/** One line of JSON. Every name is always there; what is not known is null. Names are a public contract. */
export function formatStatusJson(report: StatusReport): string {
  const { stats } = report;
  const fields = {
    address: report.address,
    configFile: report.configFile ?? null,
    reachable: report.reachable,
    serving: report.serving,
    problem: report.problem ?? null,
    pingMs: report.pingMs === undefined ? null : Math.round(report.pingMs * 1000) / 1000,
    ...parseVersion(report.versionText),
    databaseUsedBytes: stats?.databaseUsedBytes ?? null,
    databaseTotalBytes: stats?.databaseTotalBytes ?? null,
    state: stats?.state ?? null,
    threads: stats?.threads ?? null,
    queue: stats === undefined ? null : { items: stats.queuedItems, waits: stats.waits },
    tasks: stats?.tasks ?? null,
  };
  return `${JSON.stringify(fields).replace(UNSAFE_IN_JSON, escapeUnit)}\n`;
}

/** What JSON.stringify leaves as it is and a terminal does not: DEL, C1 controls, separators, marks that reorder. */
const UNSAFE_IN_JSON = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** One page for people. */
export function formatStatusText(report: StatusReport): string {
  const { stats } = report;
  const lines = [`scanner-daemon at ${sanitize(report.address)}: ${summary(report)}`];
  const row = (label: string, text: string | undefined): void => {
    if (text !== undefined) lines.push(`  ${label.padEnd(12)}${text}`);
  };
  row('problem', report.problem === undefined ? undefined : sanitize(report.problem));
  row('config', report.configFile === undefined ? undefined : sanitize(report.configFile));
  row('answered in', report.pingMs === undefined ? undefined : `${report.pingMs.toFixed(1)} ms`);
  const version = parseVersion(report.versionText);
  row(
    'version',
    report.versionText === undefined ? undefined : `ClamAV ${sanitize(version.clamavVersion ?? '?')}`,
  );
  row('database', describeDatabase(version, stats));
  if (stats !== undefined) {
    const { live, idle, max } = stats.threads;
    row('threads', `${live} live, ${idle} idle, ${max} at most`);
    row('queue', describeQueue(stats));
    row('tasks', stats.tasks.length === 0 ? 'none' : String(stats.tasks.length));
    for (const { task, seconds, name } of stats.tasks.slice(0, TASKS_SHOWN_MAX)) {
      lines.push(`    ${task.padEnd(13)} ${seconds.toFixed(1).padStart(7)} s  ${sanitize(name)}`.trimEnd());
    }
    const hidden = stats.tasks.length - TASKS_SHOWN_MAX;
    if (hidden > 0) lines.push(`    and ${hidden} more`);
  }
  return `${lines.join('\n')}\n`;
}

function summary({ serving, reachable }: StatusReport): string {
  if (serving) return 'serving';
  return reachable ? 'not serving' : 'not reachable';
}

function describeDatabase(version: ParsedVersion, stats: DaemonStatus | undefined): string | undefined {
  const { databaseVersion, databaseDate } = version;
  const parts = [
    ...(stats === undefined ? [] : [stats.state]),
    ...(databaseVersion === null ? [] : [`version ${databaseVersion} of ${sanitize(databaseDate ?? '?')}`]),
    ...(stats?.databaseUsedBytes === undefined ? [] : [`${(stats.databaseUsedBytes / MIB).toFixed(1)} MiB`]),
  ];
  return parts.length === 0 ? undefined : parts.join(', ');
}

function describeQueue({ queuedItems, waits }: DaemonStatus): string {
  const longestSeconds = Math.max(0, ...waits.map(({ maxSeconds }) => maxSeconds));
  return queuedItems === 0 ? 'empty' : `${queuedItems} waiting, for ${longestSeconds.toFixed(1)} s at most`;
}
