/** The paths a configuration names; all absolute and without white space. */
export interface ClamdConfPaths {
  readonly socketPath: string;
  readonly signatureDirectory: string;
  readonly temporaryDirectory: string;
  readonly watchedDirectory: string;
}

/** The account both daemons drop to, and whose opens both clients leave alone (else clamd would wait for itself). */
const daemonUser = 'clamav';

/** One clamd.conf for both sides: everything not named here is ClamAV's default. */
export function renderClamdConf(paths: ClamdConfPaths): string {
  return [
    `LocalSocket ${paths.socketPath}`,
    `DatabaseDirectory ${paths.signatureDirectory}`,
    `TemporaryDirectory ${paths.temporaryDirectory}`,
    'Foreground yes',
    `User ${daemonUser}`,
    `OnAccessIncludePath ${paths.watchedDirectory}`,
    'OnAccessPrevention yes',
    `OnAccessExcludeUname ${daemonUser}`,
    '',
  ].join('\n');
}
