import type { LibraryFacts, MessageSeverity } from '../engine/libclamav/binding.js';
import type { LibclamavSettings } from '../engine/libclamav/engine-settings.js';

/** What the host is made with; it crosses as JSON or by structured clone. */
export interface HostOptions {
  /** SCANNER_LIBCLAMAV. */
  readonly libraryPath?: string | undefined;
  readonly settings: LibclamavSettings;
  /** Where libclamav unpacks. */
  readonly temporaryDirectory: string;
  /** LeaveTemporaryFiles: the directory is everybody's, and stays. */
  readonly leaveTemporaryFiles: boolean;
  /** One scan thread each: its end of a pair of packet sockets, blocking. The host owns them. */
  readonly laneFds: readonly number[];
  /** FollowFileSymlinks. */
  readonly followFileSymlinks: boolean;
  /** ExtendedDetectionInfo: detections carry MD5 and size. */
  readonly sampleDetections: boolean;
}

/** Daemon to host. The first one is `open`, which comes once. */
export type ToHost =
  | { readonly kind: 'open'; readonly options: HostOptions }
  /** Builds another engine beside those in use. Answered by `loaded` or `loadFailed`. @see HostDatabase */
  | { readonly kind: 'load'; readonly generation: number; readonly paths: readonly string[] }
  /** No scan on that generation is under way any more, nor will one come. */
  | { readonly kind: 'release'; readonly generation: number }
  /** Whether what a generation was loaded from has changed. Answered by `looked`. */
  | { readonly kind: 'look'; readonly id: number; readonly generation: number }
  /** The last one: nobody waits for anything any more. */
  | { readonly kind: 'end' };

/** A database that the host holds. */
export interface HostDatabase {
  readonly generation: number;
  /** As libclamav counts them. */
  readonly signatureCount: number;
  /** Of the daily container; 0 where there is none. */
  readonly version: number;
  readonly versionBuiltAtSeconds: number;
}

/** Host to daemon. The first one is `opened` or `refused`. */
export type FromHost =
  | { readonly kind: 'opened'; readonly library: LibraryFacts }
  /** There is no libclamav, or it is none. Nothing follows. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'loaded'; readonly database: HostDatabase }
  /** `path`: which of the paths it was; undefined when it was none of them. */
  | {
      readonly kind: 'loadFailed';
      readonly generation: number;
      readonly text: string;
      readonly path?: string | undefined;
    }
  | { readonly kind: 'progress'; readonly stage: 'loading' | 'compiling'; readonly percent: number }
  /** `failure`: cl_strerror(3)'s text where the directory cannot be looked at. */
  | {
      readonly kind: 'looked';
      readonly id: number;
      readonly hasChanged: boolean;
      readonly failure?: string | undefined;
    }
  /** Of libclamav. */
  | { readonly kind: 'message'; readonly severity: MessageSeverity; readonly text: string };

/** The engines that are there at a time: those in use, and the one that is built. */
export const ENGINES_MAX = 8;
