import { join } from 'node:path';
import { makeRunDirectory, removeBenchDirectory } from '../bench-directory.js';
import { describeFailure, isInterruption } from '../bench-error.js';
import type { DaemonContender } from '../daemon/daemon-contender.js';
import type { Bench } from '../run-scenario.js';
import { scalePercents } from './engine-cells.js';
import type { EngineContender } from './engine-contender.js';
import { differences, measureEngine } from './measure-engine.js';
import type { EngineDatabases, EngineTurn } from './measure-engine.js';
import { measureMemory } from './measure-memory.js';
import { prepareLists } from './prepare-lists.js';
import type { EngineLists, EngineSizes } from './prepare-lists.js';
import { makeManyHashes, makeOneSignature, makeShare } from './signature-sets.js';

/** What a clean tree of everybody's machine is. */
const sampleRoot = '/usr';
const differencesShown = 10;

export interface EngineRun {
  readonly bench: Omit<Bench, 'contenders'>;
  readonly engines: readonly EngineContender[];
  /** For their memory. */
  readonly daemons: readonly DaemonContender[];
  readonly sizes: EngineSizes;
}

/**
 * Measures the engines alone, each once a repetition, each second repetition in reverse order. A side that fails gets a
 * note and no values of that repetition; so do sides that disagree on a verdict.
 *
 * @throws BenchError BENCH_INTERRUPTED
 * @returns how many turns failed
 */
export async function runEngineScenario(run: EngineRun): Promise<number> {
  const { bench, engines, sizes } = run;
  const directory = makeRunDirectory(bench.benchDirectory, 'engine');
  try {
    bench.progress(`engine: choosing files below ${sampleRoot}`);
    const lists = await prepareLists(sampleRoot, directory, sizes);
    const databases = prepareDatabases(bench.signatureDirectory, directory, sizes);
    bench.results.note(
      `engine: ${lists.mix.fileCount} files of ${sampleRoot} with ${Math.round(lists.mix.totalBytes / 1e6)} MB, and ${lists.small.fileCount} small ones`,
    );
    let failures = 0;
    for (let repetition = 0; repetition < bench.repetitions; repetition += 1) {
      const turns = new Map<string, EngineTurn>();
      for (const engine of repetition % 2 === 0 ? engines : engines.toReversed()) {
        bench.progress(`engine: ${engine.title}, repetition ${repetition + 1} of ${bench.repetitions}`);
        failures += await guarded(bench, engine.title, async () => {
          turns.set(engine.name, await takeTurn(bench, engine, { lists, databases }));
        });
        failures += await guarded(bench, `the memory beside ${engine.title}`, () =>
          takeMemoryTurn(run, engine, databases),
        );
      }
      failures += keepTurns(run, turns);
    }
    return failures;
  } finally {
    removeBenchDirectory(directory);
  }
}

function prepareDatabases(whole: string, directory: string, sizes: EngineSizes): EngineDatabases {
  const shares = scalePercents
    .filter((percent) => percent < 100)
    .map(
      (percent) => [percent, makeShare(whole, join(directory, `share-${percent}`), 100 / percent)] as const,
    );
  const { manyHashes: count } = sizes;
  return {
    whole,
    shares: new Map(shares),
    oneSignature: makeOneSignature(join(directory, 'one')),
    many: count === 0 ? undefined : { database: makeManyHashes(join(directory, 'many'), count), count },
  };
}

async function takeTurn(
  { keeper, benchDirectory }: Omit<Bench, 'contenders'>,
  engine: EngineContender,
  prepared: { readonly lists: EngineLists; readonly databases: EngineDatabases },
): Promise<EngineTurn> {
  keeper.throwIfClosed();
  const runDirectory = makeRunDirectory(benchDirectory, `engine-${engine.name}`);
  try {
    const site = { keeper, runDirectory, lists: prepared.lists };
    return await measureEngine(engine.open(site), prepared);
  } finally {
    removeBenchDirectory(runDirectory);
  }
}

async function takeMemoryTurn(
  { bench, daemons }: EngineRun,
  { name }: EngineContender,
  { whole, oneSignature }: EngineDatabases,
): Promise<void> {
  const { keeper, benchDirectory, results } = bench;
  const daemon = daemons.find((known) => known.name === name);
  if (daemon === undefined) return;
  const samples = await measureMemory(daemon, { keeper, benchDirectory, whole, oneSignature });
  for (const { key, value } of samples) results.add(key, name, value);
}

/** Takes the figures over and compares what the sides found. @returns 1 where they disagree, else 0. */
function keepTurns({ bench, engines }: EngineRun, turns: ReadonlyMap<string, EngineTurn>): number {
  const { results } = bench;
  for (const { name } of engines)
    for (const { key, value } of turns.get(name)?.samples ?? []) results.add(key, name, value);
  const lines = (['mix', 'small'] as const).flatMap((list) => {
    const ours = turns.get('portcullis')?.found.get(list);
    const theirs = turns.get('clamav')?.found.get(list);
    return ours === undefined || theirs === undefined ? [] : differences(ours, theirs);
  });
  for (const line of lines.slice(0, differencesShown)) results.note(`engine: verdicts differ, ${line}`);
  if (lines.length === 0) return 0;
  results.note(`engine: ${lines.length} verdicts differ: a side that looks at less is faster`);
  return 1;
}

async function guarded(
  { results }: Omit<Bench, 'contenders'>,
  title: string,
  work: () => Promise<void>,
): Promise<number> {
  try {
    await work();
    return 0;
  } catch (failure) {
    if (isInterruption(failure)) throw failure;
    results.note(`engine: ${title} failed: ${describeFailure(failure)}`);
    return 1;
  }
}
