import { parseArgs } from 'node:util';
import { sanitize } from '@portcullis/shared';
import { codeOf, reasonOf } from './action-error.js';
import { closeQuarantine, openQuarantine } from './quarantine-directory.js';
import type { OpenQuarantine } from './quarantine-directory.js';
import { contentEntryOf, readEntries, withLockedEntry } from './quarantine-entries.js';
import type { QuarantineEntry } from './quarantine-entries.js';
import { entriesAsJson, formatEntries } from './quarantine-list.js';
import { restoreEntry } from './quarantine-restore.js';
import { recordEntryOf, unlinkIfThere } from './reserve-record.js';
import type { ActionFiles } from './reserve-record.js';

export const QUARANTINE_USAGE = `usage: onacc-client quarantine list    [--json] [--directory] DIR
       onacc-client quarantine restore NAME [--to PATH] [--directory] DIR
       onacc-client quarantine purge   NAME|--older-than DAYS|--all --yes [--directory] DIR`;

const EXIT_DONE = 0;
/** Something that was asked for was not done. */
const EXIT_REFUSED = 1;
/** Wrong arguments, or no such directory. */
const EXIT_USAGE = 2;
const DAY_MS = 86_400_000;

/** Where the command reads and writes. */
export interface QuarantineIo {
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
  readonly files: ActionFiles;
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
}

type Request =
  | { readonly kind: 'list'; readonly directory: string; readonly json: boolean }
  | {
      readonly kind: 'restore';
      readonly directory: string;
      readonly name: string;
      readonly to: string | undefined;
    }
  | {
      readonly kind: 'purge';
      readonly directory: string;
      readonly which: PurgeChoice;
      readonly isConfirmed: boolean;
    };

type PurgeChoice =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'olderThan'; readonly days: number }
  | { readonly kind: 'all' };

/**
 * `onacc-client quarantine list|restore|purge`.
 *
 * @param args - what follows `quarantine`
 * @returns the exit code: 0 done, 1 refused, 2 wrong arguments or no such directory.
 */
export function runQuarantine(args: readonly string[], io: QuarantineIo): Promise<number> {
  const say = (text: string): void => {
    io.writeError(`${text}\n`);
  };
  if (args.includes('--help') || args.includes('-h')) {
    io.write(`${QUARANTINE_USAGE}\n`);
    return Promise.resolve(EXIT_DONE);
  }
  const request = parseRequest(args);
  if (typeof request === 'string') {
    say(request);
    say(QUARANTINE_USAGE);
    return Promise.resolve(EXIT_USAGE);
  }
  let quarantine: OpenQuarantine;
  try {
    quarantine = openQuarantine(request.directory, { create: false });
  } catch (error) {
    say(`ERROR: ${sanitize(reasonOf(error))}`);
    return Promise.resolve(EXIT_USAGE);
  }
  try {
    return Promise.resolve(answer(request, quarantine, io));
  } catch (error) {
    say(`ERROR: '${sanitize(request.directory)}': ${sanitize(reasonOf(error))}`);
    return Promise.resolve(EXIT_REFUSED);
  } finally {
    closeQuarantine(quarantine);
  }
}

function answer(request: Request, quarantine: OpenQuarantine, io: QuarantineIo): number {
  switch (request.kind) {
    case 'list': {
      const entries = readEntries(quarantine);
      const text = request.json
        ? entriesAsJson(entries)
        : formatEntries(entries, request.directory).join('\n');
      io.write(`${text}\n`);
      return EXIT_DONE;
    }
    case 'restore':
      return restore(request, quarantine, io);
    case 'purge':
      return purge(request, quarantine, io);
  }
}

function restore(
  { name, to }: Extract<Request, { kind: 'restore' }>,
  quarantine: OpenQuarantine,
  io: QuarantineIo,
): number {
  const { files } = io;
  const outcome = withLockedEntry(quarantine, name, files, (entry) =>
    restoreEntry(entry, { quarantine, files, to }),
  );
  if (typeof outcome === 'string') {
    io.writeError(`ERROR: ${whyNot(outcome, name)}\n`);
    return EXIT_REFUSED;
  }
  if (outcome.kind === 'refused') {
    io.writeError(`ERROR: ${outcome.text}\n`);
    return EXIT_REFUSED;
  }
  io.write(`${outcome.text}\n`);
  io.write(
    'It is refused again when it is next opened in a protected place, and quarantined again, unless its directory is ' +
      'excluded (OnAccessExcludePath) or its signature is (an .ign2 or .fp file in the database).\n',
  );
  return EXIT_DONE;
}

function purge(
  { which, isConfirmed }: Extract<Request, { kind: 'purge' }>,
  quarantine: OpenQuarantine,
  io: QuarantineIo,
): number {
  const names = which.kind === 'name' ? [which.name] : chosen(readEntries(quarantine), which, io.nowMs());
  if (!isConfirmed) {
    for (const name of names) io.write(`${sanitize(name)}\n`);
    io.writeError(
      `nothing was deleted: say --yes to delete ${names.length === 1 ? 'it' : `these ${names.length}`}\n`,
    );
    return EXIT_REFUSED;
  }
  let code = EXIT_DONE;
  for (const name of names) {
    const outcome = purgeOne(name, quarantine, io.files);
    if (outcome === 'purged') {
      io.write(`${sanitize(name)}: purged\n`);
      continue;
    }
    // Gone between the list and now: as wished.
    if (outcome === 'notThere' && which.kind !== 'name') continue;
    io.writeError(`ERROR: ${whyNot(outcome, name)}\n`);
    code = EXIT_REFUSED;
  }
  return code;
}

/** Only what has a record: other files in that directory are somebody else's. */
function chosen(entries: readonly QuarantineEntry[], which: PurgeChoice, nowMs: number): string[] {
  return entries
    .filter((entry) => {
      if (entry.state === 'noRecord') return false;
      if (which.kind !== 'olderThan') return true;
      return 'record' in entry && entry.record.detectedAtMs < nowMs - which.days * DAY_MS;
    })
    .map(({ file }) => file);
}

function purgeOne(name: string, quarantine: OpenQuarantine, files: ActionFiles): string {
  try {
    return withLockedEntry(quarantine, name, files, (entry) => {
      unlinkIfThere(contentEntryOf(quarantine, entry));
      unlinkIfThere(recordEntryOf(quarantine, name));
      return 'purged';
    });
  } catch (error) {
    return `${codeOf(error)}: ${reasonOf(error)}`;
  }
}

function whyNot(outcome: string, name: string): string {
  const shown = sanitize(name);
  if (outcome === 'inUse') return `'${shown}' is being quarantined, restored or purged by another process`;
  if (outcome === 'notThere') return `no record of a quarantined file named '${shown}'`;
  return `'${shown}': ${sanitize(outcome)}`;
}

/** @returns what is wrong, as text. */
function parseRequest(args: readonly string[]): Request | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        directory: { type: 'string' },
        json: { type: 'boolean', default: false },
        to: { type: 'string' },
        'older-than': { type: 'string' },
        all: { type: 'boolean', default: false },
        yes: { type: 'boolean', default: false },
      },
    });
    const [verb, ...operands] = positionals;
    return requestOf(verb, operands, values);
  } catch (error) {
    // parseArgs says which option it does not know.
    return sanitize(reasonOf(error));
  }
}

interface GivenOptions {
  readonly directory?: string | undefined;
  readonly json: boolean;
  readonly to?: string | undefined;
  readonly 'older-than'?: string | undefined;
  readonly all: boolean;
  readonly yes: boolean;
}

function requestOf(verb: string | undefined, operands: string[], given: GivenOptions): Request | string {
  if (verb !== 'list' && verb !== 'restore' && verb !== 'purge') return 'say list, restore or purge';
  const days = given['older-than'];
  const wantsName = verb === 'restore' || (verb === 'purge' && days === undefined && !given.all);
  const name = wantsName ? operands.shift() : undefined;
  const directory = given.directory ?? operands.shift();
  if (operands.length > 0) return `one operand too many: ${sanitize(operands.join(' '))}`;
  if (wantsName && name === undefined) return 'NAME is missing';
  if (directory === undefined || directory === '') return 'DIR is missing';
  if (verb === 'list') return { kind: 'list', directory, json: given.json };
  if (verb === 'restore') return { kind: 'restore', directory, name: name ?? '', to: given.to };
  const which = purgeChoice(name, days, given.all);
  return typeof which === 'string' ? which : { kind: 'purge', directory, which, isConfirmed: given.yes };
}

function purgeChoice(name: string | undefined, days: string | undefined, all: boolean): PurgeChoice | string {
  if (all && days !== undefined) return 'say --all or --older-than, not both';
  if (all) return { kind: 'all' };
  if (days === undefined) return { kind: 'name', name: name ?? '' };
  if (!/^[0-9]{1,5}$/.test(days)) return '--older-than takes a number of days';
  return { kind: 'olderThan', days: Number(days) };
}
