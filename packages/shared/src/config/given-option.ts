import { assertNever } from '../errors/assert-never.js';
import type { ConfigIssue } from './config-issue.js';
import { CONFIG_MESSAGES } from './config-issue.js';
import type { OptionRow } from './option-row.js';
import type { OptionName } from './option-table.js';
import { COMMAND_LINE_OPTIONS, DEPRECATED_OPTIONS, findOption, OPTION_TABLE } from './option-table.js';
import type { OptionValue, ParsedValue } from './parse-value.js';
import { parseFor } from './settings.js';

/** A long option of clamd's command line. */
export interface LongOption {
  readonly longName: string;
  /** A bool may stand alone or take `=value`; every other type needs a value. */
  readonly needsValue: boolean;
}

/** All long options that clamd takes: its own, and those of clamd.conf that have a long name (behaviour 2.1, 3.4). */
export const LONG_OPTIONS: readonly LongOption[] = [
  ...COMMAND_LINE_OPTIONS.map(({ longName, type }) => ({ longName, needsValue: type !== 'bool' })),
  ...OPTION_TABLE.flatMap((row: OptionRow) =>
    row.longName === undefined ? [] : [{ longName: row.longName, needsValue: row.type !== 'bool' }],
  ),
  ...DEPRECATED_OPTIONS.flatMap(({ longName }) =>
    longName === undefined ? [] : [{ longName, needsValue: false }],
  ),
];

/** What one option of a command line says. */
export type GivenOption =
  | {
      readonly kind: 'setting';
      readonly name: OptionName;
      readonly value: OptionValue;
      readonly warning?: ConfigIssue;
    }
  /** One that is no option of clamd.conf: `--help`, `--config-file` and kin. */
  | { readonly kind: 'ownOption'; readonly value: boolean | string }
  | { readonly kind: 'ignored'; readonly warning: ConfigIssue }
  | { readonly kind: 'refused'; readonly issue: ConfigIssue };

/**
 * Reads an option of the command line by the rules of clamd.conf, save that there are no comments: `#` is text in a
 * string and wrong anywhere else (seen with clamd 1.4.6).
 *
 * @param longName - one of {@link LONG_OPTIONS}.
 * @param text - its value; undefined = none was given, which only a bool may do.
 * @param shown - the option as messages name it: `--pid (-p)`.
 */
export function readGivenOption(longName: string, text: string | undefined, shown: string): GivenOption {
  const found = findOption(longName);
  if (found === undefined) throw new RangeError(`no long option: ${longName}`);
  switch (found.kind) {
    case 'deprecated':
      return { kind: 'ignored', warning: issue('warning', `Ignoring deprecated option ${shown}`) };
    case 'command-line':
    case 'option': {
      const row = found.kind === 'option' ? found.row : found.option;
      const parsed = parseGiven(row, text);
      if ('message' in parsed) return { kind: 'refused', issue: issue('error', parsed.message(shown)) };
      const { value, remark } = parsed;
      if (found.kind === 'command-line')
        return { kind: 'ownOption', value: typeof value === 'boolean' ? value : String(value) };
      const setting = { kind: 'setting', name: found.row.name, value } as const;
      if (remark !== 'size-too-high') return setting;
      return { ...setting, warning: issue('warning', CONFIG_MESSAGES.sizeTooHigh(longName)) };
    }
    default:
      return assertNever(found);
  }
}

type Parsed =
  | Extract<ParsedValue, { kind: 'value' }>
  /** Words the complaint about the option that is named. */
  | { readonly message: (shown: string) => string };

type Typed = Pick<OptionRow, 'type'> & { readonly values?: readonly string[] };

function parseGiven(row: Typed, text: string | undefined): Parsed {
  if (text === undefined) return { kind: 'value', value: true };
  if (row.type === 'string') {
    if (text === '') return { message: CONFIG_MESSAGES.emptyString };
    const isKnown = row.values?.some((known) => known.toLowerCase() === text.toLowerCase()) ?? true;
    return isKnown ? { kind: 'value', value: text } : { message: CONFIG_MESSAGES.incorrectFormat };
  }
  if (text.includes('#')) return { message: CONFIG_MESSAGES.incorrectFormat };
  const parsed = parseFor(row, text);
  if (parsed.kind === 'value') return parsed;
  const isNumber = parsed.kind === 'unparsable-number';
  return { message: isNumber ? CONFIG_MESSAGES.unparsableNumber : CONFIG_MESSAGES.incorrectFormat };
}

function issue(severity: ConfigIssue['severity'], message: string): ConfigIssue {
  return { severity, origin: 'clamav', message };
}
