/** What one daemon's clamd.conf says. The paths are ours: absolute and without white space. */
export interface ParityConf {
  readonly socketPath: string;
  readonly databaseDirectory: string;
  readonly temporaryDirectory: string;
  /** Whoever starts the comparison is root: so is the daemon, which can then open what root can. */
  readonly isRoot: boolean;
  readonly confLines: readonly string[];
}

/** A clamd.conf in which only the paths differ between the daemons. What is not named is ClamAV's default. */
export function renderParityConf(conf: ParityConf): string {
  return [
    `LocalSocket ${conf.socketPath}`,
    `DatabaseDirectory ${conf.databaseDirectory}`,
    `TemporaryDirectory ${conf.temporaryDirectory}`,
    'Foreground yes',
    ...(conf.isRoot ? ['User root'] : []),
    ...conf.confLines,
    '',
  ].join('\n');
}
