import { realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { messageOf } from '@portcullis/shared';
import { openNative } from '@portcullis/shared/native';
import { makeBenchDirectory, removeBenchDirectory } from '../bench/bench-directory.js';
import { isInterruption } from '../bench/bench-error.js';
import { createDaemonContenders } from '../bench/daemon/daemon-contender.js';
import type { DaemonContender } from '../bench/daemon/daemon-contender.js';
import { ProcessKeeper } from '../bench/process-keeper.js';
import { compareMode } from './compare-files.js';
import { prepareDatabase } from './database.js';
import { comparisonNamed, comparisonUsage, runComparison } from './engine-comparison.js';
import { parseParityOptions, usage } from './options.js';
import type { ParityOptions } from './options.js';
import { ParityError } from './parity-error.js';
import { Report } from './report.js';
import type { Side } from './report.js';
import { startDaemon } from './running-daemon.js';
import type { RunningDaemon } from './running-daemon.js';

/** From scripts/dist/parity. */
const repositoryRoot = resolve(import.meta.dirname, '../../..');
const progressEveryMs = 10_000;
const exitInterrupted = 130;

/** 0: no difference; 1: some; 2: bad usage, or a daemon that does not start or ends; 130: interrupted. */
async function main(): Promise<number> {
  const [first, ...rest] = process.argv.slice(2);
  const comparison = comparisonNamed(first);
  if (comparison !== undefined) {
    return withKeeper((run) => runComparison(comparison, rest, { ...run, repositoryRoot }));
  }
  const options = parseParityOptions(process.argv.slice(2));
  if (options === 'help') {
    console.log(usage + comparisonUsage);
    return 0;
  }
  const trees = options.trees.map(findTree);
  return withKeeper((run) => compare({ ...options, trees }, run));
}

/** Whatever was started ends with the work, also when we are interrupted. */
async function withKeeper(work: (run: Run) => Promise<number>): Promise<number> {
  const keeper = new ProcessKeeper();
  const interruption = new AbortController();
  const interrupt = () => {
    interruption.abort();
    void keeper.close();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  // Whoever reads the differences has gone (a pipe to head): nobody is left to tell.
  process.stdout.on('error', interrupt);
  process.on('exit', () => {
    keeper.killAllNow();
  });
  const directory = makeBenchDirectory(realpathSync(tmpdir()));
  try {
    return await work({ keeper, directory, signal: interruption.signal });
  } finally {
    await keeper.close();
    removeBenchDirectory(directory);
  }
}

interface Run {
  readonly keeper: ProcessKeeper;
  readonly directory: string;
  readonly signal: AbortSignal;
}

async function compare(options: ParityOptions, run: Run): Promise<number> {
  const daemons = await startBoth(options, run);
  const report = new Report(options.shownMax, (line) => {
    console.log(line);
  });
  const { trees, filesMax, modes } = options;
  const plan = { daemons, trees, filesMax, exceptDirectory: run.directory, report, signal: run.signal };
  const progress = setInterval(() => {
    console.error(`${report.files} files, ${report.different} different`);
  }, progressEveryMs);
  try {
    for (const mode of modes) {
      if (run.signal.aborted) break;
      if (modes.length > 1) console.log(`mode ${mode}`);
      await compareMode(mode, plan);
    }
  } finally {
    clearInterval(progress);
    console.log(report.summary());
  }
  if (run.signal.aborted) throw new ParityError('PARITY_INTERRUPTED', 'interrupted');
  return report.different === 0 ? 0 : 1;
}

async function startBoth(
  options: ParityOptions,
  { keeper, directory }: Run,
): Promise<Record<Side, RunningDaemon>> {
  const { databases, engine, confLines } = options;
  const signatures = await prepareDatabase(keeper, { databases, engine, parent: directory, repositoryRoot });
  const native = openNative();
  const site = { keeper, native, parent: directory, databaseDirectory: signatures.directory, confLines };
  const contenders = createDaemonContenders(repositoryRoot, engine === 'builtin' ? 'builtin' : 'libclamav');
  const [clamd, ours] = await Promise.all([
    startDaemon(contenderCalled('clamav', contenders), site),
    startDaemon({ ...contenderCalled('portcullis', contenders), env: environmentOf(options) }, site),
  ]);
  console.log(`signatures: ${signatures.description}`);
  console.log(`clamd: ${clamd.version}`);
  console.log(`ours: ${ours.version}, engine: ${ours.engine ?? 'not told'}`);
  return { clamd, ours };
}

function contenderCalled(
  name: DaemonContender['name'],
  contenders: readonly DaemonContender[],
): DaemonContender {
  const contender = contenders.find((each) => each.name === name);
  if (contender === undefined) throw new ParityError('PARITY_NOT_READY', `no daemon ${name}`);
  return contender;
}

/** The same signatures as clamd has and no others. */
function environmentOf({ engine, environment }: ParityOptions): Readonly<Record<string, string>> {
  return { SCANNER_BUNDLED_SIGNATURES: 'no', ...environment, SCANNER_ENGINE: engine };
}

/** Absolute and free of symbolic links, which neither daemon follows. */
function findTree(tree: string): string {
  try {
    return realpathSync(resolve(tree));
  } catch (cause) {
    throw new ParityError('PARITY_BAD_OPTION', `${tree}: ${messageOf(cause)}`, { cause });
  }
}

main().then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (failure: unknown) => {
    console.error(`parity: ${messageOf(failure)}`);
    const isInterrupted =
      isInterruption(failure) || (failure instanceof ParityError && failure.code === 'PARITY_INTERRUPTED');
    process.exitCode = isInterrupted ? exitInterrupted : 2;
  },
);
