import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf } from '@portcullis/shared';
import { ProcessKeeper } from '../bench/process-keeper.js';
import { runDaemon } from './daemon-run.js';
import { runDecoder } from './decoder-run.js';
import { reportFinding, type RunOutcome } from './findings.js';
import { parseFuzzOptions, usage, type FuzzOptions, type TargetName } from './options.js';
import { createTarget } from './targets/table.js';

/** From scripts/dist/fuzz. */
const repositoryRoot = resolve(import.meta.dirname, '../../..');
const daemonProgram = resolve(repositoryRoot, 'packages/scanner-daemon/bin/scanner-daemon.cjs');

/** 0: nothing found; 1: something was; 2: bad usage or the run itself failed. */
async function main(): Promise<number> {
  const options = parseFuzzOptions(process.argv.slice(2));
  if (options === 'help') {
    console.log(usage);
    return 0;
  }
  if (options.inputPath !== undefined) return checkOne(options, options.inputPath);
  const keeper = new ProcessKeeper();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => void keeper.close().then(() => process.exit(130)));
  process.on('exit', () => {
    keeper.killAllNow();
  });
  try {
    return await fuzz(options, keeper);
  } finally {
    await keeper.close();
  }
}

async function fuzz(options: FuzzOptions, keeper: ProcessKeeper): Promise<number> {
  const seed = options.seed ?? randomInt(0, 0xffff_ffff);
  console.log(`seed ${seed}: again with --seed ${seed}`);
  const seconds = options.seconds / options.targets.length;
  let findings = 0;
  for (const target of options.targets) {
    const { inputs, finding } = await run(target, { seed, seconds, keeper });
    console.log(`${target}: ${inputs} inputs, ${finding === undefined ? 'nothing found' : 'FAILED'}`);
    if (finding === undefined) continue;
    findings += 1;
    for (const line of reportFinding(finding, { target, seed, directory: options.outDirectory }))
      console.log(line);
  }
  return findings === 0 ? 0 : 1;
}

function run(
  target: TargetName,
  options: { readonly seed: number; readonly seconds: number; readonly keeper: ProcessKeeper },
): Promise<RunOutcome> {
  return target === 'daemon'
    ? runDaemon({ ...options, program: daemonProgram })
    : runDecoder(target, options);
}

async function checkOne({ targets }: FuzzOptions, inputPath: string): Promise<number> {
  const [name] = targets;
  if (name === undefined || name === 'daemon') return 2;
  try {
    await createTarget(name).check(readFileSync(inputPath));
  } catch (failure) {
    console.log(`${name}: ${messageOf(failure)}`);
    return 1;
  }
  console.log(`${name}: nothing found`);
  return 0;
}

main().then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (failure: unknown) => {
    console.error(`fuzz: ${messageOf(failure)}`);
    process.exitCode = 2;
  },
);
