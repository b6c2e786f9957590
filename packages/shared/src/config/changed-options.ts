import type { OptionRow } from './option-row.js';
import type { OptionName } from './option-table.js';
import { OPTION_TABLE } from './option-table.js';
import type { OptionValue } from './parse-value.js';
import { SIZE_UNLIMITED } from './parse-value.js';
import type { ClamdSettings } from './settings.js';

/** The options whose value in force is another than the default, in table order. */
export function changedOptions({ byName }: ClamdSettings): ReadonlySet<OptionName> {
  const changed = OPTION_TABLE.filter((row) =>
    (byName.get(row.name) ?? []).some(({ value }) => !isDefault(row, value)),
  );
  return new Set(changed.map(({ name }) => name));
}

function isDefault(row: OptionRow, value: OptionValue): boolean {
  if (row.default === undefined) return false;
  if (row.type === 'string' && row.values !== undefined) {
    return String(value).toLowerCase() === row.default.toLowerCase();
  }
  // A size of the file is a bigint, that of the table a number, in which 0 stands for unlimited.
  const text = value === SIZE_UNLIMITED ? '0' : String(value);
  return text === String(row.default);
}
