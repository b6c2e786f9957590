import { DatabaseCompiler } from '../../../database/compile.js';
import { readHashLine } from '../../../database/readers/hash-signatures.js';
import { readNdbLine } from '../../../database/readers/ndb.js';
import type { ScanReport } from '../../engine.js';
import { bytesInput } from '../../engine.js';
import type { ScanInput } from '../../engine.js';
import { ScanBudget } from '../../scan-budget.js';
import type { ScanLimits } from '../../scan-budget.js';
import { BuiltinEngine } from '../builtin-engine.js';

/** Signature lines by kind, for tests. */
export interface TestSignatures {
  readonly ndb?: readonly string[];
  readonly hashes?: readonly string[];
  readonly falsePositives?: readonly string[];
}

/** An engine over a few signature lines. Throws on any line that is not usable. */
export function testEngine(signatures: TestSignatures): BuiltinEngine {
  const compiler = new DatabaseCompiler();
  for (const line of signatures.ndb ?? []) {
    const signature = readNdbLine(line);
    if (signature.kind !== 'body') throw new Error(`${line}: ${signature.kind}`);
    compiler.addBody(signature, 'official');
  }
  for (const line of signatures.hashes ?? []) {
    const signature = readHashLine(line);
    if (signature.kind !== 'hash') throw new Error(`${line}: ${signature.kind}`);
    compiler.addHash(signature, 'official');
  }
  for (const line of signatures.falsePositives ?? []) {
    const signature = readHashLine(line);
    if (signature.kind !== 'hash') throw new Error(`${line}: ${signature.kind}`);
    compiler.addFalsePositive(signature, 'official');
  }
  return new BuiltinEngine(compiler.finish());
}

/** A budget without limits, unless some are given. The clock stands still at 0 by default. */
export function testBudget(limits: Partial<ScanLimits> = {}, nowMs: () => number = () => 0): ScanBudget {
  return new ScanBudget({
    limits: { maxFileSizeBytes: 0, maxScanSizeBytes: 0, deadlineAtMs: undefined, ...limits },
    nowMs,
  });
}

/** Scans to the end and reports all matches. */
export function scanAll(engine: BuiltinEngine, input: Uint8Array | string | ScanInput): ScanReport {
  const source = typeof input === 'string' ? Buffer.from(input, 'latin1') : input;
  const scanInput = source instanceof Uint8Array ? bytesInput(source) : source;
  return engine.scan(scanInput, { allMatch: true, budget: testBudget() });
}

/** The names of a report's verdict; none unless it says infected. */
export function namesOf(report: ScanReport): readonly string[] {
  return report.verdict.kind === 'infected' ? report.verdict.signatureNames : [];
}
