/** One form of a file that signatures are matched against beside (or in place of) its own bytes. */
export interface NormalisedForm {
  readonly name: 'text' | 'noComment' | 'noTags' | 'javascript';
  readonly bytes: Uint8Array;
}

/** What bounds the forms of one file; 0 means no form at all is made. Bytes. */
export interface NormaliseLimits {
  /** MaxHTMLNormalize: a larger HTML file is not normalised. */
  readonly maxHtmlNormalizeBytes: number;
  /** MaxHTMLNoTags: a larger form without tags is not scanned. */
  readonly maxHtmlNoTagsBytes: number;
  /** MaxScriptNormalize: a larger text or script is not normalised. */
  readonly maxScriptNormalizeBytes: number;
}

/** What a normaliser asks whether it may go on: every 256 KiB of input. */
export interface NormaliseBudget {
  mayContinue(): boolean;
}

/** How much input is read at a time, and how often the budget is asked. */
export const NORMALISE_CHUNK_BYTES = 262_144;
