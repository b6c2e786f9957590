/** How a daemon is asked about a file, by the names `--mode` takes. */
export const modeNames = ['scan', 'contscan', 'multiscan', 'allmatch', 'fildes', 'instream'] as const;
export type ModeName = (typeof modeNames)[number];

/** Those that name a path, which the daemon opens itself. */
export type PathModeName = Exclude<ModeName, 'fildes' | 'instream'>;

/** The command of each (behaviour 1.10). */
export const pathVerbs = {
  scan: 'SCAN',
  contscan: 'CONTSCAN',
  multiscan: 'MULTISCAN',
  allmatch: 'ALLMATCHSCAN',
} as const satisfies Record<PathModeName, string>;

/** Those that go on after a detection, so that one command can judge a whole tree. */
export type WholeTreeModeName = 'contscan' | 'multiscan';

export function isWholeTreeMode(mode: ModeName): mode is WholeTreeModeName {
  return mode === 'contscan' || mode === 'multiscan';
}
