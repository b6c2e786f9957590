import type { ScanInput } from '../engine.js';
import type { ExecutableLayout } from './executable-layout.js';
import { readPeHeaders } from './pe-headers.js';
import { readVersionInfoOffsets } from './pe-version-info.js';

/** Reads a PE file (`MZ` … `PE`, 32 or 64 bits); undefined where clamscan would not take its headers. */
export function readPe(input: ScanInput): ExecutableLayout | undefined {
  const peHeaders = readPeHeaders(input);
  if (peHeaders === undefined) return undefined;
  const { entryPointOffset, sections } = peHeaders;
  let versionInfoOffsets: readonly number[] | undefined;
  return {
    entryPointOffset,
    sections,
    // Few signatures ask for it, and it lies far from the headers.
    get versionInfoOffsets() {
      versionInfoOffsets ??= readVersionInfoOffsets(input, peHeaders);
      return versionInfoOffsets;
    },
    peHeaders,
  };
}
