import { parseArgs } from 'node:util';
import { messageOf } from '@portcullis/shared';
import { modeNames } from './modes.js';
import type { ModeName } from './modes.js';
import { ParityError } from './parity-error.js';

/** What SCANNER_ENGINE takes. */
const engineNames = ['auto', 'builtin', 'libclamav'] as const;
export type EngineName = (typeof engineNames)[number];

/** What the command line asks for. */
export interface ParityOptions {
  /** Files and directories of signatures; empty: the official set beside the checkout. */
  readonly databases: readonly string[];
  readonly engine: EngineName;
  /** At least one, none twice. */
  readonly modes: readonly ModeName[];
  /** Lines of clamd.conf for both daemons. */
  readonly confLines: readonly string[];
  /** SCANNER_ variables for ours alone. */
  readonly environment: Readonly<Record<string, string>>;
  /** Files in a mode, 1 to 1,000,000,000; undefined: all. */
  readonly filesMax: number | undefined;
  /** Differences that are printed, 0 to 1,000,000; the others are counted. */
  readonly shownMax: number;
  /** At least one. */
  readonly trees: readonly string[];
}

/** Printed by `--help`. */
export const usage = `usage: pnpm parity [options] [TREE...]

Asks Debian's clamd and our scanner-daemon, with the same signatures and the same clamd.conf, about every regular file below
each TREE (default /usr) and prints each difference. Exit code 0: none; 1: some; 2: bad usage, or a daemon that does not start.

  --database PATH    a file or directory of signatures; may be repeated (default: ../shared/signatures)
  --engine NAME      ${engineNames.join(', ')} (default auto)
  --mode NAME,...    ${modeNames.join(', ')} (default fildes)
                     contscan and multiscan also judge each TREE in one command, unless there is a --limit
  --conf-line LINE   a line of clamd.conf for both daemons, such as "AlertEncrypted yes"; may be repeated
  --env NAME=VALUE   a SCANNER_ variable for ours; may be repeated
  --limit N          only the first N files
  --show N           print at most N differences and count the others (default 200)
  --help             this text`;

/** The comparison would not work with others of these. */
const reservedOption =
  /^\s*(LocalSocket|DatabaseDirectory|TemporaryDirectory|Foreground|User|LogFile|PidFile)\b/i;
const listMax = 1000;

/**
 * @param args - without the program's own name
 * @returns 'help' when that was asked for
 * @throws ParityError PARITY_BAD_OPTION
 */
export function parseParityOptions(args: readonly string[]): ParityOptions | 'help' {
  const { values, positionals } = parseValues(args);
  if (values.help) return 'help';
  const engine = engineNames.find((name) => name === values.engine);
  if (engine === undefined) throw badOption(`--engine ${values.engine}: no such engine`);
  for (const list of [values.database, values['conf-line'], values.env, positionals]) {
    if (list.length > listMax) throw badOption(`more than ${listMax} of a kind`);
  }
  return {
    databases: values.database,
    engine,
    modes: parseModes(values.mode),
    confLines: values['conf-line'].map(checkConfLine),
    environment: Object.fromEntries(values.env.map(parseVariable)),
    filesMax:
      values.limit === undefined
        ? undefined
        : parseCount('--limit', values.limit, { min: 1, max: 1_000_000_000 }),
    shownMax: parseCount('--show', values.show, { min: 0, max: 1_000_000 }),
    trees: positionals.length === 0 ? ['/usr'] : positionals,
  };
}

function parseValues(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        database: { type: 'string', multiple: true, default: [] },
        engine: { type: 'string', default: 'auto' },
        mode: { type: 'string', multiple: true, default: ['fildes'] },
        'conf-line': { type: 'string', multiple: true, default: [] },
        env: { type: 'string', multiple: true, default: [] },
        limit: { type: 'string' },
        show: { type: 'string', default: '200' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (cause) {
    throw new ParityError('PARITY_BAD_OPTION', messageOf(cause), { cause });
  }
}

function parseModes(lists: readonly string[]): readonly ModeName[] {
  const asked = lists.flatMap((list) => list.split(','));
  const unknown = asked.find((name) => !modeNames.some((known) => known === name));
  if (unknown !== undefined) throw badOption(`--mode ${unknown}: no such mode`);
  return modeNames.filter((name) => asked.includes(name));
}

function checkConfLine(line: string): string {
  if (line.trim() === '' || /[\0\r\n]/.test(line)) throw badOption('--conf-line: not one line');
  const reserved = reservedOption.exec(line)?.[1];
  if (reserved !== undefined) throw badOption(`--conf-line: ${reserved} is set by the comparison`);
  return line;
}

function parseVariable(text: string): [string, string] {
  const [, name, value] = /^(SCANNER_[A-Z0-9_]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw badOption(`--env ${text}: not SCANNER_NAME=VALUE`);
  if (name === 'SCANNER_ENGINE') throw badOption('--env SCANNER_ENGINE: that is --engine');
  return [name, value];
}

function parseCount(option: string, text: string, range: { min: number; max: number }): number {
  const count = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (count >= range.min && count <= range.max) return count;
  throw badOption(`${option} ${text}: not a number from ${range.min} to ${range.max}`);
}

function badOption(message: string): ParityError {
  return new ParityError('PARITY_BAD_OPTION', message);
}
