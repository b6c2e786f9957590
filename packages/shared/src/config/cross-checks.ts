import type { ConfigIssue } from './config-issue.js';
import type { ClamdConfig } from './resolve.js';

const SYSLOG_FACILITIES: ReadonlySet<string> = new Set(
  'AUTH AUTHPRIV CRON DAEMON FTP KERN LPR MAIL NEWS SYSLOG USER UUCP LOCAL0 LOCAL1 LOCAL2 LOCAL3 LOCAL4 LOCAL5 LOCAL6 LOCAL7'
    .split(' ')
    .map((name) => `LOG_${name}`),
);

/**
 * Values that parse but stop clamd when it starts, in the order in which clamd meets them (behaviour 2.2, 2.5, 3.4).
 * Whether any socket is defined is not judged here: systemd may hand one over.
 */
export function checkDaemonConfig(config: ClamdConfig): readonly ConfigIssue[] {
  const { logging, streams, pua, limits, bytecode, listen, threads } = config;
  const issues: ConfigIssue[] = [];
  const clamav = (message: string): unknown => issues.push({ severity: 'error', origin: 'clamav', message });
  const ours = (message: string): unknown =>
    issues.push({ severity: 'error', origin: 'portcullis', message });

  if (logging.filePath !== undefined && !logging.filePath.startsWith('/')) {
    clamav('LogFile requires full path.');
  }
  if (logging.syslog && !SYSLOG_FACILITIES.has(logging.syslogFacility)) {
    clamav(`LogFacility: ${logging.syslogFacility}: No such facility.`);
  }
  if (streams.portMin < 1024 || streams.portMax > 65535 || streams.portMin > streams.portMax) {
    clamav(`Invalid StreamMinPort/StreamMaxPort: ${streams.portMin}, ${streams.portMax}`);
  }
  if (pua.detect && pua.excludeCategories.length > 0 && pua.includeCategories.length > 0) {
    clamav('ExcludePUA and IncludePUA cannot be used at the same time');
  }
  if (bytecode.enabled && bytecode.security !== 'TrustSigned' && bytecode.security !== 'Paranoid') {
    clamav(`Unable to parse bytecode security setting:${bytecode.security}`);
  }
  if (limits.recursionDepthMax < 1 || limits.recursionDepthMax > 100) {
    ours(`MaxRecursion ${limits.recursionDepthMax} is out of range, allowed are 1 to 100`);
  }
  if (listen.tcpPort !== undefined && listen.tcpPort > 65535) {
    ours(`TCPSocket ${listen.tcpPort} is not a port, allowed are 1 to 65535`);
  }
  if (listen.localSocketModeText !== undefined && listen.localSocketMode === undefined) {
    clamav(`Invalid LocalSocketMode ${listen.localSocketModeText}`);
  }
  if (threads.threadsMax < 1) ours('MaxThreads must be at least 1');
  return issues;
}

/** Contradictions among the OnAccess options, about which clamonacc says nothing (behaviour 4.3). */
export function checkOnAccessConfig({ onAccess }: ClamdConfig): readonly ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const warn = (message: string): unknown =>
    issues.push({ severity: 'warning', origin: 'portcullis', message });
  if (onAccess.mountPaths.length > 0) {
    if (onAccess.prevention)
      warn('OnAccessPrevention with OnAccessMountPath: ClamAV would not prevent then, Portcullis does');
    if (onAccess.includePaths.length > 0)
      warn('OnAccessIncludePath is ignored, as ClamAV does when OnAccessMountPath is set');
  } else if (onAccess.includePaths.length === 0) {
    warn('Neither OnAccessIncludePath nor OnAccessMountPath is set: nothing is protected');
  }
  if (onAccess.excludeUids.includes(0)) {
    warn('OnAccessExcludeUID 0 can switch the whole list off, use OnAccessExcludeRootUID for root');
  }
  if (onAccess.maxThreads < 1) warn('OnAccessMaxThreads is 0');
  return issues;
}
