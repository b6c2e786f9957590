import { cleanControlCharacters } from './config-issue.js';
import { OPTION_TABLE } from './option-table.js';
import type { OptionValue } from './parse-value.js';
import { SIZE_UNLIMITED } from './parse-value.js';
import type { ClamdSettings } from './settings.js';

/**
 * The effective configuration for --check-config: every option in table order, one line a value, with its origin.
 * The lines are for reading; a value that is unset stands behind a `#`.
 */
export function describeConfig(settings: ClamdSettings): readonly string[] {
  return OPTION_TABLE.flatMap((row): string[] => {
    const inFile = settings.byName.get(row.name);
    if (inFile !== undefined) {
      return inFile.map(({ value, line }) => {
        const origin = line === undefined ? 'command line' : `line ${line}`;
        return `${row.name} ${showValue(value)}  # ${origin}`;
      });
    }
    if (row.default === undefined) return [`# ${row.name} is unset  # default`];
    return [`${row.name} ${showValue(row.default)}  # default`];
  });
}

function showValue(value: OptionValue): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (value === SIZE_UNLIMITED) return '0';
  return cleanControlCharacters(String(value));
}
