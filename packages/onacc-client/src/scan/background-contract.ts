import type { NativeApi } from '@portcullis/shared/native';
import type { LinkOptions } from './link-contract.js';

/** A file found infected without anybody having opened it. */
export interface BackgroundDetection {
  /** Where it is now, or where it was told of. */
  readonly path: string;
  readonly signatureName: string;
  /** The very file that was judged, the receiver's to close; -1 unless `handsOver` was asked for. */
  readonly fd: number;
}

export interface BackgroundScannerOptions {
  readonly native: NativeApi;
  readonly link: Pick<
    LinkOptions,
    'endpoint' | 'transfer' | 'connectMaxMs' | 'commandReadTimeoutMs' | 'streamMaxBytes' | 'nowMs'
  >;
  /** OnAccessMaxFileSize; `Infinity` for no limit. */
  readonly fileMaxBytes: number;
  /** OnAccessExcludePath, for directories below one that was submitted. */
  readonly isExcluded?: (directory: string) => boolean;
  readonly handsOver: boolean;
  /** Must not throw. */
  readonly onDetection: (detection: BackgroundDetection) => void;
  /** What should have been scanned and was not. Must not throw. */
  readonly onIssue: (path: string, issue: BackgroundIssue) => void;
  /** For whoever has no gates to hear it from. Must not throw. */
  readonly onDaemon?: (word: DaemonWord) => void;
}

/** What the link learns of the daemon. */
export type DaemonWord =
  | { readonly kind: 'daemonUp'; readonly pid: number }
  | { readonly kind: 'daemonDown'; readonly reason: string }
  | { readonly kind: 'databaseChanged' };

/** `incomplete`: a limit of the daemon ended the scan before everything was looked at. */
export type BackgroundIssue =
  'unreadable' | 'tooLarge' | 'incomplete' | 'scanFailed' | 'daemonDown' | 'dropped';

/** Since the start. */
export interface BackgroundCounts {
  scanned: number;
  infected: number;
  /** Vanished, empty or no regular file. */
  skipped: number;
  tooLarge: number;
  failed: number;
  /** Files and directories for which there was no room. */
  dropped: number;
}
