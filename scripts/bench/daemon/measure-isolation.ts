import { describeFailure, isInterruption } from '../bench-error.js';
import { makeRunDirectory, removeBenchDirectory } from '../bench-directory.js';
import type { Bench } from '../run-scenario.js';
import type { Sample } from '../scenarios/scenario.js';
import { verifyDetection } from './ask-daemon.js';
import type { DaemonContender } from './daemon-contender.js';
import { isolationCells, isolationMemoryKey, isolationSamples } from './isolation-cells.js';
import { measureCell, warmUp } from './measure-daemon.js';
import type { DaemonTimes, Site } from './measure-daemon.js';
import { startDaemon } from './running-daemon.js';
import type { RunningDaemon } from './running-daemon.js';

/** Turns that each of the two daemons has in a repetition. */
const roundCount = 4;

interface Side {
  readonly contender: DaemonContender;
  readonly daemon: RunningDaemon;
}

/**
 * Starts all contenders together and gives them turns: what isolation costs is less than what a machine changes between one
 * run and the next.
 *
 * @throws BenchError BENCH_INTERRUPTED
 * @returns 0, or 1 when it failed; then a note says why
 */
export async function runIsolation(
  bench: Omit<Bench, 'contenders'>,
  contenders: readonly DaemonContender[],
  times: DaemonTimes,
): Promise<number> {
  try {
    for (let repetition = 0; repetition < bench.repetitions; repetition += 1) {
      bench.progress(`isolation: repetition ${repetition + 1} of ${bench.repetitions}`);
      await runOnce(bench, contenders, times);
    }
    return 0;
  } catch (failure) {
    if (isInterruption(failure)) throw failure;
    bench.results.note(`the cost of isolation failed: ${describeFailure(failure)}`);
    return 1;
  }
}

async function runOnce(
  bench: Omit<Bench, 'contenders'>,
  contenders: readonly DaemonContender[],
  times: DaemonTimes,
): Promise<void> {
  const { keeper, benchDirectory, signatureDirectory, progress, results } = bench;
  keeper.throwIfClosed();
  const sides: Side[] = [];
  const runDirectories: string[] = [];
  try {
    for (const contender of contenders) {
      const runDirectory = makeRunDirectory(benchDirectory, `isolation-${contender.name}`);
      runDirectories.push(runDirectory);
      const daemon = await startDaemon(contender, { keeper, runDirectory, signatureDirectory });
      sides.push({ contender, daemon });
    }
    const runDirectory = makeRunDirectory(benchDirectory, 'isolation-loads');
    runDirectories.push(runDirectory);
    const note = (text: string) => {
      results.note(text);
    };
    const site = { keeper, runDirectory, times, progress, note };
    for (const { contender, samples } of await takeTurns(sides, site)) {
      for (const { key, value } of samples) results.add(key, contender.name, value);
    }
  } finally {
    for (const { daemon } of sides) await daemon.stop();
    for (const runDirectory of runDirectories) removeBenchDirectory(runDirectory);
  }
}

/** Nothing is returned, and so nothing counts, unless every daemon still detects at the end. */
async function takeTurns(
  sides: readonly Side[],
  site: Site,
): Promise<readonly { readonly contender: DaemonContender; readonly samples: readonly Sample[] }[]> {
  let seed = 0;
  const nextSeed = () => (seed += 1);
  for (const { daemon } of sides) await warmUp(daemon, site, nextSeed);
  const taken: { readonly contender: DaemonContender; readonly samples: readonly Sample[] }[] = [];
  for (let round = 0; round < roundCount; round += 1) {
    for (const cell of isolationCells) {
      for (const { contender, daemon } of round % 2 === 0 ? sides : sides.toReversed()) {
        const samples = await measureCell(cell.load, daemon, site, nextSeed());
        taken.push({ contender, samples: isolationSamples(cell, samples) });
      }
    }
  }
  for (const { contender, daemon } of sides) {
    await verifyDetection(contender.title, daemon.socketPath);
    const value = daemon.usage().residentBytes / 1e6;
    taken.push({ contender, samples: [{ key: isolationMemoryKey, value }] });
  }
  return taken;
}
