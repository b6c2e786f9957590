import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeRunDirectory, removeBenchDirectory } from './bench-directory.js';
import { describeFailure, isInterruption } from './bench-error.js';
import type { Contender, RunContext, RunningContender } from './contenders/contender.js';
import { placeProbes } from './probes.js';
import type { ProcessKeeper } from './process-keeper.js';
import type { Results } from './results.js';
import { planRuns } from './run-plan.js';
import type { Sample, Scenario } from './scenarios/scenario.js';

const syncTimeoutMs = 60_000;

/** What all runs share. */
export interface Bench {
  readonly keeper: ProcessKeeper;
  readonly benchDirectory: string;
  readonly signatureDirectory: string;
  readonly contenders: readonly Contender[];
  readonly repetitions: number;
  readonly results: Results;
  /** Says what is going on, on stderr. */
  readonly progress: (line: string) => void;
}

/**
 * Runs one scenario for all contenders. A contender that fails gets a note and no value; the others go on.
 *
 * @throws BenchError BENCH_INTERRUPTED
 * @returns how many runs failed
 */
export async function runScenario(bench: Bench, scenario: Scenario): Promise<number> {
  const byName = new Map(bench.contenders.map((contender) => [contender.name, contender]));
  const runs = planRuns([...byName.keys()], bench.repetitions, (name) =>
    scenario.repetitionsOf(name, bench.repetitions),
  );
  let failures = 0;
  for (const { repetition, contender: name } of runs) {
    const contender = byName.get(name);
    if (contender === undefined) continue;
    bench.progress(`${scenario.name}: ${name}, repetition ${repetition + 1} of ${bench.repetitions}`);
    try {
      const samples = await runOnce(bench, scenario, { contender, repetition });
      for (const { key, value } of samples) bench.results.add(key, name, value);
    } catch (failure) {
      if (isInterruption(failure)) throw failure;
      failures += 1;
      bench.results.note(`${scenario.name}: ${name} failed: ${describeFailure(failure)}`);
    }
  }
  return failures;
}

async function runOnce(
  bench: Bench,
  scenario: Scenario,
  { contender, repetition }: { readonly contender: Contender; readonly repetition: number },
): Promise<readonly Sample[]> {
  bench.keeper.throwIfClosed();
  const runDirectory = makeRunDirectory(bench.benchDirectory, `run-${contender.name}`);
  try {
    const watchedDirectory = join(runDirectory, 'watched');
    mkdirSync(watchedDirectory, { mode: 0o755 });
    const listDirectory = join(runDirectory, 'lists');
    mkdirSync(listDirectory);
    const { directories, measure } = scenario.prepare(watchedDirectory, repetition);
    const probes = placeProbes([watchedDirectory, ...directories]);
    // Otherwise the kernel would still be writing the tree back while it is measured.
    spawnSync('sync', ['-f', watchedDirectory], { timeout: syncTimeoutMs });
    const { keeper, signatureDirectory } = bench;
    const context = { keeper, watchedDirectory, listDirectory, runDirectory, signatureDirectory, probes };
    return await measureGuarded(contender, context, measure);
  } finally {
    removeBenchDirectory(runDirectory);
  }
}

async function measureGuarded(
  contender: Contender,
  context: RunContext,
  measure: (context: RunContext, running: RunningContender) => Promise<readonly Sample[]>,
): Promise<readonly Sample[]> {
  const running = await contender.start(context);
  try {
    const samples = await measure(context, running);
    await running.verify();
    return samples;
  } finally {
    await running.stop();
  }
}
