import { Buffer } from 'node:buffer';
import {
  COMMAND_VERBS,
  takesPath,
  terminatorOf,
  type Command,
  type CommandVerb,
  type Framing,
  type PlainVerb,
  type Terminator,
} from './command.js';

/** A command that clamd knows. `command.verb` FILDES and INSTREAM ask for raw bytes next. */
export interface KnownCommand {
  readonly kind: 'command';
  readonly command: Command;
  readonly framing: Framing;
  readonly terminator: Terminator;
}

/** Anything that clamd answers with UNKNOWN COMMAND (outside a session). */
export interface UnknownCommand {
  readonly kind: 'unknown';
  readonly framing: Framing;
  readonly terminator: Terminator;
}

type LookedUp = KnownCommand | UnknownCommand;
type ByFraming<Outcome> = Readonly<Record<Framing, Outcome>>;

type Row =
  | { readonly name: Buffer; readonly verb: Exclude<CommandVerb, PlainVerb> }
  | { readonly name: Buffer; readonly verb: PlainVerb; readonly outcomes: ByFraming<LookedUp> };

const REFUSED_IN_OLD_STYLE: ReadonlySet<CommandVerb> = new Set<CommandVerb>([
  'VERSIONCOMMANDS',
  'END',
  'STATS',
  'IDSESSION',
  'INSTREAM',
  'ALLMATCHSCAN',
]);

const UNKNOWN: ByFraming<UnknownCommand> = { z: unknown('z'), n: unknown('n'), old: unknown('old') };

const ROWS_BY_FIRST_BYTE = groupByFirstByte(COMMAND_VERBS.map(rowOf));

/**
 * Looks the command in `bytes[from]` up to, and without, `bytes[to]` up (behaviour 1.3): names are compared as
 * prefixes, in order and case-sensitively; the byte behind the name of a path command is skipped unseen.
 *
 * Pure; a path is copied, so the result holds none of `bytes`. Outcomes without a path are shared and allocate nothing.
 */
export function lookupCommand(
  bytes: Buffer,
  range: { from: number; to: number },
  framing: Framing,
): LookedUp {
  const { from, to } = range;
  if (from >= to) return UNKNOWN[framing];
  for (const row of ROWS_BY_FIRST_BYTE.get(bytes[from] ?? 0) ?? []) {
    const nameEnd = from + row.name.length;
    if (nameEnd > to || row.name.compare(bytes, from, nameEnd) !== 0) continue;
    if ('outcomes' in row) return nameEnd === to ? row.outcomes[framing] : UNKNOWN[framing];
    if (nameEnd === to || isRefused(row.verb, framing)) return UNKNOWN[framing];
    const path = Buffer.from(bytes.subarray(nameEnd + 1, to));
    return { kind: 'command', command: { verb: row.verb, path }, framing, terminator: terminatorOf(framing) };
  }
  return UNKNOWN[framing];
}

function rowOf(verb: CommandVerb): Row {
  const name = Buffer.from(verb, 'latin1');
  if (takesPath(verb)) return { name, verb };
  const known = (framing: Framing): LookedUp =>
    isRefused(verb, framing)
      ? UNKNOWN[framing]
      : Object.freeze({
          kind: 'command',
          command: Object.freeze({ verb }),
          framing,
          terminator: terminatorOf(framing),
        });
  return { name, verb, outcomes: { z: known('z'), n: known('n'), old: known('old') } };
}

function isRefused(verb: CommandVerb, framing: Framing): boolean {
  return framing === 'old' && REFUSED_IN_OLD_STYLE.has(verb);
}

function unknown(framing: Framing): UnknownCommand {
  return Object.freeze({ kind: 'unknown', framing, terminator: terminatorOf(framing) });
}

function groupByFirstByte(rows: readonly Row[]): ReadonlyMap<number, readonly Row[]> {
  const groups = new Map<number, Row[]>();
  for (const row of rows) {
    const first = row.name[0] ?? 0;
    groups.set(first, [...(groups.get(first) ?? []), row]);
  }
  return groups;
}
