import { parseArgs } from 'node:util';
import { messageOf } from '@portcullis/shared';
import { FuzzError } from './fuzz-error.js';

/** Every target, in the order they run. */
export const targetNames = [
  'commands',
  'instream',
  'replies',
  'config',
  'unpack-zip',
  'unpack-gzip',
  'unpack-bzip2',
  'unpack-xz',
  'unpack-zstd',
  'unpack-tar',
  'unpack-7z',
  'unpack-ole2',
  'unpack-mail',
  'signatures',
  'containers',
  'image',
  'pcre',
  'executables',
  'normalise',
  'daemon',
] as const;
export type TargetName = (typeof targetNames)[number];

/** What the command line asks for. */
export interface FuzzOptions {
  /** For all targets together: 1 to 86,400. */
  readonly seconds: number;
  /** 32 bits; undefined: any. */
  readonly seed: number | undefined;
  readonly targets: readonly TargetName[];
  /** One input to be checked instead, as an earlier run wrote it. */
  readonly inputPath: string | undefined;
  /** Where failing inputs go. */
  readonly outDirectory: string;
}

/** Printed by `--help`. */
export const usage = `usage: pnpm fuzz [options]

  --seconds N    for all targets together, 1-86400 (default 60)
  --seed N       0-4294967295; the same seed mutates in the same order (default: any, and printed)
  --only NAME    only this target (${targetNames.join(', ')}); may be repeated
  --input FILE   check this one input, with the one target that --only names
  --out DIR      write failing inputs to DIR (default .)
  --help         this text`;

const secondsMax = 86_400;
const seedMax = 0xffff_ffff;

/**
 * @param args - without the program's own name
 * @throws FuzzError FUZZ_BAD_OPTION
 */
export function parseFuzzOptions(args: readonly string[]): FuzzOptions | 'help' {
  const values = parseValues(args);
  if (values.help) return 'help';
  const unknown = values.only.find((name) => !targetNames.some((known) => known === name));
  if (unknown !== undefined) throw badOption(`--only ${unknown}: no such target`);
  const targets = targetNames.filter((name) => values.only.length === 0 || values.only.includes(name));
  if (values.input !== undefined && (targets.length !== 1 || targets[0] === 'daemon')) {
    throw badOption('--input goes with --only and one target that is not the daemon');
  }
  return {
    seconds: parseNumber('--seconds', values.seconds, { min: 1, max: secondsMax }),
    seed:
      values.seed === undefined ? undefined : parseNumber('--seed', values.seed, { min: 0, max: seedMax }),
    targets,
    inputPath: values.input,
    outDirectory: values.out,
  };
}

function parseValues(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seconds: { type: 'string', default: '60' },
        seed: { type: 'string' },
        only: { type: 'string', multiple: true, default: [] },
        input: { type: 'string' },
        out: { type: 'string', default: '.' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (cause) {
    throw new FuzzError('FUZZ_BAD_OPTION', messageOf(cause), { cause });
  }
}

function parseNumber(option: string, text: string, range: { min: number; max: number }): number {
  const number = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= range.min && number <= range.max) return number;
  throw badOption(`${option} ${text}: not a number from ${range.min} to ${range.max}`);
}

function badOption(message: string): FuzzError {
  return new FuzzError('FUZZ_BAD_OPTION', message);
}
