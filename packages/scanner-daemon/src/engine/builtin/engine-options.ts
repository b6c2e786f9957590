import type { NormaliseLimits } from '../normalise/normalised-form.js';

/** What of clamd.conf the engine itself has to know; the limits of a scan are in its budget. */
export interface BuiltinEngineOptions {
  /** Which formats are looked into: ScanArchive, ScanMail, ScanHTML, ScanOLE2, ScanPE, ScanELF. */
  readonly parse: {
    readonly archive: boolean;
    readonly mail: boolean;
    readonly html: boolean;
    readonly ole2: boolean;
    readonly pe: boolean;
    readonly elf: boolean;
  };
  readonly normalise: NormaliseLimits;
  readonly pcre: PcreOptions;
}

/** The limits of regular expressions. */
export interface PcreOptions {
  /** PCREMatchLimit. */
  readonly matchLimit: number;
  /** PCRERecMatchLimit. */
  readonly recursionLimit: number;
  /** PCREMaxFileSize: in a larger file no expression is looked for. */
  readonly maxFileSizeBytes: number;
}

const MIB = 1024 * 1024;

/** clamd.conf's own defaults (behaviour 3.4). */
export const DEFAULT_ENGINE_OPTIONS: BuiltinEngineOptions = {
  parse: { archive: true, mail: true, html: true, ole2: true, pe: true, elf: true },
  normalise: {
    maxHtmlNormalizeBytes: 40 * MIB,
    maxHtmlNoTagsBytes: 8 * MIB,
    maxScriptNormalizeBytes: 20 * MIB,
  },
  pcre: { matchLimit: 100_000, recursionLimit: 2000, maxFileSizeBytes: 100 * MIB },
};
