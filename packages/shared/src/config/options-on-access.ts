import { boolRow, numberRow, sizeRow, stringRow } from './option-row.js';

const MIB = 1024 ** 2;

/** Rows of behaviour 3.4, in its order: on-access scanning, the hidden options and the old names that still work. */
export const ON_ACCESS_OPTIONS = [
  stringRow('OnAccessMountPath', undefined, 'mark whole mount(s); disables prevention and DDD', {
    multi: true,
    usedBy: 'clamonacc',
  }),
  stringRow('OnAccessIncludePath', undefined, 'directory to protect (recursive with DDD)', {
    multi: true,
    usedBy: 'clamonacc',
  }),
  stringRow(
    'OnAccessExcludePath',
    undefined,
    'directories to take out of DDD (HEAD/1.5: regex; 1.4: exact path)',
    { multi: true, usedBy: 'clamonacc' },
  ),
  boolRow('OnAccessExcludeRootUID', false, 'do not scan accesses by uid 0', { usedBy: 'clamonacc' }),
  numberRow('OnAccessExcludeUID', undefined, 'do not scan accesses by this uid', {
    multi: true,
    usedBy: 'clamonacc',
    unit: 'uid',
  }),
  stringRow(
    'OnAccessExcludeUname',
    undefined,
    'do not scan accesses by users whose name starts with this string',
    { multi: true, usedBy: 'clamonacc' },
  ),
  sizeRow('OnAccessMaxFileSize', 5 * MIB, 'larger files are allowed unscanned; 0 = no limit', {
    usedBy: 'clamonacc',
  }),
  boolRow('OnAccessDisableDDD', false, 'no recursive tracking', { usedBy: 'clamonacc' }),
  boolRow('OnAccessPrevention', false, 'use permission events (block until verdict)', {
    usedBy: 'clamonacc',
  }),
  boolRow('OnAccessExtraScanning', false, 'also scan on inotify create/close-write/move-in', {
    usedBy: 'clamonacc',
  }),
  numberRow('OnAccessCurlTimeout', 5000, 'ms per connect/send/recv step', {
    usedBy: 'clamonacc',
    unit: 'milliseconds',
  }),
  numberRow('OnAccessMaxThreads', 5, 'worker threads', { usedBy: 'clamonacc' }),
  numberRow('OnAccessRetryAttempts', 0, 'retries after a failed scan', { usedBy: 'clamonacc' }),
  boolRow('OnAccessDenyOnError', false, 'deny instead of allow when a scan failed', { usedBy: 'clamonacc' }),
  boolRow('DevACOnly', false, 'hidden: AC matcher only', { longName: 'dev-ac-only' }),
  numberRow('DevACDepth', undefined, 'hidden: AC trie depth', { longName: 'dev-ac-depth' }),
  boolRow('DevPerformance', false, 'hidden, no effect in clamd', { longName: 'dev-performance' }),
  boolRow('DevLiblog', false, 'hidden: route libclamav messages into the log', { longName: 'dev-liblog' }),
  boolRow('DisableCertCheck', false, 'skip Authenticode checks', { longName: 'nocerts' }),
  boolRow(
    'AlgorithmicDetection',
    true,
    'old name of HeuristicAlerts; no still switches heuristics off, with a log warning',
    { longName: 'algorithmic-detection' },
  ),
  boolRow('BlockMax', false, 'old name of AlertExceedsMax; still works, log warning', {
    longName: 'block-max',
  }),
  boolRow('PhishingAlwaysBlockSSLMismatch', false, 'old name of AlertPhishingSSLMismatch; still works', {
    longName: 'phishing-ssl',
  }),
  boolRow('PhishingAlwaysBlockCloak', false, 'old name of AlertPhishingCloak; still works', {
    longName: 'phishing-cloak',
  }),
  boolRow('PartitionIntersection', false, 'old name of AlertPartitionIntersection; still works', {
    longName: 'partition-intersection',
  }),
  boolRow('OLE2BlockMacros', false, 'old name of AlertOLE2Macros; still works', { longName: 'block-macros' }),
  boolRow('ArchiveBlockEncrypted', false, 'old name of AlertEncrypted; still works, log warning', {
    longName: 'block-encrypted',
  }),
] as const;
