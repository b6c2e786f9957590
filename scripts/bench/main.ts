import { resolve } from 'node:path';
import { makeBenchDirectory, removeBenchDirectory } from './bench-directory.js';
import { BenchError, describeFailure, isInterruption } from './bench-error.js';
import { bare } from './contenders/bare.js';
import { clamav } from './contenders/clamav.js';
import type { Contender } from './contenders/contender.js';
import { createPortcullis } from './contenders/portcullis.js';
import { createDaemonContenders, createIsolationContenders } from './daemon/daemon-contender.js';
import type { DaemonContender } from './daemon/daemon-contender.js';
import { fullTimes, quickTimes } from './daemon/measure-daemon.js';
import { runIsolation } from './daemon/measure-isolation.js';
import { runDaemonScenario } from './daemon/run-daemon.js';
import { clamscanEngine } from './engine/clamscan-engine.js';
import { createOurEngine } from './engine/our-engine.js';
import { fullSizes, quickSizes } from './engine/prepare-lists.js';
import { runEngineScenario } from './engine/run-engine.js';
import { describeMachine } from './machine.js';
import { parseBenchOptions, usage } from './options.js';
import type { BenchOptions } from './options.js';
import { ProcessKeeper } from './process-keeper.js';
import { Results } from './results.js';
import { runScenario } from './run-scenario.js';
import type { Scenario } from './scenarios/scenario.js';
import { createManyDirectories } from './scenarios/many-directories.js';
import { createTreePasses } from './scenarios/tree-passes.js';
import { createUncachedOpen } from './scenarios/uncached-open.js';
import { prepareSignatures } from './signatures.js';
import { renderReport } from './table.js';
import { fullTreeSize } from './tree-plan.js';

/** From scripts/dist/bench. */
const repositoryRoot = resolve(import.meta.dirname, '../../..');

/** 0: all was measured; 1: something failed (see the notes); 2: bad usage; 130: interrupted. */
async function main(): Promise<number> {
  const options = parseBenchOptions(process.argv.slice(2));
  if (options === 'help') {
    console.log(usage);
    return 0;
  }
  if (process.getuid?.() !== 0)
    throw new BenchError('BENCH_NOT_ROOT', 'run as root: fanotify permission events need it');
  const keeper = new ProcessKeeper();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => void keeper.close());
  process.on('exit', () => {
    keeper.killAllNow();
  });
  const benchDirectory = makeBenchDirectory(options.parentDirectory);
  try {
    return await runBench(options, keeper, benchDirectory);
  } finally {
    await keeper.close();
    removeBenchDirectory(benchDirectory);
  }
}

async function runBench(
  options: BenchOptions,
  keeper: ProcessKeeper,
  benchDirectory: string,
): Promise<number> {
  const signatures = await prepareSignatures(keeper, benchDirectory, {
    repositoryRoot,
    choice: options.signatures,
  });
  const header = describeMachine(signatures.description);
  const results = new Results();
  const bench = {
    keeper,
    benchDirectory,
    signatureDirectory: signatures.directory,
    contenders: chooseContenders(options, results),
    repetitions: options.repetitions,
    results,
    progress: (line: string) => {
      console.error(line);
    },
  };
  let failures = 0;
  for (const scenario of chooseScenarios(options)) failures += await runScenario(bench, scenario);
  const times = options.isQuick ? quickTimes : fullTimes;
  if (options.scenarios.includes('daemon'))
    failures += await runDaemonScenario(bench, chooseDaemons(options, results), times);
  if (options.scenarios.includes('engine')) {
    const note = (text: string) => {
      results.note(text);
    };
    failures += await runEngineScenario({
      bench,
      engines: chooseFrom([createOurEngine(repositoryRoot, note), clamscanEngine], options, results),
      daemons: chooseDaemons(options, results),
      sizes: options.isQuick ? quickSizes : fullSizes,
    });
  }
  if (measuresIsolation(options))
    failures += await runIsolation(bench, createIsolationContenders(repositoryRoot), times);
  if (options.isQuick) results.note('--quick: small trees, few repetitions; do not quote these figures');
  console.log([...header, '', renderReport(results, options.engine)].join('\n'));
  return failures === 0 ? 0 : 1;
}

/** The guards, for the scenarios that open files. */
function chooseContenders(options: BenchOptions, results: Results): readonly Contender[] {
  const all: readonly Contender[] = [bare, createPortcullis(repositoryRoot, options.engine), clamav];
  return options.scenarios.some((scenario) => !['daemon', 'engine', 'isolation'].includes(scenario))
    ? chooseFrom(all, options, results)
    : [];
}

function chooseDaemons(options: BenchOptions, results: Results): readonly DaemonContender[] {
  return chooseFrom(createDaemonContenders(repositoryRoot, options.engine), options, results);
}

/** Alone, or beside the daemons; both sides are ours. */
function measuresIsolation({ engine, scenarios, contenders }: BenchOptions): boolean {
  const isWanted = scenarios.includes('daemon') || scenarios.includes('isolation');
  return isWanted && engine === 'libclamav' && contenders.includes('portcullis');
}

/** Those that were asked for and can run here; a note says which cannot. */
function chooseFrom<Kind extends Pick<Contender, 'name' | 'unavailable'>>(
  all: readonly Kind[],
  options: BenchOptions,
  results: Results,
): readonly Kind[] {
  return all
    .filter(({ name }) => options.contenders.includes(name))
    .filter(({ name, unavailable }) => {
      const reason = unavailable();
      if (reason !== undefined) results.note(`${name} left out: ${reason}`);
      return reason === undefined;
    });
}

function chooseScenarios({ isQuick, scenarios, clamavTreeRepetitions }: BenchOptions): readonly Scenario[] {
  const openSize = isQuick
    ? { warmUpFiles: 100, filesOfOneOpener: 200, filesOfEightOpeners: 400 }
    : { warmUpFiles: 6000, filesOfOneOpener: 3000, filesOfEightOpeners: 12_000 };
  const treeSize = isQuick ? { topDirectoryCount: 1, fileCount: 300, totalBytes: 5_000_000 } : fullTreeSize;
  return [
    ...(scenarios.includes('uncached-open') ? [createUncachedOpen(openSize)] : []),
    ...(scenarios.includes('tree-passes')
      ? (['root', 'user'] as const).map((owner) => createTreePasses(treeSize, owner, clamavTreeRepetitions))
      : []),
    ...(scenarios.includes('many-directories') ? [createManyDirectories(isQuick ? 1 : 100)] : []),
  ];
}

main().then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (failure: unknown) => {
    console.error(`bench: ${describeFailure(failure)}`);
    process.exitCode = isInterruption(failure) ? 130 : 2;
  },
);
