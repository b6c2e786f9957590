/** Why a scan ended without having looked at everything. */
export type IncompleteReason =
  'fileTooLarge' | 'scanTooLarge' | 'tooDeep' | 'tooManyFiles' | 'timeLimit' | 'encrypted' | 'cancelled';

/** The identity of a detected file. */
export interface DetectedSample {
  /** Lower-case hexadecimal. */
  readonly md5: string;
  readonly sizeBytes: number;
}

/** What a scan says. What the kernel is then told is a *decision*, and another matter. */
export type ScanVerdict =
  | { readonly kind: 'clean' }
  /** At least one name, in engine order, none of them empty. */
  | {
      readonly kind: 'infected';
      readonly signatureNames: readonly [string, ...string[]];
      /** What was scanned, where somebody asked for it (ExtendedDetectionInfo). */
      readonly sample?: DetectedSample;
    }
  | { readonly kind: 'incomplete'; readonly reason: IncompleteReason }
  /** `message` is ClamAV's engine error text (behaviour 1.11), without the word ERROR. */
  | { readonly kind: 'failed'; readonly message: string };
