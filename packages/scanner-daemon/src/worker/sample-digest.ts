import { createHash } from 'node:crypto';
import type { DetectedSample, ScanVerdict } from '@portcullis/shared';
import type { ScanInput } from '../engine/engine.js';
import type { ScanBudget } from '../engine/scan-budget.js';

/** Read and hashed between two looks at the clock. */
const PIECE_BYTES = 256 * 1024;

/**
 * Adds what ExtendedDetectionInfo logs to a detection, and to what an Alert* option may make one of. A limit has none,
 * as with clamd 1.4.6 (observed).
 *
 * @returns the verdict as it was where there is nothing to add, or no time is left to read the input once more.
 */
export function withSample(verdict: ScanVerdict, input: ScanInput, budget: ScanBudget): ScanVerdict {
  const wanted =
    verdict.kind === 'infected' || (verdict.kind === 'incomplete' && verdict.reason === 'encrypted');
  if (!wanted) return verdict;
  const sample = sampleOf(input, budget);
  return sample === undefined ? verdict : { ...verdict, sample };
}

function sampleOf(input: ScanInput, budget: ScanBudget): DetectedSample | undefined {
  const { sizeBytes } = input;
  const digest = createHash('md5');
  for (let offset = 0; offset < sizeBytes; offset += PIECE_BYTES) {
    if (!budget.mayContinue()) return undefined;
    const lengthBytes = Math.min(PIECE_BYTES, sizeBytes - offset);
    const piece = input.read(offset, lengthBytes);
    if (piece.length < lengthBytes) return undefined;
    digest.update(piece);
  }
  return { md5: digest.digest('hex'), sizeBytes };
}
