import { BenchError } from '../bench-error.js';

/** What the engine's driver (`packages/scanner-daemon/test/bench/scan-files.ts`) says of one run. */
export interface ScanReport {
  readonly signatureCount: number;
  readonly loadMs: number;
  readonly from: 'image' | 'sources';
  /** The typed arrays of the database, and how much of them is names. */
  readonly databaseBytes: number;
  readonly nameBytes: number;
  readonly residentBytes: number;
  readonly scanCpuMs: number;
  readonly scanMs: number;
  readonly files: number;
  /** `<path>: <name> FOUND` */
  readonly found: readonly string[];
  readonly verdicts: Readonly<Record<string, number>>;
}

/** @throws BenchError BENCH_CHILD_FAILED for anything but the one line of JSON that the driver prints */
export function decodeScanReport(stdout: string): ScanReport {
  let value: unknown;
  try {
    value = JSON.parse(stdout);
  } catch (cause) {
    throw new BenchError('BENCH_CHILD_FAILED', 'the engine printed no report', { cause });
  }
  if (typeof value !== 'object' || value === null) throw incomplete('object');
  const fields: Readonly<Record<string, unknown>> = { ...value };
  const number = (name: string): number => {
    const field = fields[name];
    if (typeof field !== 'number' || !(field >= 0)) throw incomplete(name);
    return field;
  };
  const { from, found, verdicts } = fields;
  if (from !== 'image' && from !== 'sources') throw incomplete('from');
  if (!Array.isArray(found) || !found.every((line) => typeof line === 'string')) throw incomplete('found');
  if (typeof verdicts !== 'object' || verdicts === null) throw incomplete('verdicts');
  return {
    signatureCount: number('signatureCount'),
    loadMs: number('loadMs'),
    from,
    databaseBytes: number('databaseBytes'),
    nameBytes: number('nameBytes'),
    residentBytes: number('residentBytes'),
    scanCpuMs: number('scanCpuMs'),
    scanMs: number('scanMs'),
    files: number('files'),
    found,
    verdicts: Object.fromEntries(Object.entries(verdicts).map(([kind, count]) => [kind, Number(count)])),
  };
}

function incomplete(name: string): BenchError {
  return new BenchError('BENCH_CHILD_FAILED', `the engine's report has no ${name}`);
}
