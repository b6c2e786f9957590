import { sanitize } from '@portcullis/shared';
import type { RootStatus, StatusSnapshot } from './status-snapshot.js';

/** Problems shown of one place; --json has more. */
const ISSUES_SHOWN_MAX = 10;

/** Reasons in the order in which they are told; what is not named here follows under its own name. */
const REASON_WORDS: readonly (readonly [string, string])[] = [
  ['clean', 'scanned and clean'],
  ['cacheHits', 'known to be clean since an earlier scan'],
  ['infected', 'infected'],
  ['tooLarge', 'larger than OnAccessMaxFileSize'],
  ['incomplete', 'scanned in part, up to a limit of the daemon'],
  ['scanError', 'could not be scanned by the daemon'],
  ['timeout', 'no verdict in time (OnAccessCurlTimeout)'],
  ['daemonDown', 'opened while the daemon was away'],
  ['overload', 'opened while too many others waited'],
  ['internalError', 'errors of the client'],
  ['stopping', 'opened while the client was stopping'],
  ['skippedEmpty', 'empty files'],
  ['skippedNotRegular', 'no regular files'],
  ['skippedExcludedUser', 'by excluded users'],
  ['skippedOutsideScope', 'outside the protected places'],
  ['skippedDaemonProcess', 'by the daemon itself'],
  ['skippedOwnProcess', 'by the client itself'],
];

const ISSUE_WORDS: Readonly<Record<string, string>> = {
  notMarked: 'cannot be marked: opens in it are not seen',
  notFollowed: 'is not followed: new directories in it are not seen',
  notRead: 'cannot be read: what lies below it is not known',
  vanished: 'was gone before it could be marked',
  rootMissing: 'there is no such directory; it is protected as soon as there is one',
  otherDevice: 'another filesystem is mounted there; give it an OnAccessIncludePath of its own to protect it',
  directoryLimit: 'too many directories are watched already',
  eventsLost: 'changes were missed; the tree is walked again',
};

/** A snapshot for people. */
export function formatStatusText(snapshot: StatusSnapshot): string {
  const { daemon } = snapshot;
  const lines = [
    `Portcullis onacc-client ${snapshot.version}, pid ${snapshot.pid}, running for ${duration(snapshot.uptimeSeconds)}`,
    '',
    `  State      ${stateText(snapshot)}`,
    `  Interface  ${snapshot.interface}, ${snapshot.strategy} marks`,
    `  Daemon     ${daemon.endpoint}: ${daemonText(snapshot)}`,
    `  Settings   ${sanitize(snapshot.configPath)}`,
    '',
    ...verdictLines(snapshot),
    'Protected places',
    ...snapshot.watch.roots.flatMap(rootLines),
    ...unlistedLine(snapshot.watch.unlistedIssues),
    '',
    ...openLines(snapshot),
    '',
    ...policyLines(snapshot),
    '',
    ...resourceLines(snapshot),
  ];
  return `${lines.join('\n')}\n`;
}

function stateText({ state, mode }: StatusSnapshot): string {
  switch (mode) {
    case 'prevention':
      return 'prevention: an infected file cannot be opened';
    case 'notify-only':
      return `${sanitize(state)}. Infected files are told of in the log, and can be opened`;
    case 'starting':
      return 'starting: not everything is protected yet';
    case 'stopping':
      return 'stopping: protection ends';
  }
}

function daemonText({ daemon, takenAt }: StatusSnapshot): string {
  const forSeconds = Math.max(0, Math.round((Date.parse(takenAt) - Date.parse(daemon.since)) / 1_000));
  const pid = daemon.pid === undefined ? '' : ` (pid ${daemon.pid})`;
  switch (daemon.state) {
    case 'up':
      return `connected for ${duration(forSeconds)}${pid}`;
    case 'down':
      return `AWAY for ${duration(forSeconds)}: ${sanitize(daemon.reason ?? 'no reason given')}`;
    case 'unknown':
      return 'not asked yet';
  }
}

/** The one thing a reader must not miss. */
function verdictLines({ degraded }: StatusSnapshot): string[] {
  if (degraded.length === 0) return [];
  return [
    'NOT ALL IS WELL',
    ...degraded.map((reason) => `  - ${sanitize(reason)}`),
    '  `onacc-client doctor` looks for the causes and says what to do.',
    '',
  ];
}

function rootLines(root: RootStatus): string[] {
  const path = sanitize(root.path);
  const count = `${number(root.directories)} ${root.directories === 1 ? 'directory' : 'directories'}`;
  const shown = root.issues
    .slice(0, ISSUES_SHOWN_MAX)
    .map(({ path: at, what, code, count: times, advice }) => {
      const often = times === 1 ? '' : `, ${number(times)} times`;
      const todo = advice === undefined ? '' : `: ${sanitize(advice)}`;
      return `      ${sanitize(at)}: ${ISSUE_WORDS[what] ?? what} (${sanitize(code)}${often})${todo}`;
    });
  const more = root.issues.length - shown.length + root.moreIssues;
  if (more > 0) shown.push(`      and ${number(more)} problems more`);
  switch (root.state) {
    case 'protected':
      return [`  ${path}  protected, ${count}`, ...shown];
    case 'partial':
      return [`  ${path}  PROTECTED IN PART, ${count}`, ...shown];
    case 'missing':
      return [`  ${path}  NOT THERE: it is protected as soon as it exists`];
  }
}

function unlistedLine(unlisted: number): string[] {
  return unlisted === 0 ? [] : [`  and ${number(unlisted)} problems that are not listed (see the log)`];
}

function openLines({ decisions, mode }: StatusSnapshot): string[] {
  const { allowed, denied, byReason } = decisions;
  const named = new Set(REASON_WORDS.map(([name]) => name));
  const reasons = [
    ...REASON_WORDS.map(([name, words]) => [words, byReason[name] ?? 0] as const),
    ...Object.entries(byReason).filter(([name]) => !named.has(name)),
  ].filter(([, count]) => count > 0);
  const width = Math.max(0, ...reasons.map(([, count]) => number(count).length));
  const head =
    mode === 'notify-only'
      ? `Opens since the start: ${number(allowed + denied)} seen`
      : `Opens since the start: ${number(allowed)} allowed, ${number(denied)} denied`;
  return [head, ...reasons.map(([words, count]) => `  ${number(count).padStart(width)}  ${words}`)];
}

function policyLines({ policy, mode }: StatusSnapshot): string[] {
  if (mode === 'notify-only') return ['Nothing is denied in this state, whatever happens.'];
  const causesOf = (decision: string): string =>
    policy
      .filter((row) => row.decision === decision)
      .map(({ cause }) => cause)
      .join(', ') || 'nothing';
  return [
    'Where there is no verdict (OnAccessDenyOnError, ONACC_ON_…)',
    `  allowed  ${causesOf('allow')}`,
    `  denied   ${causesOf('deny')}`,
  ];
}

function resourceLines({ queue, fds, gates, cache, actions, log, watch }: StatusSnapshot): string[] {
  const of = (now: number | undefined, max: number): string =>
    `${now === undefined ? '?' : number(now)} of ${number(max)}`;
  const stuck = gates.stuck === undefined || gates.stuck === 0 ? '' : `, ${gates.stuck} STUCK`;
  const acted = Object.entries(actions.counts).map(([name, count]) => `${number(count)} ${name}`);
  const lines = [
    'Inside',
    `  opens that wait   ${of(queue.held, queue.heldMax)}`,
    `  descriptors       ${of(fds.open, fds.limit)}`,
    `  gate threads      ${gates.threads}${stuck}, ${number(gates.takeovers)} takeovers`,
    `  verdict cache     ${number(cache.hits)} hits, room for ${number(cache.entriesMax)}; ${number(cache.kernelMarks)} kept by the kernel`,
  ];
  if (actions.kind !== 'none') lines.push(`  action ${actions.kind}  ${acted.join(', ') || 'never yet'}`);
  if (watch.overflows > 0)
    lines.push(`  lost events       ${number(watch.overflows)} times; the trees were walked again`);
  const dropped = log.linesDropped + log.messagesDropped;
  if (dropped > 0)
    lines.push(`  log               ${number(dropped)} lines dropped: the log or its disk is too slow`);
  return lines;
}

/** `12,345`. */
function number(value: number): string {
  return value.toLocaleString('en-US');
}

/** `3 d 4 h`, `2 h 5 min`, `7 min`, `12 s`. */
export function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${Math.floor(seconds)} s`;
}
