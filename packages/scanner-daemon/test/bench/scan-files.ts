/**
 * Loads a database and scans a list of files with the built-in engine, on one thread and without the daemon, for
 * `scripts/bench`. Prints one line of JSON, a {@link ScanFilesReport}.
 *
 *     node --expose-gc scan-files.js --database DIRECTORY --list FILE [--warm-up FILE] [--images DIRECTORY]
 *
 * The lists hold a path a line. What is scanned to warm up counts for `found` and `verdicts`, not for the times.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { encodePath, openNative } from '@portcullis/shared/native';
import { loadBuiltinDatabase } from '../../src/database/image/load-builtin-database.js';
import { openEngine } from '../../src/worker/engine-door.js';
import { createSourceScanner } from '../../src/worker/scan-source.js';

/** What the benchmark reads; `scripts/bench/engine/scan-report.ts` decodes it. */
interface ScanFilesReport {
  readonly signatureCount: number;
  /** From the first look at the sources until the engine can scan. */
  readonly loadMs: number;
  readonly from: 'image' | 'sources';
  /** The typed arrays of the database, and how much of it is names. */
  readonly databaseBytes: number;
  readonly nameBytes: number;
  /** Of the process, once the garbage of loading is collected. */
  readonly residentBytes: number;
  /** User and system time of the process while it scanned, and the time it took. */
  readonly scanCpuMs: number;
  readonly scanMs: number;
  readonly files: number;
  /** A line `<path>: <name> FOUND` each, as clamscan prints it. */
  readonly found: readonly string[];
  /** How many files had each kind of verdict. */
  readonly verdicts: Readonly<Record<string, number>>;
}

const OPTIONS = {
  database: { type: 'string' },
  list: { type: 'string' },
  'warm-up': { type: 'string' },
  images: { type: 'string' },
} as const;
const MIB = 1024 * 1024;
/** clamscan's defaults: MaxFileSize, MaxScanSize, MaxScanTime. */
const LIMITS = { fileMaxBytes: 100 * MIB, scanMaxBytes: 400 * MIB, scanTimeMaxMs: 120_000 };

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const { database, list, images, 'warm-up': warmUp } = values;
  if (database === undefined || list === undefined) throw new Error('--database and --list are needed');
  const loadBeganAtMs = performance.now();
  const { loaded, from, save } = await loadBuiltinDatabase({ directory: database }, images);
  const engine = openEngine(loaded.compiled);
  const loadMs = performance.now() - loadBeganAtMs;
  const warning = await save();
  if (warning !== undefined) process.stderr.write(`${warning}\n`);
  collectGarbage();
  const residentBytes = readResidentBytes();
  const report: ScanFilesReport = {
    ...{ signatureCount: loaded.signatureCount, loadMs, from, residentBytes },
    ...tableBytesOf(loaded.compiled),
    ...scanAll(engine, { warmUp: readList(warmUp), measured: readList(list) }),
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

function readList(path: string | undefined): readonly string[] {
  return path === undefined ? [] : readFileSync(path, 'utf8').split('\n').filter(Boolean);
}

function scanAll(
  engine: ReturnType<typeof openEngine>,
  paths: { readonly warmUp: readonly string[]; readonly measured: readonly string[] },
): Pick<ScanFilesReport, 'scanCpuMs' | 'scanMs' | 'files' | 'found' | 'verdicts'> {
  const scan = createSourceScanner({
    files: openNative().files,
    limits: LIMITS,
    followFileSymlinks: false,
    nowMs: () => performance.now(),
  });
  const found: string[] = [];
  const verdicts: Record<string, number> = {};
  const scanEach = (list: readonly string[]): void => {
    for (const path of list) {
      const verdict = scan(engine, { kind: 'path', path: encodePath(path) }, { allMatch: false });
      verdicts[verdict.kind] = (verdicts[verdict.kind] ?? 0) + 1;
      if (verdict.kind === 'infected') found.push(`${path}: ${verdict.signatureNames[0]} FOUND`);
    }
  };
  scanEach(paths.warmUp);
  const cpuBefore = process.cpuUsage();
  const beganAtMs = performance.now();
  scanEach(paths.measured);
  const scanMs = performance.now() - beganAtMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { scanCpuMs: (user + system) / 1000, scanMs, files: paths.measured.length, found, verdicts };
}

/** Every array once; what lies below the key "name" or "names" counts as names too. */
function tableBytesOf(tree: unknown): Pick<ScanFilesReport, 'databaseBytes' | 'nameBytes'> {
  const seen = new Set<object>();
  const bytes = { databaseBytes: 0, nameBytes: 0 };
  const walk = (value: unknown, isName: boolean): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    seen.add(value);
    if (ArrayBuffer.isView(value)) {
      bytes.databaseBytes += value.byteLength;
      if (isName) bytes.nameBytes += value.byteLength;
    } else for (const [key, part] of Object.entries(value)) walk(part, isName || /^names?$/i.test(key));
  };
  walk(tree, false);
  return bytes;
}

function collectGarbage(): void {
  // Only there with --expose-gc; twice, since what the first collection finalises the second one frees.
  globalThis.gc?.();
  globalThis.gc?.();
}

function readResidentBytes(): number {
  return Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? 0) * 1024;
}

await main(process.argv.slice(2));
