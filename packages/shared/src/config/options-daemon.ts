import { boolRow, numberRow, sizeRow, stringRow } from './option-row.js';

const MIB = 1024 ** 2;

/** Rows of behaviour 3.4, in its order: the daemon itself: logging, sockets, commands, threads, clocks, walking. */
export const DAEMON_OPTIONS = [
  boolRow(
    'AlertExceedsMax',
    false,
    'report a Heuristics.Limits.Exceeded.* detection when a size/recursion/file limit stops a scan',
    { longName: 'alert-exceeds-max' },
  ),
  numberRow(
    'CacheSize',
    65536,
    'number of entries in the clean-file cache (rounded up to a square by the engine)',
    { longName: 'cache-size' },
  ),
  boolRow('PreludeEnable', false, 'send IDMEF alerts (only in builds with Prelude)', {
    longName: 'prelude-enable',
  }),
  stringRow('PreludeAnalyzerName', undefined, 'analyzer name for Prelude; ClamAV when unset', {
    longName: 'prelude-analyzer-name',
  }),
  stringRow('LogFile', undefined, 'log file, absolute path required', { longName: 'log' }),
  boolRow('LogFileUnlock', false, 'yes = do not take the advisory write lock on the log file'),
  sizeRow('LogFileMaxSize', 1 * MIB, 'rotate when the file is larger; 0 = unlimited'),
  boolRow('LogTime', false, 'prefix every log line with ctime +  -> '),
  boolRow('LogClean', false, 'also log PATH: OK lines'),
  boolRow('LogSyslog', false, 'also log to syslog (ident clamd, with pid)'),
  stringRow('LogFacility', 'LOG_LOCAL6', 'syslog facility name, exact spelling LOG_*'),
  boolRow('LogVerbose', false, 'enable debug-level log lines'),
  boolRow(
    'LogRotate',
    false,
    'rotate instead of warn-then-rotate; only read when LogFileMaxSize is non-zero',
    { longName: 'log-rotate' },
  ),
  boolRow('ExtendedDetectionInfo', false, 'add (md5:size) to FOUND lines in the log only'),
  stringRow('PidFile', undefined, 'pid file path (written before privilege drop)', { longName: 'pid' }),
  stringRow(
    'TemporaryDirectory',
    undefined,
    'temp dir for INSTREAM spooling and unpacking (else $TMPDIR, else /tmp); clamonacc never watches it',
    { usedBy: 'both', longName: 'tempdir' },
  ),
  stringRow(
    'DatabaseDirectory',
    '/var/lib/clamav',
    "signature directory; ClamAV sets the default at build time, this is Debian's",
    { longName: 'datadir' },
  ),
  stringRow('CVDCertsDirectory', undefined, 'CA directory for detached database signatures', {
    longName: 'cvdcertsdir',
    since: '1.5',
  }),
  boolRow('OfficialDatabaseOnly', false, 'ignore unofficial databases', { longName: 'official-db-only' }),
  numberRow('FailIfCvdOlderThan', undefined, 'refuse to start if the CVD is older than N days', {
    unit: 'days',
    longName: 'fail-if-cvd-older-than',
  }),
  stringRow('LocalSocket', undefined, 'AF_UNIX stream socket path', { usedBy: 'both' }),
  stringRow('LocalSocketGroup', undefined, 'group name or numeric gid for the socket file'),
  stringRow('LocalSocketMode', undefined, 'octal mode for the socket file (masked with 0666)'),
  boolRow('FixStaleSocket', true, 'unlink a leftover socket file nobody listens on'),
  numberRow('TCPSocket', undefined, 'TCP port', { usedBy: 'both', unit: 'port' }),
  boolRow('EnableShutdownCommand', true, 'no = SHUTDOWN/QUIT answer COMMAND UNAVAILABLE', { since: '1.5' }),
  boolRow('EnableReloadCommand', true, 'no = RELOAD answers COMMAND UNAVAILABLE', { since: '1.5' }),
  boolRow('EnableSelfCheckCommand', true, 'no = SELFCHECK answers COMMAND UNAVAILABLE', { since: 'HEAD' }),
  boolRow(
    'EnableVersionCommand',
    true,
    'no = VERSION answers COMMAND UNAVAILABLE (VERSIONCOMMANDS is not covered)',
    { since: '1.5' },
  ),
  boolRow('EnableStatsCommand', true, 'no = STATS answers COMMAND UNAVAILABLE', { since: '1.5' }),
  stringRow(
    'TCPAddr',
    undefined,
    'address(es) to bind; all = wildcard; unset = wildcard. Clients treat any as wildcard',
    { multi: true, usedBy: 'both' },
  ),
  numberRow('MaxConnectionQueueLength', 200, 'listen() backlog for every listening socket'),
  sizeRow('StreamMaxLength', 100 * MIB, 'max bytes of one INSTREAM; also the client-side send limit', {
    usedBy: 'both',
  }),
  numberRow('StreamMinPort', 1024, 'legacy STREAM port range; still validated (>=1024)', { unit: 'port' }),
  numberRow('StreamMaxPort', 2048, 'legacy STREAM port range; still validated (<=65535)', { unit: 'port' }),
  numberRow('MaxThreads', 10, 'size of the scan thread pool'),
  numberRow(
    'ReadTimeout',
    120,
    'seconds without client data after the first command / inside INSTREAM / inside a session',
    { unit: 'seconds' },
  ),
  numberRow('CommandReadTimeout', 30, 'seconds a new connection may take to complete its first command', {
    unit: 'seconds',
  }),
  numberRow(
    'SendBufTimeout',
    500,
    'milliseconds to wait for a full send buffer before giving up on the client',
    { unit: 'milliseconds' },
  ),
  numberRow(
    'MaxQueue',
    100,
    'limit for both pollable connections and queued+running jobs; auto-adjusted, see 1.9',
  ),
  numberRow('IdleTimeout', 30, 'seconds an idle pool thread lives', { unit: 'seconds' }),
  stringRow('ExcludePath', undefined, 'regex (POSIX ERE, case-sensitive, unanchored) of paths not to scan', {
    multi: true,
  }),
  numberRow('MaxDirectoryRecursion', 15, 'max directory depth below the requested path; 0 = unlimited', {
    longName: 'max-dir-recursion',
  }),
  boolRow('FollowDirectorySymlinks', false, 'follow symlinks to directories'),
  boolRow('FollowFileSymlinks', false, 'follow symlinks to regular files'),
  boolRow('CrossFilesystems', true, 'no = do not leave the device of the requested path', {
    longName: 'cross-fs',
  }),
  numberRow('SelfCheck', 600, 'seconds between database change checks; 0 = off', { unit: 'seconds' }),
  boolRow(
    'ConcurrentDatabaseReload',
    true,
    'load the new engine beside the old one (yes) or stop the world (no)',
  ),
  boolRow('DisableCache', false, 'turn the clean-file cache off', { longName: 'disable-cache' }),
  stringRow('VirusEvent', undefined, 'shell command run synchronously on each detection'),
  boolRow('ExitOnOOM', false, 'shut the daemon down when the engine reports out-of-memory'),
  boolRow('AllowAllMatchScan', true, 'no = ALLMATCHSCAN refused with an ERROR reply'),
] as const;
