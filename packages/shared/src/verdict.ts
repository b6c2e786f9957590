/** Why a scan ended without having looked at everything. */
export type IncompleteReason =
  'fileTooLarge' | 'scanTooLarge' | 'tooDeep' | 'tooManyFiles' | 'timeLimit' | 'encrypted' | 'cancelled';

/** What is left of them when an encrypted container, which has a name, is told apart. */
export type LimitReason = Exclude<IncompleteReason, 'encrypted'>;

/** What could not be looked into without a password. */
export interface EncryptedContainer {
  /** As ClamAV's alert spells it behind `Heuristics.Encrypted.`: `Zip`, `RAR`, `7Zip`, `PDF`. */
  readonly format: string;
  readonly kind: 'archive' | 'document';
}

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
  | { readonly kind: 'incomplete'; readonly reason: LimitReason }
  | {
      readonly kind: 'incomplete';
      readonly reason: 'encrypted';
      readonly container: EncryptedContainer;
      /** As above: an Alert* option may make a detection of it. */
      readonly sample?: DetectedSample;
    }
  /** `message` is ClamAV's engine error text (behaviour 1.11), without the word ERROR. */
  | { readonly kind: 'failed'; readonly message: string };
