import type { FileKey } from '../gate/file-key.js';

/** What a scan that nobody waits for came to. */
export type FileOutcome =
  /** Exactly this version was found clean; it was the same before and after the scan. */
  | { readonly kind: 'clean'; readonly key: FileKey }
  /** Infected, not or not wholly scanned, or changed meanwhile. The version, where this is about a single one. */
  | { readonly kind: 'notClean'; readonly key?: FileKey };

/** Who follows what becomes of files, for our own opens of them look like anybody's. Must not throw. */
export interface FileObserver {
  /** The file is opened now, by us; again where its scan was lost and is repeated. */
  onBegin(path: string): void;
  /** Once for each file, also for one that is dropped before it begins; not any more once the scanner is stopped. */
  onEnd(path: string, outcome: FileOutcome): void;
}
