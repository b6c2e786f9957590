import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BenchError } from '../bench-error.js';
import { readyLine } from '../openers/barrier.js';
import type { KeptProcess, ProcessKeeper } from '../process-keeper.js';
import { parseLoadReport, parsePingReport } from './load-plan.js';
import type { LoadPlan, LoadReport, PingPlan, PingReport } from './load-plan.js';

const generator = fileURLToPath(new URL('./generate-load.js', import.meta.url));
const pingProbe = fileURLToPath(new URL('./probe-ping.js', import.meta.url));
/** A load of three seconds whose last 20 MB take their time. */
const childLifetimeSeconds = 180;
/** The probe measures the daemon, not how long it waits for a CPU itself. */
const probeNiceness = '-15';

/** A load under way. */
export interface RunningLoad {
  /** Resolves when the measured part begins, or the generator is gone. */
  readonly began: Promise<void>;
  /** @throws BenchError BENCH_CHILD_FAILED for a request that was not answered with OK */
  readonly report: () => Promise<LoadReport>;
}

/** Where the generator's files go and who owns the processes. */
export interface LoadSite {
  readonly keeper: ProcessKeeper;
  readonly runDirectory: string;
}

/** Starts the load generator. */
export function startLoad(site: LoadSite, plan: Omit<LoadPlan, 'directory'>): RunningLoad {
  const directory = join(site.runDirectory, `load-${plan.seed}`);
  mkdirSync(directory);
  const whole: LoadPlan = { ...plan, directory };
  const child = site.keeper.start({
    command: [process.execPath, generator, JSON.stringify(whole)],
    lifetimeSeconds: childLifetimeSeconds,
  });
  return {
    began: child.spoke,
    report: async () => {
      const stdout = await stdoutOf(site.keeper, child, 'the load generator');
      return parseLoadReport(stdout.slice(readyLine.length));
    },
  };
}

/** Runs the PING probe to its end. */
export async function probePing(site: LoadSite, plan: PingPlan): Promise<PingReport> {
  const child = site.keeper.start({
    command: ['nice', '-n', probeNiceness, process.execPath, pingProbe, JSON.stringify(plan)],
    lifetimeSeconds: childLifetimeSeconds,
  });
  return parsePingReport(await stdoutOf(site.keeper, child, 'the PING probe'));
}

async function stdoutOf(keeper: ProcessKeeper, child: KeptProcess, what: string): Promise<string> {
  const { exitCode, stdout } = await child.ended;
  keeper.throwIfClosed();
  if (exitCode !== 0) throw new BenchError('BENCH_CHILD_FAILED', `${what} failed (exit ${String(exitCode)})`);
  return stdout;
}
