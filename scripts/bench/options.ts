import { parseArgs } from 'node:util';
import { BenchError } from './bench-error.js';
import { benchEngines } from './engine.js';
import type { BenchEngine } from './engine.js';
import { contenderNames } from './results.js';
import type { ContenderName } from './results.js';
import { signatureChoices } from './signatures.js';
import type { SignatureChoice } from './signatures.js';

/** The scenarios by the names `--only` takes. */
const scenarioNames = [
  'uncached-open',
  'tree-passes',
  'many-directories',
  'daemon',
  'engine',
  'isolation',
] as const;
type ScenarioName = (typeof scenarioNames)[number];

/** Scenarios that one engine only has. */
const engineOfScenario: Readonly<Partial<Record<ScenarioName, BenchEngine>>> = {
  engine: 'builtin',
  isolation: 'libclamav',
};

/** What the command line asks for. */
export interface BenchOptions {
  /** 1 to 50. */
  readonly repetitions: number;
  /** How often clamonacc reads the tree: 1 to 50. */
  readonly clamavTreeRepetitions: number;
  readonly isQuick: boolean;
  /** Of our daemon, in every scenario. */
  readonly engine: BenchEngine;
  /** For both sides. */
  readonly signatures: SignatureChoice;
  /** Where the trees go: a directory on a real disk's filesystem. */
  readonly parentDirectory: string;
  readonly contenders: readonly ContenderName[];
  readonly scenarios: readonly ScenarioName[];
}

/** Printed by `--help`. */
export const usage = `usage: pnpm bench [options]   (as root)

  --repeat N         repetitions, 1-50 (default 3; 1 with --quick)
  --repeat-clamav N  of these, how often clamonacc reads the tree (default 1: half a minute a pass)
  --only NAME        only this scenario (${scenarioNames.join(', ')})
                     or contender (${contenderNames.join(', ')}); may be repeated
  --engine NAME      the engine of our daemon: ${benchEngines.join(' or ')} (default builtin)
  --signatures NAME  all (default), or plain: without the logical ones
  --quick            small trees, short loads: does it work at all? The figures mean little
  --dir DIR          make the trees below DIR (default /var/tmp)
  --help             this text`;

const repetitionsMax = 50;

/**
 * @param args - without the program's own name
 * @returns 'help' when that was asked for
 * @throws BenchError BENCH_BAD_OPTION
 */
export function parseBenchOptions(args: readonly string[]): BenchOptions | 'help' {
  const values = parseValues(args);
  if (values.help) return 'help';
  const only = values.only;
  for (const name of only) {
    if (![...scenarioNames, ...contenderNames].some((known) => known === name)) {
      throw new BenchError('BENCH_BAD_OPTION', `--only ${name}: no such scenario or contender`);
    }
  }
  const engine = benchEngines.find((known) => known === values.engine);
  if (engine === undefined)
    throw new BenchError('BENCH_BAD_OPTION', `--engine ${values.engine}: not ${benchEngines.join(' or ')}`);
  const isPossible = (name: ScenarioName): boolean => (engineOfScenario[name] ?? engine) === engine;
  for (const name of scenarioNames)
    if (only.includes(name) && !isPossible(name))
      throw new BenchError(
        'BENCH_BAD_OPTION',
        `--only ${name} needs --engine ${String(engineOfScenario[name])}`,
      );
  const signatures = parseSignatures(values.signatures);
  return {
    repetitions: parseCount('--repeat', values.repeat ?? (values.quick ? '1' : '3')),
    clamavTreeRepetitions: parseCount('--repeat-clamav', values['repeat-clamav']),
    isQuick: values.quick,
    engine,
    signatures,
    parentDirectory: values.dir,
    contenders: narrow(contenderNames, only),
    scenarios: narrow(
      scenarioNames.filter((name) => isPossible(name)),
      only,
    ),
  };
}

function parseValues(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        repeat: { type: 'string' },
        'repeat-clamav': { type: 'string', default: '1' },
        only: { type: 'string', multiple: true, default: [] },
        engine: { type: 'string', default: 'builtin' },
        signatures: { type: 'string', default: 'all' },
        quick: { type: 'boolean', default: false },
        dir: { type: 'string', default: '/var/tmp' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (cause) {
    throw new BenchError('BENCH_BAD_OPTION', cause instanceof Error ? cause.message : 'bad option', {
      cause,
    });
  }
}

function parseSignatures(wanted: string): SignatureChoice {
  const choice = signatureChoices.find((known) => known === wanted);
  if (choice === undefined)
    throw new BenchError('BENCH_BAD_OPTION', `--signatures ${wanted}: not ${signatureChoices.join(' or ')}`);
  return choice;
}

function parseCount(option: string, text: string): number {
  const count = /^[0-9]{1,2}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= repetitionsMax) return count;
  throw new BenchError('BENCH_BAD_OPTION', `${option} ${text}: not a number from 1 to ${repetitionsMax}`);
}

/** Those of one list that were asked for, or all of it when none of them was. */
function narrow<Name extends string>(all: readonly Name[], only: readonly string[]): readonly Name[] {
  const chosen = all.filter((name) => only.includes(name));
  return chosen.length > 0 ? chosen : all;
}
