import { DatabaseCompiler } from '../../../database/compile/compile.js';
import type { HashSubject } from '../../../database/hashes/hash-table.js';
import { readLdbLine } from '../../../database/readers/ldb-line.js';
import { readNdbLine } from '../../../database/readers/ndb-line.js';
import type { ScanReport } from '../../engine.js';
import { bytesInput } from '../../engine.js';
import type { ScanInput } from '../../engine.js';
import { ScanBudget } from '../../scan-budget.js';
import type { ScanLimits } from '../../scan-budget.js';
import { BuiltinEngine } from '../builtin-engine.js';

/** Signature lines by kind, for tests. */
export interface TestSignatures {
  readonly ndb?: readonly string[];
  readonly ldb?: readonly string[];
  readonly hashes?: readonly string[];
  readonly falsePositives?: readonly string[];
}

/** An engine over a few signature lines. Throws on any line that is not usable. */
export function testEngine(signatures: TestSignatures): BuiltinEngine {
  const compiler = new DatabaseCompiler();
  for (const line of signatures.ndb ?? []) {
    const signature = readNdbLine(line);
    if (signature.kind !== 'extended') throw new Error(`${line}: ${signature.kind}`);
    compiler.addExtended(signature, true);
  }
  for (const line of signatures.ldb ?? []) {
    const signature = readLdbLine(line);
    if (signature.kind !== 'logical') throw new Error(`${line}: ${signature.kind}`);
    compiler.addLogical(signature, true);
  }
  const addHashes = (subject: HashSubject, lines: readonly string[]): void => {
    compiler.hashes.addFile(subject, Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1'), {
      origin: 'official',
      onMalformed: (lineNumber, { reason }) => {
        throw new Error(`${lines[lineNumber - 1] ?? ''}: ${reason}`);
      },
    });
  };
  addHashes('file', signatures.hashes ?? []);
  addHashes('falsePositive', signatures.falsePositives ?? []);
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
