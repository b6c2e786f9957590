/** A line that the format does not allow. clamd refuses the whole database for one; so do we. */
export interface MalformedLine {
  readonly kind: 'malformed';
  readonly reason: string;
  /** Hashes of no known length have another text in ClamAV than the rest. */
  readonly invalidHash?: boolean;
}

/** A valid signature that this engine cannot use (yet); `what` is the kind it is counted under. */
export interface UnsupportedLine {
  readonly kind: 'unsupported';
  readonly what: string;
}

/** A signature for other versions of ClamAV: skipped, and not counted. */
export interface OtherLevelLine {
  readonly kind: 'otherLevel';
}

/** Shorthand for the readers. */
export function malformed(reason: string): MalformedLine {
  return { kind: 'malformed', reason };
}

/** Shorthand for the readers. */
export function unsupported(what: string): UnsupportedLine {
  return { kind: 'unsupported', what };
}
