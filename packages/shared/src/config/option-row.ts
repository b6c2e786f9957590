/** Which program reads the option. */
export type OptionUser = 'clamd' | 'clamonacc' | 'both';

/** What one step of a number means. */
export type OptionUnit = 'seconds' | 'milliseconds' | 'days' | 'bytes' | 'count' | 'port' | 'uid';

/** Columns of the option table that are the same for every type. */
interface RowBase<Name extends string> {
  /** ClamAV's spelling; case matters. */
  readonly name: Name;
  /** True: every occurrence counts, in order. False: the first one wins. */
  readonly multi: boolean;
  readonly usedBy: OptionUser;
  /** The command-line long name, which clamd.conf accepts as well (behaviour 3.1). */
  readonly longName?: string;
  /** First ClamAV version that knows it; absent = 1.4.x already does. */
  readonly since?: '1.5' | 'HEAD';
  readonly meaning: string;
}

/** yes or no. */
export interface BoolRow<Name extends string = string> extends RowBase<Name> {
  readonly type: 'bool';
  readonly default: boolean;
}

/** A 32-bit number. */
export interface NumberRow<Name extends string = string> extends RowBase<Name> {
  readonly type: 'number';
  readonly default: number | undefined;
  readonly unit: OptionUnit;
}

/** A number of bytes. */
export interface SizeRow<Name extends string = string> extends RowBase<Name> {
  readonly type: 'size';
  readonly default: number;
  readonly unit: 'bytes';
}

/** Text, or one of {@link StringRow.values} in any case. */
export interface StringRow<Name extends string = string> extends RowBase<Name> {
  readonly type: 'string';
  readonly default: string | undefined;
  readonly values?: readonly string[];
}

/** One row of the option table, as behaviour 3.4 has it. */
export type OptionRow = BoolRow | NumberRow | SizeRow | StringRow;

type Extras<Row extends OptionRow> = Partial<Omit<Row, 'name' | 'type' | 'default' | 'meaning'>>;

const ORDINARY = { multi: false, usedBy: 'clamd' } as const;

/** Row of a yes/no option; read once and by clamd only unless `extras` says otherwise. */
export function boolRow<const Name extends string>(
  name: Name,
  defaultValue: boolean,
  meaning: string,
  extras: Extras<BoolRow> = {},
): BoolRow<Name> {
  return { name, type: 'bool', default: defaultValue, ...ORDINARY, ...extras, meaning };
}

/** Row of a number; a plain count unless `extras` names the unit. */
export function numberRow<const Name extends string>(
  name: Name,
  defaultValue: number | undefined,
  meaning: string,
  extras: Extras<NumberRow> = {},
): NumberRow<Name> {
  return { name, type: 'number', default: defaultValue, unit: 'count', ...ORDINARY, ...extras, meaning };
}

/** Row of a size in bytes. */
export function sizeRow<const Name extends string>(
  name: Name,
  defaultBytes: number,
  meaning: string,
  extras: Extras<SizeRow> = {},
): SizeRow<Name> {
  return { name, type: 'size', default: defaultBytes, unit: 'bytes', ...ORDINARY, ...extras, meaning };
}

/** Row of a text option. */
export function stringRow<const Name extends string>(
  name: Name,
  defaultValue: string | undefined,
  meaning: string,
  extras: Extras<StringRow> = {},
): StringRow<Name> {
  return { name, type: 'string', default: defaultValue, ...ORDINARY, ...extras, meaning };
}
