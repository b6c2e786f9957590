import { loadDatabase } from '../../src/database/load-database.js';
import { bytesInput } from '../../src/engine/engine.js';
import { ScanBudget } from '../../src/engine/scan-budget.js';
import { openEngine } from '../../src/worker/engine-door.js';

const MIB = 1024 * 1024;

/** Judges bytes as ALLMATCHSCAN does: the names found, and what else came of it. */
export type OurScan = (bytes: Uint8Array) => {
  readonly names: ReadonlySet<string>;
  readonly trouble?: string;
};

/** Loads a database for the built-in engine, with clamscan's default limits. */
export async function openOurEngine(database: string): Promise<OurScan> {
  const loaded = await loadDatabase({ directory: database });
  const engine = openEngine(loaded.compiled);
  return (bytes) => {
    const budget = new ScanBudget({
      limits: {
        maxFileSizeBytes: 100 * MIB,
        maxScanSizeBytes: 400 * MIB,
        maxFiles: 10_000,
        maxRecursion: 17,
        deadlineAtMs: performance.now() + 120_000,
      },
      nowMs: () => performance.now(),
    });
    try {
      const { verdict } = engine.scan(bytesInput(bytes), { allMatch: true, budget });
      if (verdict.kind === 'infected') return { names: new Set(verdict.signatureNames) };
      return verdict.kind === 'clean'
        ? { names: new Set() }
        : { names: new Set(), trouble: JSON.stringify(verdict) };
    } catch (failure) {
      return {
        names: new Set(),
        trouble: `crash: ${failure instanceof Error ? (failure.stack ?? '') : String(failure)}`,
      };
    }
  };
}
