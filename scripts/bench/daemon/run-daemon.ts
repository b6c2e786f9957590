import { makeRunDirectory, removeBenchDirectory } from '../bench-directory.js';
import { describeFailure, isInterruption } from '../bench-error.js';
import type { Results } from '../results.js';
import { planRuns } from '../run-plan.js';
import type { Bench } from '../run-scenario.js';
import type { DaemonContender } from './daemon-contender.js';
import { measureDaemon } from './measure-daemon.js';
import type { DaemonTimes } from './measure-daemon.js';
import { startDaemon } from './running-daemon.js';

/** Seeds of one repetition lie this far from those of the next. */
const seedsPerRun = 1000;

/**
 * Measures each daemon once a repetition, each second repetition in reverse order. A daemon that fails gets a note and no
 * values of that repetition.
 *
 * @throws BenchError BENCH_INTERRUPTED
 * @returns how many runs failed
 */
export async function runDaemonScenario(
  bench: Omit<Bench, 'contenders'>,
  contenders: readonly DaemonContender[],
  times: DaemonTimes,
): Promise<number> {
  const byName = new Map(contenders.map((contender) => [contender.name, contender]));
  let failures = 0;
  for (const { repetition, contender: name } of planRuns(
    [...byName.keys()],
    bench.repetitions,
    () => bench.repetitions,
  )) {
    const contender = byName.get(name);
    if (contender === undefined) continue;
    bench.progress(`daemon: ${contender.title}, repetition ${repetition + 1} of ${bench.repetitions}`);
    try {
      await runOnce(bench, contender, { times, seedBase: (repetition + 1) * seedsPerRun });
    } catch (failure) {
      if (isInterruption(failure)) throw failure;
      failures += 1;
      bench.results.note(`daemon: ${contender.title} failed: ${describeFailure(failure)}`);
    }
  }
  return failures;
}

async function runOnce(
  bench: Omit<Bench, 'contenders'>,
  contender: DaemonContender,
  { times, seedBase }: { readonly times: DaemonTimes; readonly seedBase: number },
): Promise<void> {
  const { keeper, benchDirectory, signatureDirectory, progress } = bench;
  const results: Results = bench.results;
  keeper.throwIfClosed();
  const runDirectory = makeRunDirectory(benchDirectory, `daemon-${contender.name}`);
  try {
    const daemon = await startDaemon(contender, { keeper, runDirectory, signatureDirectory });
    try {
      const note = (text: string) => {
        results.note(text);
      };
      const samples = await measureDaemon(daemon, { keeper, runDirectory, times, progress, note }, seedBase);
      for (const { key, value } of samples) results.add(key, contender.name, value);
    } finally {
      await daemon.stop();
    }
  } finally {
    removeBenchDirectory(runDirectory);
  }
}
