import type { ByteSet } from './byte-set.js';

/** Zero bytes wide conditions on a place. */
export type PcreAssertion =
  | 'subjectStart'
  | 'lineStart'
  | 'subjectEnd'
  /** At the end, or before a newline that is the last byte. */
  | 'lastLineEnd'
  | 'lineEnd'
  | 'wordBoundary'
  | 'notWordBoundary'
  | 'searchStart';

/** A regular expression taken apart. Case and dot-all are resolved into the sets. */
export type PcreNode =
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'sequence'; readonly items: readonly PcreNode[] }
  | { readonly kind: 'alternation'; readonly branches: readonly PcreNode[] }
  | { readonly kind: 'group'; readonly index: number; readonly body: PcreNode }
  | { readonly kind: 'atomic'; readonly body: PcreNode }
  | {
      readonly kind: 'repeat';
      readonly body: PcreNode;
      readonly min: number;
      /** Infinity for none. */
      readonly max: number;
      readonly mode: RepeatMode;
    }
  | {
      readonly kind: 'look';
      readonly behind: boolean;
      readonly negated: boolean;
      readonly body: PcreNode;
    }
  | {
      readonly kind: 'backreference';
      readonly group: number | string;
      readonly caseless: boolean;
    }
  | {
      readonly kind: 'conditional';
      readonly group: number | string;
      readonly yes: PcreNode;
      readonly no: PcreNode;
    }
  | { readonly kind: 'assertion'; readonly what: PcreAssertion }
  /** `\K`: what is found begins here. */
  | { readonly kind: 'keep' };

/** How a repetition tries: most first, fewest first, most and never fewer. */
export type RepeatMode = 'greedy' | 'lazy' | 'possessive';

/** What a parsed expression is. */
export interface ParsedPcre {
  readonly root: PcreNode;
  readonly groupCount: number;
  readonly groupsByName: ReadonlyMap<string, number>;
}

/** Thrown inside the compiler only: `compilePcre` answers it as an outcome. */
export class PcreSyntaxError extends Error {
  /** True where PCRE would take it and this engine does not. */
  readonly isUnsupported: boolean;

  constructor(message: string, isUnsupported = false) {
    super(message);
    this.name = 'PcreSyntaxError';
    this.isUnsupported = isUnsupported;
  }
}
