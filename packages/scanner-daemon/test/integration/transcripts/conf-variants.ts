/** A clamd.conf that scripts ask for by name. */
export interface ConfVariant {
  /** For both daemons. */
  readonly lines: readonly string[];
  /** Directives that clamd 1.4.6 does not know: only ours gets them. */
  readonly oursOnly?: readonly string[];
  /** The environment of our daemon. */
  readonly ourSettings?: Readonly<Record<string, string>>;
  /** Whether the test must run as root. */
  readonly needsRoot?: true;
}

export const CONF_VARIANTS = {
  plain: { lines: [] },
  twoThreads: { lines: ['MaxThreads 2'], ourSettings: { SCANNER_THREADS: '2' } },
  tight: { lines: ['MaxThreads 1', 'StreamMaxLength 1000', 'AllowAllMatchScan no'] },
  commandTimeout: { lines: ['CommandReadTimeout 1'] },
  readTimeout: { lines: ['ReadTimeout 1'] },
  excluded: { lines: ['ExcludePath skipped$', 'ExcludePath /dir-only/', 'ExcludePath BAD-[12]'] },
  linksFollowed: {
    lines: ['FollowDirectorySymlinks yes', 'FollowFileSymlinks yes', 'MaxDirectoryRecursion 0'],
  },
  oneFilesystem: {
    lines: ['CrossFilesystems no', 'FollowDirectorySymlinks yes', 'FollowFileSymlinks yes'],
  },
  shallow: { lines: ['MaxDirectoryRecursion 1'] },
  smallFiles: { lines: ['MaxFileSize 1K'] },
  smallFilesAlert: { lines: ['MaxFileSize 1K', 'AlertExceedsMax yes'] },
  smallScan: { lines: ['MaxScanSize 1K'] },
  smallScanAlert: { lines: ['MaxScanSize 1K', 'AlertExceedsMax yes'] },
  unprivileged: { lines: ['User nobody'], needsRoot: true },
  disabled: {
    lines: [],
    oursOnly: [
      'EnableShutdownCommand no',
      'EnableReloadCommand no',
      'EnableSelfCheckCommand no',
      'EnableVersionCommand no',
      'EnableStatsCommand no',
    ],
  },
} as const satisfies Record<string, ConfVariant>;

export type ConfName = keyof typeof CONF_VARIANTS;

/** All names, in the order in which the daemons are started. */
export const CONF_NAMES = Object.keys(CONF_VARIANTS) as ConfName[]; // The keys of an object literal are known.

export function confVariant(name: ConfName): ConfVariant {
  return CONF_VARIANTS[name];
}
