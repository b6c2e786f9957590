import { existsSync } from 'node:fs';
import { BenchError } from '../bench-error.js';
import type { EngineContender, EngineSite, OpenEngine } from './engine-contender.js';
import { runTimed } from './run-timed.js';
import type { TimedRun } from './run-timed.js';

const clamscan = '/usr/bin/clamscan';
const lifetimeSeconds = 600;
const bytesPerMegabyte = 1e6;
const messageMaxCharacters = 500;

/** Debian's clamscan: libclamav on one thread, with its defaults. */
export const clamscanEngine: EngineContender = {
  name: 'clamav',
  title: 'clamscan',
  unavailable: () => (existsSync(clamscan) ? undefined : `${clamscan} not found (apt-get install clamav)`),
  open: openClamscan,
};

function openClamscan({ keeper, lists }: EngineSite): OpenEngine {
  const run = async (database: string, list: string): Promise<TimedRun> => {
    const command = [clamscan, '-d', database, '--stdout', '--no-summary', '--infected', '-f', list] as const;
    const done = await runTimed(keeper, [...command], lifetimeSeconds);
    if (done.exitCode === 0 || done.exitCode === 1) return done;
    throw new BenchError(
      'BENCH_CHILD_FAILED',
      `clamscan ended with ${String(done.exitCode)}: ${done.stdout.slice(-messageMaxCharacters)}`,
    );
  };
  const warmUps = new Map<string, Promise<TimedRun>>();
  /** A run that loads and warms up, once a repetition and database: what is taken off the scans. */
  const warmUp = (database: string): Promise<TimedRun> => {
    const done = warmUps.get(database) ?? run(database, lists.warmUp.path);
    warmUps.set(database, done);
    return done;
  };
  const load = async (
    database: string,
  ): Promise<{ readonly seconds: number; readonly loading: TimedRun }> => {
    const bare = await runTimed(keeper, [clamscan, '--version'], lifetimeSeconds);
    const loading = await run(database, lists.nearlyEmpty.path);
    return { seconds: (loading.wallMs - bare.wallMs) / 1000, loading };
  };
  return {
    async load(database) {
      // libclamav compiles each time: the same figure stands beside both of ours.
      const { seconds: value } = await load(database);
      return ['engine.load.cold', 'engine.load.image'].map((key) => ({ key, value }));
    },
    async scan(database, list) {
      const base = await warmUp(database);
      const whole = await run(database, list.withWarmUpPath);
      return {
        cpuMs: Math.max(whole.cpuMs - base.cpuMs, 1),
        wallMs: Math.max(whole.wallMs - base.wallMs, 1),
        found: whole.stdout
          .split('\n')
          .filter((line) => line.endsWith(' FOUND'))
          .sort(),
      };
    },
    async loadMany({ database, one }) {
      const few = await load(one);
      const many = await load(database);
      const growthBytes = many.loading.residentPeakBytes - few.loading.residentPeakBytes;
      return [
        { key: 'engine.many.load', value: many.seconds },
        { key: 'engine.many.resident', value: growthBytes / bytesPerMegabyte },
      ];
    },
  };
}
