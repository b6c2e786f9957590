/** The paths and the port a configuration names; all absolute and without white space. */
export interface DaemonConfPaths {
  readonly socketPath: string;
  readonly tcpPort: number;
  readonly signatureDirectory: string;
  readonly temporaryDirectory: string;
}

/**
 * One clamd.conf for both daemons. Everything not named is ClamAV's default: MaxThreads 10, MaxQueue 100,
 * StreamMaxLength 100M, the cache of clean files on.
 */
export function renderDaemonConf(paths: DaemonConfPaths): string {
  return [
    `LocalSocket ${paths.socketPath}`,
    `TCPSocket ${paths.tcpPort}`,
    'TCPAddr 127.0.0.1',
    `DatabaseDirectory ${paths.signatureDirectory}`,
    `TemporaryDirectory ${paths.temporaryDirectory}`,
    'Foreground yes',
    'User clamav',
    '',
  ].join('\n');
}
