import type { OptionReader } from './option-reader.js';

/** The OnAccess… options, for the on-access client. */
export interface OnAccessConfig {
  readonly includePaths: readonly string[];
  readonly mountPaths: readonly string[];
  /** ClamAV HEAD: regular expressions; 1.4: exact paths. */
  readonly excludePaths: readonly string[];
  readonly prevention: boolean;
  /** Larger files are allowed unscanned; Infinity = no limit. */
  readonly maxFileSizeBytes: number;
  /** For each step of a connection to the daemon. */
  readonly curlTimeoutMs: number;
  readonly maxThreads: number;
  readonly retryAttempts: number;
  readonly denyOnError: boolean;
  /** As written. A 0 among them switches ClamAV's list off (clamd.conf(5)); that is for the policy to apply. */
  readonly excludeUids: readonly number[];
  /** Account names; ClamAV compares them as prefixes (behaviour 4.6). */
  readonly excludeUnames: readonly string[];
  readonly excludeRootUid: boolean;
  readonly extraScanning: boolean;
  readonly disableDdd: boolean;
}

/** Builds the on-access slice. */
export function resolveOnAccess(options: OptionReader): OnAccessConfig {
  return {
    includePaths: options.texts('OnAccessIncludePath'),
    mountPaths: options.texts('OnAccessMountPath'),
    excludePaths: options.texts('OnAccessExcludePath'),
    prevention: options.bool('OnAccessPrevention'),
    maxFileSizeBytes: options.bytes('OnAccessMaxFileSize'),
    curlTimeoutMs: options.durationMs('OnAccessCurlTimeout'),
    maxThreads: options.count('OnAccessMaxThreads'),
    retryAttempts: options.count('OnAccessRetryAttempts'),
    denyOnError: options.bool('OnAccessDenyOnError'),
    excludeUids: options.counts('OnAccessExcludeUID'),
    excludeUnames: options.texts('OnAccessExcludeUname'),
    excludeRootUid: options.bool('OnAccessExcludeRootUID'),
    extraScanning: options.bool('OnAccessExtraScanning'),
    disableDdd: options.bool('OnAccessDisableDDD'),
  };
}
