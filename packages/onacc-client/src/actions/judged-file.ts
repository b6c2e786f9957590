/** What is done with an infected file: `--remove`, `--move=DIR`, `--copy=DIR` (behaviour 4.1). */
export type FileAction =
  | { readonly kind: 'none' }
  | { readonly kind: 'remove' }
  | { readonly kind: 'move' | 'copy'; readonly directory: string };

/** Who opened the file, as far as it could be told while it waited. */
export interface OpenerNote {
  readonly pid: number;
  /** -1 where unknown. */
  readonly uid: number;
  /** Empty where unknown, as the next two. */
  readonly executable: string;
  readonly commandLine: string;
  readonly container: string;
}

/** An infected file in hand: the descriptor is that of the event, so it is the very inode that was judged. */
export interface JudgedFile {
  /** Open for reading; -1 where the gate could keep none. */
  readonly fd: number;
  /** Its path when it was judged. */
  readonly path: string;
  readonly signatureName: string;
  readonly opener: OpenerNote;
  /** Milliseconds since the epoch. */
  readonly detectedAtMs: number;
}

/** Why nothing was tried. */
export type SkipReason = 'queueFull' | 'stuck' | 'stopping' | 'noDescriptor';

/** How an action ended. Texts are clamonacc's (behaviour 4.8) without `ERROR: `, cleaned for a log. */
export type ActionResult =
  | {
      readonly kind: 'done';
      readonly text: string;
      /** Name in the quarantine directory; undefined after a removal. */
      readonly file: string | undefined;
      /** Empty after a removal. */
      readonly sha256: string;
      /** Hard links of the same file that stay where they are. */
      readonly otherNames: number;
    }
  /** Somebody else's open of the same file has led to it. No reason for a line in a log. */
  | { readonly kind: 'alreadyDone' }
  | {
      readonly kind: 'failed';
      readonly text: string;
      /** errno's name or one of {@link ActionError}. The file is where it was. */
      readonly code: string;
      readonly reason: string;
    }
  | { readonly kind: 'skipped'; readonly text: string; readonly reason: SkipReason };

/** What is told of each action. */
export interface ActionReport {
  readonly action: 'remove' | 'move' | 'copy';
  readonly path: string;
  readonly signatureName: string;
  readonly result: ActionResult;
  /** The action was given up as stuck before, and has ended after all. */
  readonly isLate: boolean;
}
