import type { BuiltinEngine } from '@portcullis/scanner-daemon/dist/src/engine/builtin/builtin-engine.js';
import { testBudget } from '@portcullis/scanner-daemon/dist/src/engine/builtin/testing/test-engine.js';
import { bytesInput } from '@portcullis/scanner-daemon/dist/src/engine/engine.js';
import { demand } from '../fuzz-error.js';

/** MaxScanTime of the scan of an input. */
const TIME_MAX_MS = 1000;
/** What a scan may take past it: it asks once for each piece of work. Cores may be few and busy. */
const SLACK_MS = 3000;
const UNPACKED_MAX_BYTES = 1024 * 1024;

/** Scans an input whole. @throws FuzzError FUZZ_INVARIANT_BROKEN where it does not end when its time is up */
export function scanWithin(engine: BuiltinEngine, input: Uint8Array): void {
  const beganAtMs = performance.now();
  const budget = testBudget(
    {
      maxScanSizeBytes: UNPACKED_MAX_BYTES,
      maxFiles: 100,
      maxRecursion: 5,
      deadlineAtMs: beganAtMs + TIME_MAX_MS,
    },
    () => performance.now(),
  );
  const { verdict } = engine.scan(bytesInput(input), { allMatch: true, budget });
  const tookMs = performance.now() - beganAtMs;
  demand(
    tookMs < TIME_MAX_MS + SLACK_MS,
    `a scan ends when its time is up, not after ${Math.round(tookMs)} ms`,
  );
  demand(verdict.kind !== 'failed', 'an input in memory can be read');
}
