import { CONFIG_MESSAGES, parseBool } from '@portcullis/shared';
import { parseArguments } from '@portcullis/shared/launch';
import type { ParsedOption } from '@portcullis/shared/launch';
import type { FileAction } from './actions/judged-file.js';
import { CLIENT_GRAMMAR, findClientOption, HELP, shownOptionName } from './command-line-options.js';
import type { ClientOptionName } from './command-line-options.js';

/** How often, and how far apart, the daemon is asked for a sign of life. */
export interface PingPlan {
  readonly attempts: number;
  readonly intervalSeconds: number;
}

/** What was asked for. Paths as given; undefined where nothing was. */
export interface ClientFlags {
  readonly configFile: string | undefined;
  /** File with variables of ours; undefined: `.env` of the working directory, if it is there. */
  readonly envFile: string | undefined;
  readonly logFile: string | undefined;
  readonly watchListFile: string | undefined;
  readonly excludeListFile: string | undefined;
  readonly verbose: boolean;
  readonly foreground: boolean;
  readonly ping: PingPlan | undefined;
  readonly wait: boolean;
  /** What becomes of an infected file. */
  readonly action: FileAction;
  /** How files reach the daemon; undefined: as suits its address. */
  readonly transfer: 'descriptor' | 'stream' | undefined;
  readonly allMatch: boolean;
  /** Accepted, without effect. */
  readonly multiscan: boolean;
  readonly infected: boolean;
  readonly quiet: boolean;
}

/** The words that begin a command line of their own; as the first one only, since clamonacc ignores operands. */
export const SUBCOMMANDS = ['status', 'doctor', 'quarantine'] as const;
export type Subcommand = (typeof SUBCOMMANDS)[number];

export type CommandLine =
  /** `warnings`: one line each, for standard error, whatever the task. */
  | { readonly kind: 'run'; readonly task: Task; readonly flags: ClientFlags; readonly warnings: Warnings }
  /** `args`: what follows the word. */
  | { readonly kind: 'subcommand'; readonly name: Subcommand; readonly args: readonly string[] }
  /** Something to print and an exit code; text with its line ends. */
  | { readonly kind: 'done'; readonly exitCode: number; readonly stdout: string; readonly stderr: string };

/** `ping` asks and ends; with --wait it is a part of `start`. */
export type Task = 'start' | 'ping' | 'version' | 'checkConfig';
type Warnings = readonly string[];

/** clamonacc's, for whatever is wrong with the command line (behaviour 4.1). */
const EXIT_USAGE = 2;
const PING_DEFAULT_INTERVAL_SECONDS = 1;
/** Above it something else was meant. */
const PING_MAX = 1_000_000;
/** A timer of Node ends at 2^31 ms. */
const PING_INTERVAL_MAX_SECONDS = 86_400;

/** Reads clamonacc's command line, and ours. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const [first] = args;
  const name = SUBCOMMANDS.find((known) => known === first);
  if (name !== undefined) return { kind: 'subcommand', name, args: args.slice(1) };
  const parsed = parseArguments(args, CLIENT_GRAMMAR);
  switch (parsed.kind) {
    case 'unknownOption':
      return complaint([`onacc-client: ${parsed.message}`, 'ERROR: Unknown option passed']);
    case 'missingArgument':
      return complaint([
        `onacc-client: ${parsed.message}`,
        'ERROR: Incomplete option passed (missing argument)',
      ]);
    case 'options':
      return interpret(parsed.options);
  }
}

/** What the options add up to; the first value of an option counts, as in clamonacc. */
function interpret(options: readonly ParsedOption[]): CommandLine {
  const given = new Map<ClientOptionName, string | boolean>();
  const warnings: string[] = [];
  for (const option of options) {
    const reading = readOption(option);
    if (reading.kind === 'refused') return complaint([...warnings, `ERROR: ${reading.message}`]);
    if (reading.kind === 'ignored') warnings.push(`WARNING: ${reading.message}`);
    else if (!given.has(reading.name)) given.set(reading.name, reading.value);
  }
  if (given.get('help') === true) {
    return { kind: 'done', exitCode: 0, stdout: HELP, stderr: lines(warnings) };
  }
  const pingText = given.get('ping');
  const ping = typeof pingText === 'string' ? parsePing(pingText) : undefined;
  if (ping === 'malformed') {
    const format = `${CONFIG_MESSAGES.incorrectFormat(shownOptionName('ping'))}: attempts, or attempts:seconds`;
    return complaint([...warnings, `ERROR: ${format}`]);
  }
  const flags = flagsOf(given, ping);
  return { kind: 'run', task: taskOf(given, flags), flags, warnings };
}

type Reading =
  | { readonly kind: 'value'; readonly name: ClientOptionName; readonly value: string | boolean }
  | { readonly kind: 'ignored'; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string };

function readOption({ longName, text }: ParsedOption): Reading {
  const shown = shownOptionName(longName);
  const option = findClientOption(longName);
  if (option === undefined) return { kind: 'ignored', message: `Ignoring unsupported option ${shown}` };
  const name = option.longName;
  if (option.takesText === true) {
    if (text === undefined || text === '')
      return { kind: 'refused', message: CONFIG_MESSAGES.emptyString(shown) };
    return { kind: 'value', name, value: text };
  }
  if (text === undefined) return { kind: 'value', name, value: true };
  // A comment is one in clamd.conf alone.
  const parsed = text.includes('#') ? undefined : parseBool(text);
  return parsed?.kind === 'value'
    ? { kind: 'value', name, value: parsed.value === true }
    : { kind: 'refused', message: CONFIG_MESSAGES.incorrectFormat(shown) };
}

function flagsOf(
  given: ReadonlyMap<ClientOptionName, string | boolean>,
  ping: PingPlan | undefined,
): ClientFlags {
  const text = (name: ClientOptionName): string | undefined => {
    const value = given.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  const isOn = (name: ClientOptionName): boolean => given.get(name) === true;
  return {
    configFile: text('config-file'),
    envFile: text('env-file'),
    logFile: text('log'),
    watchListFile: text('watch-list') ?? text('include-list'),
    excludeListFile: text('exclude-list'),
    verbose: isOn('verbose'),
    foreground: isOn('foreground'),
    ping,
    wait: isOn('wait'),
    action: actionOf(text('move'), text('copy'), isOn('remove')),
    transfer: isOn('stream') ? 'stream' : isOn('fdpass') ? 'descriptor' : undefined,
    allMatch: isOn('allmatch'),
    multiscan: isOn('multiscan'),
    infected: isOn('infected'),
    quiet: isOn('quiet'),
  };
}

/** Of several, clamonacc moves rather than copies, and copies rather than removes. */
function actionOf(moveTo: string | undefined, copyTo: string | undefined, remove: boolean): FileAction {
  if (moveTo !== undefined) return { kind: 'move', directory: moveTo };
  if (copyTo !== undefined) return { kind: 'copy', directory: copyTo };
  return { kind: remove ? 'remove' : 'none' };
}

function taskOf(given: ReadonlyMap<ClientOptionName, string | boolean>, flags: ClientFlags): Task {
  if (given.get('check-config') === true) return 'checkConfig';
  if (given.get('version') === true) return 'version';
  return flags.ping !== undefined && !flags.wait ? 'ping' : 'start';
}

/** `A` or `A:I`; clamonacc's longer numbers, signs and letters, which it takes for something else, are refused. */
function parsePing(text: string): PingPlan | 'malformed' {
  const match = /^(\d{1,7})(?::(\d{0,5}))?$/.exec(text);
  if (match === null) return 'malformed';
  const attempts = Number(match[1]);
  const interval = match[2] ?? '';
  const intervalSeconds = interval === '' ? PING_DEFAULT_INTERVAL_SECONDS : Number(interval);
  if (attempts > PING_MAX || intervalSeconds > PING_INTERVAL_MAX_SECONDS) return 'malformed';
  // It tries once where it is asked for none.
  return { attempts: Math.max(1, attempts), intervalSeconds };
}

function complaint(complaints: readonly string[]): CommandLine {
  const stderr = lines([...complaints, "ERROR: Clamonacc: can't parse command line options"]);
  return { kind: 'done', exitCode: EXIT_USAGE, stdout: '', stderr };
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}
