import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BenchError } from '../bench-error.js';
import type { EngineContender, EngineSite, OpenEngine, ScanFigures } from './engine-contender.js';
import { runTimed } from './run-timed.js';
import { decodeScanReport } from './scan-report.js';
import type { ScanReport } from './scan-report.js';

const lifetimeSeconds = 600;
const bytesPerMegabyte = 1e6;

/** The built-in engine as its driver runs it: one thread, no daemon. */
export function createOurEngine(repositoryRoot: string, note: (text: string) => void): EngineContender {
  const driver = join(repositoryRoot, 'packages/scanner-daemon/dist/test/bench/scan-files.js');
  return {
    name: 'portcullis',
    title: 'built-in engine',
    unavailable: () => (existsSync(driver) ? undefined : `${driver} not found (pnpm build)`),
    open: (site) => openOurEngine(site, driver, note),
  };
}

function openOurEngine(site: EngineSite, driver: string, note: (text: string) => void): OpenEngine {
  const images = join(site.runDirectory, 'images');
  const run = async (database: string, list: string, more: readonly string[] = []): Promise<ScanReport> => {
    const args = ['--database', database, '--list', list, ...more];
    const command = [process.execPath, '--expose-gc', driver, ...args] as const;
    const { stdout, exitCode } = await runTimed(site.keeper, [...command], lifetimeSeconds);
    if (exitCode !== 0)
      throw new BenchError('BENCH_CHILD_FAILED', `the engine ended with ${String(exitCode)}`);
    return decodeScanReport(stdout);
  };
  return {
    async load(database) {
      const cold = await run(database, site.lists.nearlyEmpty.path, ['--images', images]);
      const warm = await run(database, site.lists.nearlyEmpty.path, ['--images', images]);
      if (warm.from !== 'image')
        throw new BenchError('BENCH_CHILD_FAILED', 'there was no image to start from');
      return [
        { key: 'engine.load.cold', value: cold.loadMs / 1000 },
        { key: 'engine.load.image', value: warm.loadMs / 1000 },
      ];
    },
    async scan(database, list): Promise<ScanFigures> {
      const report = await run(database, list.path, [
        ...['--warm-up', site.lists.warmUp.path],
        ...['--images', images],
      ]);
      const { clean = 0, infected = 0, ...others } = report.verdicts;
      for (const [kind, count] of Object.entries(others))
        note(`built-in engine: ${count} of ${clean + infected + count} files were ${kind}`);
      return { cpuMs: report.scanCpuMs, wallMs: report.scanMs, found: [...report.found].sort() };
    },
    async loadMany({ database, one, count }) {
      const few = await run(one, site.lists.nearlyEmpty.path);
      const many = await run(database, site.lists.nearlyEmpty.path);
      const bytesOf = ({ databaseBytes, nameBytes }: ScanReport): number => databaseBytes - nameBytes;
      return [
        { key: 'engine.many.load', value: many.loadMs / 1000 },
        { key: 'engine.many.bytes', value: (bytesOf(many) - bytesOf(few)) / count },
        {
          key: 'engine.many.resident',
          value: (many.residentBytes - few.residentBytes) / bytesPerMegabyte,
        },
      ];
    },
  };
}
