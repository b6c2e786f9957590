import { PRODUCT_NAME, PRODUCT_VERSION } from '@portcullis/shared';
import type { LongForm, OptionGrammar } from '@portcullis/shared/launch';

/** What we are, for `--help` and where the daemon cannot be asked. */
export const CLIENT_VERSION_LINE = `${PRODUCT_NAME} onacc-client ${PRODUCT_VERSION}`;

/** One option that has a meaning here. */
interface ClientOption {
  readonly longName: string;
  readonly short?: string;
  /** Its value is text; otherwise it stands alone or takes `=yes`, `=no` and kin. */
  readonly takesText?: true;
  /** Not clamonacc's: takes no abbreviation, so that clamonacc's own stay what they are. */
  readonly ours?: true;
}

/** clamonacc's options (behaviour 4.1) and ours. */
export const CLIENT_OPTIONS = [
  { longName: 'help', short: 'h' },
  { longName: 'version', short: 'V' },
  { longName: 'verbose', short: 'v' },
  { longName: 'log', short: 'l', takesText: true },
  { longName: 'foreground', short: 'F' },
  { longName: 'config-file', short: 'c', takesText: true },
  { longName: 'watch-list', short: 'W', takesText: true },
  { longName: 'exclude-list', short: 'e', takesText: true },
  { longName: 'ping', short: 'p', takesText: true },
  { longName: 'wait', short: 'w' },
  { longName: 'remove' },
  { longName: 'move', takesText: true },
  { longName: 'copy', takesText: true },
  { longName: 'fdpass' },
  { longName: 'stream' },
  { longName: 'multiscan', short: 'm' },
  { longName: 'allmatch', short: 'z' },
  { longName: 'infected', short: 'i' },
  { longName: 'quiet' },
  { longName: 'stdout' },
  { longName: 'fips-limits', ours: true },
  { longName: 'include-list', takesText: true, ours: true },
  { longName: 'env-file', takesText: true, ours: true },
  { longName: 'check-config', ours: true },
] as const satisfies readonly ClientOption[];

export type ClientOptionName = (typeof CLIENT_OPTIONS)[number]['longName'];

/**
 * clamscan's options that clamonacc 1.4.6 knows, warns of and leaves alone, found out by asking it: those with a value,
 * the others, and the letters of a few.
 */
const IGNORED_WITH_VALUE = `bytecode-mode bytecode-timeout cache-size database dev-ac-depth exclude exclude-dir
  exclude-pua fail-if-cvd-older-than file-list follow-dir-symlinks follow-file-symlinks include include-dir include-pua
  max-dir-recursion max-embeddedpe max-files max-filesize max-htmlnormalize max-htmlnotags max-iconspe max-partitions
  max-ratio max-rechwp3 max-recursion max-scansize max-scantime max-scriptnormalize max-space max-ziptypercg
  pcre-match-limit pcre-max-filesize pcre-recmatch-limit statistics structured-cc-count structured-ssn-count
  structured-ssn-format tempdir timelimit`;
const IGNORED_ALONE = `alert-broken alert-broken-media alert-encrypted alert-encrypted-archive alert-encrypted-doc
  alert-exceeds-max alert-macros alert-partition-intersection alert-phishing-cloak alert-phishing-ssl
  algorithmic-detection archive-verbose arj bell block-encrypted block-macros block-max bytecode bytecode-trust-all
  bytecode-unsigned cross-fs deb debug detect-broken detect-pua detect-structured dev-ac-only dev-performance
  disable-archive disable-cache disable-summary dumpcerts force-to-disk gen-json heuristic-alerts
  heuristic-scan-precedence jar leave-temps lha mail-follow-urls no-algorithmic no-archive no-elf no-html no-mail no-ole2
  no-pdf no-pe no-phishing-restrictedscan no-phishing-scan-urls no-phishing-sigs no-summary nocerts normalize
  official-db-only partition-intersection phishing-cloak phishing-scan-urls phishing-sigs phishing-ssl recursive
  scan-archive scan-elf scan-html scan-hwp3 scan-image scan-image-fuzzy-hash scan-mail scan-ole2 scan-onenote scan-pdf
  scan-pe scan-swf scan-xmldocs structured-cc-mode suppress-ok-results tar tgz unrar unzip unzoo`;
const IGNORED_LETTERS: readonly (readonly [string, string])[] = [
  ['a', 'archive-verbose'],
  ['d', 'database'],
  ['f', 'file-list'],
  ['o', 'suppress-ok-results'],
  ['r', 'recursive'],
  ['t', 'bytecode-trust-all'],
];

const OPTIONS: readonly ClientOption[] = CLIENT_OPTIONS;

/** All that may stand on the command line. */
export const CLIENT_GRAMMAR: OptionGrammar = {
  long: [
    ...OPTIONS.map(({ longName, takesText, ours }): LongForm => ({
      longName,
      needsValue: takesText ?? false,
      noAbbreviation: ours ?? false,
    })),
    ...IGNORED_WITH_VALUE.split(/\s+/).map((longName) => ({ longName, needsValue: true })),
    ...IGNORED_ALONE.split(/\s+/).map((longName) => ({ longName, needsValue: false })),
  ],
  short: new Map([
    ...OPTIONS.flatMap(({ longName, short }) => (short === undefined ? [] : [[short, longName] as const])),
    ...IGNORED_LETTERS,
  ]),
};

/** @returns undefined for an option that is clamscan's. */
export function findClientOption(
  longName: string,
): (ClientOption & { longName: ClientOptionName }) | undefined {
  return CLIENT_OPTIONS.find((option) => option.longName === longName);
}

/** `--log (-l)`: how ClamAV names an option in its complaints. */
export function shownOptionName(longName: string): string {
  const letter = [...CLIENT_GRAMMAR.short].find(([, name]) => name === longName)?.[0];
  return letter === undefined ? `--${longName}` : `--${longName} (-${letter})`;
}

export const HELP = `${CLIENT_VERSION_LINE}
Has every file that is opened in the protected directories scanned, and answers the kernel. Takes clamonacc's options.

    onacc-client [options]
    onacc-client status | doctor | quarantine [options]   Each has a --help of its own

    --help                 -h          Show this help
    --version              -V          Ask the daemon for its version, print the answer and exit
    --verbose              -v          Be verbose
    --log=FILE             -l FILE     Log into FILE
    --foreground           -F          Stay in the foreground, log to standard output
    --config-file=FILE     -c FILE     Read configuration from FILE
    --watch-list=FILE      -W FILE     Protect the directories listed in FILE too (--include-list is the same)
    --exclude-list=FILE    -e FILE     Leave out the directories listed in FILE
    --ping=A[:I]           -p A[:I]    Ask the daemon up to A times, every I seconds (1), until it answers, and exit
    --wait                 -w          Wait for the daemon, half a minute or as --ping says, then start
    --remove                           Remove infected files. Be careful!
    --move=DIRECTORY                   Move infected files into DIRECTORY
    --copy=DIRECTORY                   Copy infected files into DIRECTORY
    --fdpass                           Pass descriptors to the daemon (over LocalSocket that is the default)
    --stream                           Send the contents of files to the daemon (over TCP there is no other way)
    --allmatch             -z          Go on within a file after the first match
    --multiscan            -m          Accepted, as are --infected (-i), --quiet, --stdout and --fips-limits: no effect

    --check-config                     Print the effective configuration and every problem, start nothing
    --env-file=FILE                    Read ONACC_ variables from FILE (default: .env here, if there is one)

Started plainly it goes to the background and returns when protection is up.
Exit codes: 0 all well, 2 not started, 3 no log file, 21 the daemon did not answer.
`;
