/** What a canary process is asked to do: one JSON argument. */
export interface CanaryRequest {
  /** Absolute; nothing is there yet. */
  readonly path: string;
  readonly content: 'eicar' | 'clean';
  /** Whom it becomes before it opens what it has written; undefined: it stays who it is. */
  readonly openAs: number | undefined;
}

/** What came of it: one JSON line on standard output. `code` is errno's name. */
export type CanaryReport =
  | { readonly kind: 'notWritten'; readonly code: string }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'opened'; readonly lease: 'noWriter' | 'writer' | 'unsupported' };
