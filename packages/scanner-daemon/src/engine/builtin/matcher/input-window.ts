import { PART_MAX_BYTES } from '../../../database/readers/body-language.js';
import type { ScanInput } from '../../engine.js';

/** A stretch of the input in memory: the core, and a margin so that each part that begins in the core is whole. */
export interface InputWindow {
  readonly bytes: Uint8Array;
  /** Where `bytes[0]` stands in the input. */
  readonly inputOffset: number;
  /** The core is `bytes[coreStart..coreEnd)`. The cores of all windows tile the input. */
  readonly coreStart: number;
  readonly coreEnd: number;
}

/** The bytes between two looks at the clock. */
export const CORE_BYTES = 1 << 20;

/**
 * Reads the window whose core begins at `coreOffset` (from the start of the input, a multiple of {@link CORE_BYTES}).
 *
 * @returns undefined when the input has become shorter than it said.
 */
export function readWindow(input: ScanInput, coreOffset: number): InputWindow | undefined {
  const inputOffset = Math.max(0, coreOffset - PART_MAX_BYTES);
  const coreEnd = Math.min(input.sizeBytes, coreOffset + CORE_BYTES);
  const end = Math.min(input.sizeBytes, coreEnd + PART_MAX_BYTES);
  const bytes = input.read(inputOffset, end - inputOffset);
  if (bytes.length < end - inputOffset) return undefined;
  return { bytes, inputOffset, coreStart: coreOffset - inputOffset, coreEnd: coreEnd - inputOffset };
}
