import type { EnvTable, EnvValues } from '@portcullis/shared';

/** Prefix of the variables below. */
export const ENV_PREFIX = 'ONACC_';

const ALLOW_OR_DENY = { type: 'choice', choices: ['allow', 'deny'], default: undefined } as const;

/** What clamd.conf has no word for. One row a variable; an unknown or ill-typed one is an error that names it. */
export const SETTINGS = [
  {
    name: 'GATES',
    type: 'count',
    default: 3,
    min: 2,
    max: 8,
    meaning:
      'threads that can answer the kernel: one reads, the others relieve it when a lease or a hung filesystem blocks it',
  },
  {
    name: 'STUCK_AFTER_MS',
    type: 'milliseconds',
    default: 100,
    min: 50,
    max: 10_000,
    meaning: 'how long a turn of the reading gate may last before another one takes over',
  },
  {
    name: 'SCANS_IN_FLIGHT',
    type: 'count',
    default: 128,
    min: 1,
    max: 4_096,
    meaning: 'scans sent to the daemon and not yet answered, at most; further ones wait in line',
  },
  {
    name: 'SPIN_MICROSECONDS',
    type: 'count',
    default: 150,
    max: 1_000,
    meaning:
      'how long a gate waits awake for the answer to a single scan before it goes to sleep; 0 = not at all',
  },
  {
    name: 'CACHE_ENTRIES',
    type: 'count',
    default: 131_072,
    min: 4,
    max: 16_777_216,
    meaning: 'clean verdicts remembered in user space, 52 bytes each and gate',
  },
  {
    name: 'KERNEL_CACHE',
    type: 'bool',
    default: true,
    meaning: 'whether clean files that only root can write to are also cached in the kernel (ignore marks)',
  },
  {
    name: 'GATES_MAX',
    type: 'count',
    default: 16,
    min: 2,
    max: 64,
    meaning: 'threads at most: while gates are stuck further ones are started, up to this number',
  },
  {
    name: 'MARKS',
    type: 'choice',
    choices: ['directory', 'mount', 'filesystem'],
    default: 'directory',
    meaning:
      'how OnAccessIncludePath is marked: every directory, or the whole mount or filesystem it lies on (then other paths on it are let through)',
  },
  {
    name: 'INTERFACE',
    type: 'choice',
    choices: ['auto', 'fanotify', 'inotify'],
    default: 'auto',
    meaning: 'the kernel interface: auto takes the best that is there; inotify can only tell, not prevent',
  },
  {
    name: 'INCLUDE_FILESYSTEMS',
    type: 'string',
    default: undefined,
    meaning:
      'types of network filesystems that are protected all the same, with commas: nfs,fuse.sshfs. By default they are not',
  },
  {
    name: 'LEASE_CACHE',
    type: 'bool',
    default: true,
    meaning:
      'whether clean files that others can write to are cached in the kernel too, each guarded by a lease that tells of the next writer',
  },
  {
    name: 'ON_TOO_LARGE',
    ...ALLOW_OR_DENY,
    meaning: 'decision for a file above OnAccessMaxFileSize. Unset: allow',
  },
  {
    name: 'ON_INCOMPLETE',
    ...ALLOW_OR_DENY,
    meaning:
      'decision where a limit ended the scan before everything was looked at. Unset: as OnAccessDenyOnError',
  },
  {
    name: 'ON_SCAN_ERROR',
    ...ALLOW_OR_DENY,
    meaning: 'decision where the daemon could not scan. Unset: as OnAccessDenyOnError',
  },
  {
    name: 'ON_TIMEOUT',
    ...ALLOW_OR_DENY,
    meaning: 'decision where no verdict came within OnAccessCurlTimeout. Unset: as OnAccessDenyOnError',
  },
  {
    name: 'ON_DAEMON_DOWN',
    ...ALLOW_OR_DENY,
    meaning: 'decision while the daemon is away. Unset: as OnAccessDenyOnError',
  },
  {
    name: 'ON_OVERLOAD',
    ...ALLOW_OR_DENY,
    meaning: 'decision where more opens wait than there are descriptors for. Unset: as OnAccessDenyOnError',
  },
  {
    name: 'ON_INTERNAL_ERROR',
    ...ALLOW_OR_DENY,
    meaning: 'decision where the client itself failed on an event. Unset: as OnAccessDenyOnError',
  },
  {
    name: 'ON_STOPPING',
    ...ALLOW_OR_DENY,
    meaning: 'decision for opens that wait when the client is told to stop. Unset: allow',
  },
  {
    name: 'ON_DETECTION',
    type: 'string',
    default: undefined,
    meaning:
      'a command that is run after each detection, words separated by blanks; no shell reads it (docs/onaccess.md)',
  },
  {
    name: 'CONTROL_SOCKET',
    type: 'string',
    default: '/run/onacc-client/control.sock',
    meaning: 'where the running client answers `onacc-client status`',
  },
  {
    name: 'LOG_LEVEL',
    type: 'choice',
    choices: ['error', 'warn', 'info', 'debug'],
    default: 'info',
    meaning: 'nothing below this level is logged',
  },
] as const satisfies EnvTable;

export type Settings = EnvValues<typeof SETTINGS>;
