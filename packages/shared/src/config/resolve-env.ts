import { assertNever } from '../errors/assert-never.js';
import type { ConfigIssue } from './config-issue.js';
import { cleanControlCharacters } from './config-issue.js';
import type { EnvNumberRow, EnvRow, EnvTable, EnvValues } from './env-table.js';
import { parseBool } from './parse-value.js';

/** The values, or everything that is wrong with them. */
export type EnvReading<Table extends EnvTable> =
  | { readonly kind: 'values'; readonly values: EnvValues<Table>; readonly set: ReadonlySet<string> }
  | { readonly kind: 'refused'; readonly issues: readonly ConfigIssue[] };

type Reading = { readonly value: boolean | number | string | undefined } | { readonly expected: string };

/** `DAEMON_SERVICE_HOST`, `SERVICE_PORT_CLAMD`, `DAEMON_PORT_3310_TCP_ADDR`: names that nobody types by mistake. */
const SERVICE_LINK_NAME =
  /(?:^|_)(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]{1,63})?|PORT_\d{1,5}_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/;
/** `DAEMON_PORT` could be a mistake; with the value of a link, `tcp://10.0.0.1:3310`, it is none. */
const SERVICE_LINK_PORT_NAME = /(?:^|_)PORT$/;
const SERVICE_LINK_ADDRESS = /^(?:tcp|udp|sctp):\/\//;

/** Longest part of a wrong value that a message repeats. */
const SHOWN_CHARACTERS_MAX = 100;

/**
 * Reads the variables of one program. An empty value counts as not set. Every variable with the prefix must have a
 * row, or be a service link of Kubernetes; every problem is reported, not only the first.
 *
 * @param env - `process.env`, handed in by main.
 * @param prefix - `SCANNER_` or `ONACC_`.
 * @returns values under camel-case keys, and `set`: the row names that were not left to their default.
 */
export function resolveEnv<const Table extends EnvTable>(
  table: Table,
  env: Readonly<Record<string, string | undefined>>,
  prefix: string,
): EnvReading<Table> {
  const issues = unknownVariables(table, env, prefix);
  const values: Record<string, boolean | number | string | undefined> = {};
  const set = new Set<string>();
  for (const row of table) {
    const variable = `${prefix}${row.name}`;
    const text = env[variable];
    if (text === undefined || text === '') {
      values[envKey(row.name)] = row.default;
      continue;
    }
    const reading = readVariable(row, text);
    if ('expected' in reading) {
      const shown = cleanControlCharacters(text.slice(0, SHOWN_CHARACTERS_MAX));
      issues.push(envIssue(`${variable}=${shown}: expected ${reading.expected}`));
    } else {
      values[envKey(row.name)] = reading.value;
      set.add(row.name);
    }
  }
  if (issues.length > 0) return { kind: 'refused', issues };
  // The loop above put one value of the row's type under each key: what EnvValues says, and tsc cannot follow.
  return { kind: 'values', values: Object.freeze(values) as EnvValues<Table>, set };
}

/** `SPOOL_MEMORY_BYTES` as `spoolMemoryBytes`; the run-time side of EnvKey. */
export function envKey(name: string): string {
  return name.toLowerCase().replace(/_(.?)/g, (_, letter: string) => letter.toUpperCase());
}

/** The effective variables, one line each in table order, for --check-config. */
export function describeEnv(
  table: EnvTable,
  values: Readonly<Record<string, boolean | number | string | undefined>>,
  prefix: string,
): readonly string[] {
  return table.map((row) => {
    const value = values[envKey(row.name)];
    if (value === undefined) return `# ${prefix}${row.name} is unset`;
    const origin = value === row.default ? '  # default' : '';
    return `${prefix}${row.name}=${showEnvValue(value)}${origin}`;
  });
}

function showEnvValue(value: boolean | number | string): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return cleanControlCharacters(String(value));
}

function unknownVariables(
  table: EnvTable,
  env: Readonly<Record<string, string | undefined>>,
  prefix: string,
): ConfigIssue[] {
  const known = new Set(table.map((row) => `${prefix}${row.name}`));
  return Object.keys(env)
    .filter((variable) => variable.startsWith(prefix) && !known.has(variable))
    .filter((variable) => !isServiceLink(variable.slice(prefix.length), env[variable] ?? ''))
    .sort()
    .map((variable) => envIssue(`${variable}: unknown variable`));
}

/**
 * Whether Kubernetes made the variable, of a Service named `scanner` or `scanner-daemon`: every pod of the namespace gets
 * them (kubernetes.io, "Accessing the Service", environment variables).
 */
function isServiceLink(name: string, value: string): boolean {
  if (SERVICE_LINK_NAME.test(name)) return true;
  return SERVICE_LINK_PORT_NAME.test(name) && SERVICE_LINK_ADDRESS.test(value);
}

function readVariable(row: EnvRow, text: string): Reading {
  switch (row.type) {
    case 'bool': {
      const parsed = text.includes('#') ? undefined : parseBool(text);
      return parsed?.kind === 'value' ? { value: parsed.value === true } : { expected: 'yes or no' };
    }
    case 'count':
    case 'milliseconds':
    case 'bytes':
      return readNumber(row, text);
    case 'string':
      return text.includes('\0') ? { expected: 'text without NUL' } : { value: text };
    case 'choice':
      return row.choices.includes(text) ? { value: text } : { expected: `one of ${row.choices.join(', ')}` };
    default:
      return assertNever(row);
  }
}

function readNumber(row: EnvNumberRow, text: string): Reading {
  const min = row.min ?? 0;
  const max = row.max ?? Number.MAX_SAFE_INTEGER;
  const unit =
    row.type === 'count' ? 'a number' : row.type === 'bytes' ? 'bytes (K, M, G allowed)' : 'milliseconds';
  const expected = `${unit} from ${min} to ${max}`;
  // Sixteen digits hold every safe integer; the cap comes before the conversion.
  const match = /^(0|[1-9]\d{0,15})([KMG]?)$/i.exec(text);
  const suffix = (match?.[2] ?? '').toUpperCase();
  if (match === null || (suffix !== '' && row.type !== 'bytes')) return { expected };
  const value = Number(match[1]) * 1024 ** ' KMG'.indexOf(suffix || ' ');
  return value < min || value > max ? { expected } : { value };
}

function envIssue(message: string): ConfigIssue {
  return { severity: 'error', origin: 'portcullis', message };
}
