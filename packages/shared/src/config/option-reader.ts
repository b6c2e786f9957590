import type { OptionRow } from './option-row.js';
import type { OptionName, OptionNameOf } from './option-table.js';
import { OPTION_TABLE } from './option-table.js';
import { SIZE_UNLIMITED } from './parse-value.js';
import type { ClamdSettings } from './settings.js';

/** Longest wait a Node timer can hold; a longer one would fire at once. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

const ROWS: ReadonlyMap<string, OptionRow> = new Map(OPTION_TABLE.map((row) => [row.name, row]));

/** Effective values by option name: what the file says, else the default of the table. */
export interface OptionReader {
  bool(name: OptionNameOf<'bool'>): boolean;
  /** A count, 0 or more; what wrapped below zero is read unsigned. 0 when the option has no default. */
  count(name: OptionNameOf<'number'>): number;
  /** A number where 0 means no limit: Infinity then. */
  countOrUnlimited(name: OptionNameOf<'number'>): number;
  /** A number that may be unset; 0 and -1 count as unset (behaviour 3.2). */
  optionalCount(name: OptionNameOf<'number'>): number | undefined;
  /** Milliseconds, from the unit of the row; at most {@link TIMER_MS_MAX}. */
  durationMs(name: OptionNameOf<'number'>): number;
  /** All values of a repeatable number, read unsigned. */
  counts(name: OptionNameOf<'number'>): readonly number[];
  /** Bytes; Infinity for unlimited. */
  bytes(name: OptionNameOf<'size'>): number;
  text(name: OptionNameOf<'string'>): string | undefined;
  texts(name: OptionNameOf<'string'>): readonly string[];
  /** True when the file names the option. */
  isSet(name: OptionName): boolean;
}

/** Reads settings; `onRead` hears the name of every option that is looked at. */
export function createOptionReader(
  settings: ClamdSettings,
  onRead?: (name: OptionName) => void,
): OptionReader {
  const effective = (name: OptionName): readonly (boolean | number | bigint | string)[] => {
    onRead?.(name);
    const inFile = settings.byName.get(name);
    if (inFile !== undefined) return inFile.map((setting) => setting.value);
    const value = ROWS.get(name)?.default;
    return value === undefined ? [] : [value];
  };
  const number = (name: OptionName): number | undefined => {
    const [value] = effective(name);
    return value === undefined ? undefined : Number(value);
  };
  const count = (name: OptionName): number => (number(name) ?? 0) >>> 0;
  return {
    bool: (name) => effective(name)[0] === true,
    count,
    countOrUnlimited: (name) => count(name) || Infinity,
    optionalCount: (name) => {
      const value = number(name);
      return value === undefined || value === 0 || value === -1 ? undefined : value >>> 0;
    },
    durationMs: (name) => {
      const row = ROWS.get(name);
      const stepMs = row?.type === 'number' && row.unit === 'seconds' ? 1000 : 1;
      return Math.min(count(name) * stepMs, TIMER_MS_MAX);
    },
    counts: (name) => Object.freeze(effective(name).map((value) => Number(value) >>> 0)),
    bytes: (name) => {
      const [value] = effective(name);
      return value === undefined || value === SIZE_UNLIMITED ? Infinity : Number(value);
    },
    text: (name) => {
      const [value] = effective(name);
      return value === undefined ? undefined : String(value);
    },
    texts: (name) => Object.freeze(effective(name).map(String)),
    isSet: (name) => settings.byName.has(name),
  };
}
