import type { OptionRow } from './option-row.js';
import { DAEMON_OPTIONS } from './options-daemon.js';
import { ON_ACCESS_OPTIONS } from './options-on-access.js';
import { PROCESS_OPTIONS } from './options-process.js';
import { SCAN_OPTIONS } from './options-scan.js';

/** All options of clamd.conf in ClamAV HEAD, in the order of behaviour 3.4. */
export const OPTION_TABLE = [
  ...DAEMON_OPTIONS,
  ...PROCESS_OPTIONS,
  ...SCAN_OPTIONS,
  ...ON_ACCESS_OPTIONS,
] as const satisfies readonly OptionRow[];

type TableRow = (typeof OPTION_TABLE)[number];

/** Name of an option, in ClamAV's spelling. */
export type OptionName = TableRow['name'];

/** Names of the options of one type. */
export type OptionNameOf<Type extends OptionRow['type']> = Extract<TableRow, { type: Type }>['name'];

/** Options of the command line alone that clamd.conf accepts too: checked, and without effect except the two requests. */
export interface CommandLineOption {
  readonly longName: string;
  readonly type: 'bool' | 'string';
}

/** Seen with clamd 1.4.6: `debug yes` and `gen-json yes` are accepted but do not set Debug or GenerateMetadataJson. */
export const COMMAND_LINE_OPTIONS = [
  { longName: 'help', type: 'bool' },
  { longName: 'version', type: 'bool' },
  { longName: 'debug', type: 'bool' },
  { longName: 'gen-json', type: 'bool' },
  { longName: 'config-file', type: 'string' },
] as const satisfies readonly CommandLineOption[];

/** Accepted with a warning and ignored; the two long names were seen with clamd 1.4.6. */
export const DEPRECATED_OPTIONS: readonly { readonly name: string; readonly longName?: string }[] = [
  { name: 'DetectBrokenExecutables', longName: 'detect-broken' },
  { name: 'MailMaxRecursion' },
  { name: 'ArchiveMaxScanSize' },
  { name: 'ArchiveMaxRecursion' },
  { name: 'ArchiveMaxFiles' },
  { name: 'ArchiveMaxCompressionRatio' },
  { name: 'ArchiveBlockMax' },
  { name: 'ArchiveLimitMemoryUsage' },
  { name: 'MailFollowURLs', longName: 'mail-follow-urls' },
  { name: 'AllowSupplementaryGroups' },
  { name: 'ScanOnAccess' },
];

/** What a name in the file stands for. */
export type NamedOption =
  | { readonly kind: 'option'; readonly row: TableRow }
  | { readonly kind: 'command-line'; readonly option: (typeof COMMAND_LINE_OPTIONS)[number] }
  | { readonly kind: 'deprecated'; readonly name: string };

const BY_NAME: ReadonlyMap<string, NamedOption> = indexNames();

/** Looks a name up, option name or long name, case counting. */
export function findOption(name: string): NamedOption | undefined {
  return BY_NAME.get(name);
}

function indexNames(): Map<string, NamedOption> {
  const index = new Map<string, NamedOption>();
  for (const row of OPTION_TABLE) {
    index.set(row.name, { kind: 'option', row });
    if (row.longName !== undefined) index.set(row.longName, { kind: 'option', row });
  }
  for (const option of COMMAND_LINE_OPTIONS) index.set(option.longName, { kind: 'command-line', option });
  for (const { name, longName } of DEPRECATED_OPTIONS) {
    index.set(name, { kind: 'deprecated', name });
    if (longName !== undefined) index.set(longName, { kind: 'deprecated', name });
  }
  return index;
}
