import type { FailureCause, FailurePolicy } from './decide.js';

/**
 * What must open while the daemon is away: `daemon` its program and libraries, `database` its signatures, `client` this
 * program, `rescue` what somebody needs who wants to stop it (a shell, kill, sudo, login, sshd).
 */
export type VitalRole = 'daemon' | 'database' | 'client' | 'rescue';

/** One file that lies under a mark, within the scope, and is not excluded. */
export interface VitalFile {
  readonly role: VitalRole;
  readonly path: string;
  /** Only root can write to it, by the rule of `kernel-cacheable.ts`. */
  readonly isRootOnly: boolean;
}

export interface SelfBlockFacts {
  /** Opens wait for the answer; otherwise nothing can be blocked. */
  readonly prevention: boolean;
  readonly failurePolicy: Pick<FailurePolicy, FailureCause>;
  readonly files: readonly VitalFile[];
  /** Who the daemon runs as; undefined: not on this machine. `name` where it is known. */
  readonly daemon: { readonly uid: number; readonly name?: string } | undefined;
  /** Why a daemon on this machine is not known; whoever runs the host is told then that it was not looked at. */
  readonly daemonUnknown?: string | undefined;
  /** As the gate has them: OnAccessExcludeUID, OnAccessExcludeUname, OnAccessExcludeRootUID. */
  readonly excludedUids: readonly number[];
}

/** `errors`: with this configuration the machine could not recover by itself. All lines say what to write. */
export interface SelfBlockReport {
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  readonly lines: readonly string[];
}

const ROOT = 0;
/** Rows that go on denying until the daemon is back, by the variable that sets each. */
const LASTING = { daemonDown: 'ONACC_ON_DAEMON_DOWN', tooLarge: 'ONACC_ON_TOO_LARGE' } as const;
const PASSING = ['timeout', 'scanError', 'overload', 'internalError', 'incomplete'] as const;
const NAMED_MAX = 3;

/**
 * Whether the client, the daemon and the way to stop them could be shut out by marks that hold whole mounts or
 * filesystems. An open is safe from the failure table where its user is excluded, and by the lifeline: uid 0 opening what
 * only root can write is never refused by a failure. The client's own opens and those of the daemon that is connected are let
 * through anyway; so the one in danger is a daemon that starts anew.
 */
export function assessSelfBlock(facts: SelfBlockFacts): SelfBlockReport {
  if (!facts.prevention)
    return report([], [], ['Self-block check: notify-only, nothing can be held up or refused']);
  const { failurePolicy, files } = facts;
  const lasting = lastingRows(failurePolicy);
  if (lasting.length === 0) {
    const passing = PASSING.filter((cause) => failurePolicy[cause] === 'deny');
    const rest = passing.length === 0 ? '' : `; refusals for ${passing.join(', ')} pass by themselves`;
    return report([], [], [`Self-block check: all opens are allowed while the daemon is away${rest}`]);
  }
  const because = lasting.map((name) => `${name}=deny`).join(', ');
  const errors = daemonErrors(facts, lasting, because);
  const warnings = [
    ...unknownDaemon(facts, because),
    ...rescueWarnings(files, because),
    ...clientWarnings(files, because),
  ];
  const saved = files.filter((file) => isSafe(file, ROOT, facts.excludedUids)).length;
  return report(errors, warnings, [
    `Self-block check: ${saved} of ${files.length} files that the client, the daemon and its administrators need stay open to root while the daemon is away`,
  ]);
}

/** The daemon, starting anew as the user it runs as now. */
function daemonErrors(facts: SelfBlockFacts, lasting: readonly string[], because: string): string[] {
  const { daemon, files, excludedUids } = facts;
  if (daemon === undefined) return [];
  const needed = files.filter(({ role }) => role === 'daemon' || role === 'database');
  const blocked = needed.filter((file) => !isSafe(file, daemon.uid, excludedUids));
  if (blocked.length === 0) return [];
  const who = daemon.name ?? `uid ${daemon.uid}`;
  const remedies = daemon.uid === ROOT ? [] : [`'${excludeUser(daemon)}' (recommended by ClamAV as well)`];
  remedies.push(...directoriesOf(blocked).map((directory) => `'OnAccessExcludePath ${directory}'`));
  return [
    `ERROR: A daemon that stops could never start again: it runs as ${who}, and while it is away (${because}) it may not open ${naming(blocked)}`,
    `ERROR: ${daemon.uid === ROOT ? 'Write into clamd.conf all of' : 'Write into clamd.conf the first, or all others, of'}: ${remedies.join(', ')}; or set ${lasting.map((name) => `${name}=allow`).join(' and ')}`,
  ];
}

function unknownDaemon({ daemonUnknown }: SelfBlockFacts, because: string): string[] {
  if (daemonUnknown === undefined) return [];
  return [
    `WARNING: Self-block check: whether the daemon could start again once it is away (${because}) was not checked: ${daemonUnknown}. Exclude its user with OnAccessExcludeUname`,
  ];
}

/** Root is safe by the lifeline; everybody else is shut out, also from sudo, whose file is opened by the one who calls it. */
function rescueWarnings(files: readonly VitalFile[], because: string): string[] {
  const rescue = files.filter(({ role }) => role === 'rescue');
  if (rescue.length === 0) return [];
  const warnings = [
    `WARNING: While the daemon is away (${because}) only root can run programs such as ${naming(rescue)}: sudo does not work, and only root can log in`,
    `WARNING: If nobody can log in as root here, name an administrator's account with OnAccessExcludeUname, or leave ONACC_ON_DAEMON_DOWN at allow`,
  ];
  const exposed = rescue.filter(({ isRootOnly }) => !isRootOnly);
  if (exposed.length > 0) {
    warnings.push(
      `WARNING: Not even root can open ${naming(exposed)} then, since others can write to it: correct its owner or mode, or exclude its directory with OnAccessExcludePath`,
    );
  }
  return warnings;
}

/** A client that runs needs none of its files; `onacc-client status` and a second client would. */
function clientWarnings(files: readonly VitalFile[], because: string): string[] {
  const exposed = files.filter(({ role, isRootOnly }) => role === 'client' && !isRootOnly);
  if (exposed.length === 0) return [];
  const excluded = directoriesOf(exposed).map((directory) => `'OnAccessExcludePath ${directory}'`);
  return [
    `WARNING: While the daemon is away (${because}) onacc-client status cannot start, since others than root can write to ${naming(exposed)}`,
    `WARNING: Install the client where only root can write, or write into clamd.conf ${excluded.join(', ')}`,
  ];
}

function isSafe(file: VitalFile, uid: number, excludedUids: readonly number[]): boolean {
  return excludedUids.includes(uid) || (uid === ROOT && file.isRootOnly);
}

function lastingRows(policy: SelfBlockFacts['failurePolicy']): string[] {
  const rows: string[] = [];
  if (policy.daemonDown === 'deny') rows.push(LASTING.daemonDown);
  if (policy.tooLarge === 'deny') rows.push(LASTING.tooLarge);
  return rows;
}

function excludeUser(daemon: { readonly uid: number; readonly name?: string }): string {
  return daemon.name === undefined
    ? `OnAccessExcludeUID ${daemon.uid}`
    : `OnAccessExcludeUname ${daemon.name}`;
}

function naming(files: readonly VitalFile[]): string {
  const names = files.slice(0, NAMED_MAX).map(({ path }) => path);
  const more = files.length - names.length;
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ');
}

function directoriesOf(files: readonly VitalFile[]): string[] {
  const directories = files.map(({ path }) => path.slice(0, Math.max(1, path.lastIndexOf('/'))));
  return [...new Set(directories)].sort();
}

function report(errors: string[], warnings: string[], lines: string[]): SelfBlockReport {
  return { errors, warnings, lines };
}
