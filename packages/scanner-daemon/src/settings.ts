import type { EnvTable, EnvValues } from '@portcullis/shared';

/** What the daemon's environment variables begin with. */
export const SETTINGS_PREFIX = 'SCANNER_';

/** Everything that clamd.conf has no word for, one row each. The configuration page is made from this table. */
export const SETTINGS_TABLE = [
  {
    name: 'ENGINE',
    type: 'choice',
    choices: ['auto', 'builtin', 'libclamav'],
    default: 'auto',
    meaning:
      'Which engine scans. builtin needs no native library; libclamav is ClamAV’s own; auto takes libclamav where it is installed and takes the database, and builtin where it is not, or where there is no clamd.conf.',
  },
  {
    name: 'LIBCLAMAV',
    type: 'string',
    default: undefined,
    meaning:
      'The library of the libclamav engine: a path. Unset: libclamav.so.12, .11 or .9, whichever the loader finds first.',
  },
  {
    name: 'ISOLATION',
    type: 'choice',
    choices: ['yes', 'no'],
    default: 'yes',
    meaning:
      'Whether libclamav runs in a process of its own. no: a crash of libclamav is the end of the daemon.',
  },
  {
    name: 'THREADS',
    type: 'count',
    default: undefined,
    min: 1,
    max: 1024,
    meaning: 'Scan threads. Unset: as many as the machine has cores, and never more than MaxThreads.',
  },
  {
    name: 'INLINE_MAX_BYTES',
    type: 'bytes',
    default: 65_536,
    max: 1_048_576,
    meaning: 'Files and streams of at most this size are scanned on the main thread. 0 = never.',
  },
  {
    name: 'SPOOL_MEMORY_BYTES',
    type: 'bytes',
    default: 1_048_576,
    max: 1_073_741_824,
    meaning: 'A stream of at most this size stays in memory; a longer one goes to TemporaryDirectory.',
  },
  {
    name: 'BUNDLED_SIGNATURES',
    type: 'choice',
    choices: ['auto', 'yes', 'no'],
    default: 'auto',
    meaning: 'Whether the bundled test signatures are loaded too. auto = only when there is no clamd.conf.',
  },
  {
    name: 'DATABASE_IMAGE',
    type: 'string',
    default: undefined,
    meaning:
      'Where the built-in engine keeps its compiled database, so that the next start need not compile it: a directory of its own, or no. Unset: $CACHE_DIRECTORY, $XDG_CACHE_HOME/portcullis or ~/.cache/portcullis.',
  },
  {
    name: 'RUN_DIRECTORY',
    type: 'string',
    default: undefined,
    meaning:
      'Where the socket goes when there is no clamd.conf. Unset: $XDG_RUNTIME_DIR/portcullis or /run/portcullis.',
  },
  {
    name: 'CONNECTIONS_MAX',
    type: 'count',
    default: 1024,
    min: 1,
    max: 1_000_000,
    meaning: 'Client connections held at a time; more wait in the backlog.',
  },
  {
    name: 'SCAN_GRACE_MS',
    type: 'milliseconds',
    default: 5000,
    min: 100,
    max: 3_600_000,
    meaning: 'How long past MaxScanTime a scan thread may stay silent before it is terminated and replaced.',
  },
  {
    name: 'STOP_GRACE_MS',
    type: 'milliseconds',
    default: 30_000,
    max: 3_600_000,
    meaning: 'How long running scans may take to finish when the daemon is told to stop.',
  },
  {
    name: 'LOG_LEVEL',
    type: 'choice',
    choices: ['error', 'warn', 'info', 'debug', 'silent'],
    default: 'info',
    meaning: 'The least severe lines that are written to stdout. LogFile has its own options in clamd.conf.',
  },
] as const satisfies EnvTable;

export type ScannerSettings = EnvValues<typeof SETTINGS_TABLE>;
