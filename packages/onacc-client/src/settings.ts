import type { EnvTable, EnvValues } from '@portcullis/shared';

/** Prefix of the variables below. */
export const ENV_PREFIX = 'ONACC_';

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
    meaning: 'clean verdicts remembered in user space, 48 bytes each and gate',
  },
  {
    name: 'KERNEL_CACHE',
    type: 'bool',
    default: true,
    meaning: 'whether clean files that only root can write to are also cached in the kernel (ignore marks)',
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
