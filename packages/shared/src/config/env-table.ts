interface EnvRowBase {
  /** Without the prefix, in capitals: `SPOOL_MEMORY_BYTES`. */
  readonly name: string;
  readonly meaning: string;
}

/** yes, true, 1, no, false, 0 in any case. */
export interface EnvBoolRow extends EnvRowBase {
  readonly type: 'bool';
  readonly default: boolean;
}

/** Decimal digits. `bytes` takes a K, M or G behind them, powers of 1024; no octal here. */
export interface EnvNumberRow extends EnvRowBase {
  readonly type: 'count' | 'milliseconds' | 'bytes';
  readonly default: number | undefined;
  /** Smallest allowed value; 0 if absent. */
  readonly min?: number;
  /** Largest allowed value; 2^53-1 if absent. */
  readonly max?: number;
}

/** Any text without a NUL. */
export interface EnvStringRow extends EnvRowBase {
  readonly type: 'string';
  readonly default: string | undefined;
}

/** One of `choices`, case counting. */
export interface EnvChoiceRow extends EnvRowBase {
  readonly type: 'choice';
  readonly choices: readonly string[];
  readonly default: string | undefined;
}

/** One environment variable of a program. */
export type EnvRow = EnvBoolRow | EnvNumberRow | EnvStringRow | EnvChoiceRow;

/** A program's variables; declare it `as const satisfies EnvTable`. */
export type EnvTable = readonly EnvRow[];

/** `SPOOL_MEMORY_BYTES` becomes `spoolMemoryBytes`. */
export type EnvKey<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<EnvKey<Tail>>}`
  : Lowercase<Name>;

type Unset<Row extends EnvRow> = undefined extends Row['default'] ? undefined : never;

type EnvValue<Row extends EnvRow> = Row extends EnvBoolRow
  ? boolean
  : Row extends EnvNumberRow
    ? number | Unset<Row>
    : Row extends EnvChoiceRow
      ? Row['choices'][number] | Unset<Row>
      : string | Unset<Row>;

/** What {@link EnvTable} promises once it is read. */
export type EnvValues<Table extends EnvTable> = {
  readonly [Row in Table[number] as EnvKey<Row['name']>]: EnvValue<Row>;
};
