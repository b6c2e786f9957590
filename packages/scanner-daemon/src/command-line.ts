import {
  formatConfigIssue,
  LONG_OPTIONS,
  MIRRORED_CLAMAV_VERSION,
  PRODUCT_NAME,
  PRODUCT_VERSION,
  readGivenOption,
  type ConfigIssue,
  type GivenSettings,
} from '@portcullis/shared';
import { parseArguments, type OptionGrammar, type ParsedOption } from '@portcullis/shared/launch';

export const VERSION_LINE = `${PRODUCT_NAME} scanner-daemon ${PRODUCT_VERSION} (ClamAV ${MIRRORED_CLAMAV_VERSION} compatible)`;

/** What was asked for. Paths as given. */
export interface CommandLineFlags {
  readonly configFile: string | undefined;
  /** File with variables of ours; undefined: `.env` of the working directory, if it is there. */
  readonly envFile: string | undefined;
  readonly checkConfig: boolean;
  readonly debug: boolean;
  /** Options of clamd.conf by their long names: they win over the file. */
  readonly settings: GivenSettings;
  readonly warnings: readonly ConfigIssue[];
}

export type CommandLine =
  | { readonly kind: 'run'; readonly flags: CommandLineFlags }
  /** A question to a running daemon; `args` begins with the word. */
  | { readonly kind: 'probe'; readonly args: readonly string[] }
  /** Something to print and an exit code; text with its line ends. */
  | { readonly kind: 'done'; readonly exitCode: number; readonly stdout: string; readonly stderr: string };

/** What begins a question to a running daemon; as the first word only, since clamd ignores operands. */
const PROBES: ReadonlySet<string> = new Set(['ping', 'status']);

const SHORT = new Map([
  ['h', 'help'],
  ['V', 'version'],
  ['F', 'foreground'],
  ['l', 'log'],
  ['c', 'config-file'],
  ['p', 'pid'],
]);

/** clamd's options (behaviour 2.1) and ours, which take no abbreviation so that clamd's stay what they are. */
const GRAMMAR: OptionGrammar = {
  long: [
    ...LONG_OPTIONS,
    { longName: 'check-config', needsValue: false, noAbbreviation: true },
    { longName: 'env-file', needsValue: true, noAbbreviation: true },
  ],
  short: SHORT,
};

export const HELP = `${VERSION_LINE}
Scans what it is handed, over the clamd protocol.

    scanner-daemon [options]
    scanner-daemon ping | status [options]       Ask a running daemon; --help says more

    --help                   -h             Show this help
    --version                -V             Show version number
    --foreground             -F             Run in foreground; do not daemonize
    --debug                                 Enable debug mode
    --log=FILE               -l FILE        Log into FILE
    --config-file=FILE       -c FILE        Read configuration from FILE
    --fail-if-cvd-older-than=days           Return with a nonzero error code if virus database outdated
    --datadir=DIRECTORY                     Load signatures from DIRECTORY
    --pid=FILE               -p FILE        Write the daemon's pid to FILE
    --cvdcertsdir=DIRECTORY                 Load CA certificates from DIRECTORY

    --check-config                          Print the effective configuration and every problem, start nothing
    --env-file FILE                         Read SCANNER_ variables from FILE (default: .env here, if there is one)

Most options of clamd.conf have a long name too; --check-config prints the values that hold.
`;

/** Reads clamd's command line, and ours. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const [first] = args;
  if (first !== undefined && PROBES.has(first)) return { kind: 'probe', args };
  const parsed = parseArguments(args, GRAMMAR);
  switch (parsed.kind) {
    case 'unknownOption':
      return complaint(`scanner-daemon: ${parsed.message}`, 'ERROR: Unknown option passed');
    case 'missingArgument':
      return complaint(
        `scanner-daemon: ${parsed.message}`,
        'ERROR: Incomplete option passed (missing argument)',
      );
    case 'options':
      return interpret(parsed.options);
  }
}

/** What the options add up to; the first value of an option counts, as in clamd. */
function interpret(options: readonly ParsedOption[]): CommandLine {
  const own = new Map<string, boolean | string>();
  const settings: GivenSettings[number][] = [];
  const warnings: ConfigIssue[] = [];
  for (const { longName, text } of options) {
    if (longName === 'check-config' || longName === 'env-file') {
      own.set(longName, text ?? true);
      continue;
    }
    const given = readGivenOption(longName, text, shownName(longName));
    if (given.kind === 'refused')
      return complaint(...warnings.map(formatConfigIssue), formatConfigIssue(given.issue));
    if (given.kind === 'ownOption' && !own.has(longName)) own.set(longName, given.value);
    if (given.kind === 'setting') settings.push({ name: given.name, value: given.value });
    if ('warning' in given) warnings.push(given.warning);
  }
  if (own.get('help') === true) return { kind: 'done', exitCode: 0, stdout: HELP, stderr: '' };
  if (own.get('version') === true) {
    return { kind: 'done', exitCode: 0, stdout: `${VERSION_LINE}\n`, stderr: '' };
  }
  return { kind: 'run', flags: { ...ownFlags(own), settings, warnings } };
}

function ownFlags(
  own: ReadonlyMap<string, boolean | string>,
): Omit<CommandLineFlags, 'settings' | 'warnings'> {
  const text = (name: string): string | undefined => {
    const value = own.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  return {
    configFile: text('config-file'),
    envFile: text('env-file'),
    checkConfig: own.get('check-config') !== undefined,
    debug: own.get('debug') === true,
  };
}

/** `--pid (-p)`: how clamd names an option in its complaints. */
function shownName(longName: string): string {
  const letter = [...SHORT].find(([, name]) => name === longName)?.[0];
  return letter === undefined ? `--${longName}` : `--${longName} (-${letter})`;
}

function complaint(...lines: readonly string[]): CommandLine {
  const stderr = [...lines, "ERROR: Can't parse command line options", ''].join('\n');
  return { kind: 'done', exitCode: 1, stdout: '', stderr };
}
