import type { ScanVerdict } from '@portcullis/shared';
import type { ScanBudget } from './scan-budget.js';

/**
 * What is scanned: bytes with random access, so that a big file never has to be in memory at once.
 * Whoever makes one owns what is behind it (an fd, a spool); the engine only reads, and only while `scan` runs.
 */
export interface ScanInput {
  /** The length when the scan began. The engine never reads past it. */
  readonly sizeBytes: number;
  /**
   * Reads `lengthBytes` bytes at `inputOffset` (from the start of the input), both within `sizeBytes`.
   * The view stays valid until the next call only. A shorter view means that the input shrank.
   */
  read(inputOffset: number, lengthBytes: number): Uint8Array;
}

/** How one input is scanned. */
export interface ScanOptions {
  /** Report every matching signature instead of the first (ALLMATCHSCAN). */
  readonly allMatch: boolean;
  /** Draws for this input and everything unpacked from it. */
  readonly budget: ScanBudget;
}

/** What came of one scan. */
export interface ScanReport {
  readonly verdict: ScanVerdict;
  /** Bytes of the input that the matchers looked at; 0 where it was skipped. */
  readonly bytesScanned: number;
}

/**
 * Judges bytes. One engine belongs to one thread: it holds scratch memory that a scan reuses.
 * `scan` never throws for what the bytes say; an exception is a bug.
 */
export interface Engine {
  scan(input: ScanInput, options: ScanOptions): ScanReport;
}

/** A {@link ScanInput} over bytes that are in memory already (borrowed, not copied). */
export function bytesInput(bytes: Uint8Array): ScanInput {
  return {
    sizeBytes: bytes.byteLength,
    read: (inputOffset, lengthBytes) => bytes.subarray(inputOffset, inputOffset + lengthBytes),
  };
}
