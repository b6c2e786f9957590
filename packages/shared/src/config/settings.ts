import { isUtf8, Buffer } from 'node:buffer';

import { assertNever } from '../errors/assert-never.js';
import type { ConfigIssue } from './config-issue.js';
import { CONFIG_MESSAGES } from './config-issue.js';
import type { Directive } from './lexer.js';
import { decodeByteString, lexClamdConfig } from './lexer.js';
import type { OptionRow } from './option-row.js';
import type { OptionName } from './option-table.js';
import { findOption } from './option-table.js';
import type { OptionValue, ParsedValue } from './parse-value.js';
import { parseBool, parseNumber, parseSize, parseString } from './parse-value.js';

/** A value that was given, and where. */
export interface Setting {
  readonly value: OptionValue;
  /** Line of the file; undefined = on the command line. */
  readonly line: number | undefined;
}

/** The file, read and checked value by value, before defaults and units. */
export interface ClamdSettings {
  /** One value for an ordinary option (the first), all of them in order for a repeatable one. */
  readonly byName: ReadonlyMap<OptionName, readonly Setting[]>;
  /** `help yes` stands in the file: ClamAV's programs print their help and exit. */
  readonly helpRequested: boolean;
  /** `version yes` stands in the file: ClamAV's programs print their version and exit. */
  readonly versionRequested: boolean;
}

/** A clamd.conf longer than this is refused unread; the annotated sample is 25 KiB. */
export const CLAMD_CONFIG_BYTES_MAX = 1024 ** 2;

/** After this many errors the rest of the file is not read. */
export const CONFIG_ERRORS_MAX = 100;

interface ReadState {
  readonly fileName: string;
  readonly byName: Map<OptionName, Setting[]>;
  readonly requested: Set<string>;
  /** Command-line options keep their first value too. */
  readonly seen: Set<string>;
  readonly issues: ConfigIssue[];
}

/** What the command line says about options of clamd.conf, in its order. */
export type GivenSettings = readonly { readonly name: OptionName; readonly value: OptionValue }[];

/**
 * Reads the text into settings and all issues, in the order of the lines. What the command line gives comes before the
 * file: so it wins, or goes first where an option is repeatable (behaviour 2.1).
 */
export function readSettings(
  text: string | Uint8Array,
  fileName: string,
  commandLine: GivenSettings = [],
): { settings: ClamdSettings; issues: ConfigIssue[] } {
  const state: ReadState = { fileName, byName: new Map(), requested: new Set(), seen: new Set(), issues: [] };
  for (const { name, value } of commandLine) {
    const found = findOption(name);
    if (found?.kind === 'option') keep(found.row, { value, line: undefined }, state);
  }
  if (text.length > CLAMD_CONFIG_BYTES_MAX) {
    addOurs(state, 'error', `Config file ${fileName} is larger than ${CLAMD_CONFIG_BYTES_MAX} bytes`);
  } else {
    readDirectives(text, state);
  }
  const settings = {
    byName: state.byName,
    helpRequested: state.requested.has('help'),
    versionRequested: state.requested.has('version'),
  };
  return { settings, issues: state.issues };
}

function readDirectives(text: string | Uint8Array, state: ReadState): void {
  let errors = 0;
  for (const lexed of lexClamdConfig(text, state.fileName)) {
    const before = state.issues.length;
    if (lexed.kind === 'issue') state.issues.push(lexed.issue);
    else readDirective(lexed, state);
    errors += state.issues.slice(before).filter((issue) => issue.severity === 'error').length;
    if (errors >= CONFIG_ERRORS_MAX) {
      addOurs(
        state,
        'error',
        `More than ${CONFIG_ERRORS_MAX} errors in ${state.fileName}, the rest was not read`,
      );
      return;
    }
  }
}

function readDirective(directive: Directive, state: ReadState): void {
  const name = decodeByteString(directive.name);
  const at = `${state.fileName}:${directive.line}`;
  const found = findOption(name);
  if (found === undefined) {
    addClamav(state, 'error', CONFIG_MESSAGES.unknownOption(name, at), directive.line);
    return;
  }
  switch (found.kind) {
    case 'deprecated':
      addClamav(state, 'warning', CONFIG_MESSAGES.deprecatedOption(found.name, at), directive.line);
      return;
    case 'command-line': {
      const { longName, type } = found.option;
      const value = judge(
        directive,
        name,
        type === 'bool' ? parseBool(directive.value) : parseString(directive.value),
        state,
      );
      if (value === true && !state.seen.has(longName)) state.requested.add(longName);
      if (value !== undefined) state.seen.add(longName);
      return;
    }
    case 'option': {
      const value = judge(directive, name, parseFor(found.row, directive.value), state);
      if (value !== undefined) keep(found.row, { value, line: directive.line }, state);
      return;
    }
    default:
      assertNever(found);
  }
}

type KnownRow = Extract<NonNullable<ReturnType<typeof findOption>>, { kind: 'option' }>['row'];

/** Reads a value by the type of its option. */
export function parseFor(
  row: Pick<OptionRow, 'type'> & { readonly values?: readonly string[] },
  text: string,
): ParsedValue {
  switch (row.type) {
    case 'bool':
      return parseBool(text);
    case 'number':
      return parseNumber(text);
    case 'size':
      return parseSize(text);
    case 'string':
      return parseString(text, row.values);
    default:
      return assertNever(row.type);
  }
}

/** Turns the outcome of a value parser into the value, or into the issue ClamAV would print. */
function judge(
  directive: Directive,
  name: string,
  parsed: ParsedValue,
  state: ReadState,
): OptionValue | undefined {
  const { line } = directive;
  switch (parsed.kind) {
    case 'incorrect-format':
      addClamav(state, 'error', CONFIG_MESSAGES.incorrectFormat(name), line);
      return undefined;
    case 'unparsable-number':
      addClamav(state, 'error', CONFIG_MESSAGES.unparsableNumber(name), line);
      return undefined;
    case 'only-comment':
      addOurs(state, 'error', CONFIG_MESSAGES.emptyArgument(name, `${state.fileName}:${line}`), line);
      return undefined;
    case 'value':
      if (parsed.remark === 'size-too-high') {
        addClamav(state, 'warning', CONFIG_MESSAGES.sizeTooHigh(name), line);
      } else if (parsed.remark === 'number-wrapped') {
        addOurs(
          state,
          'warning',
          `Value of option ${name} does not fit 32 bits, it counts as ${String(parsed.value)}`,
          line,
        );
      }
      return typeof parsed.value === 'string' ? readText(directive, name, parsed.value, state) : parsed.value;
    default:
      return assertNever(parsed);
  }
}

function readText(directive: Directive, name: string, byteString: string, state: ReadState): string {
  if (!isUtf8(Buffer.from(byteString, 'latin1'))) {
    addOurs(
      state,
      'warning',
      `Value of option ${name} is not UTF-8, its foreign bytes are lost`,
      directive.line,
    );
  }
  if (directive.value.startsWith('#')) {
    addOurs(
      state,
      'warning',
      `Value of option ${name} starts with #, which is dropped and starts no comment here`,
      directive.line,
    );
  }
  return decodeByteString(byteString);
}

function keep(row: KnownRow, setting: Setting, state: ReadState): void {
  const kept = state.byName.get(row.name);
  if (kept === undefined) state.byName.set(row.name, [setting]);
  else if (row.multi) kept.push(setting);
}

function addClamav(state: ReadState, severity: ConfigIssue['severity'], message: string, line: number): void {
  state.issues.push({ severity, origin: 'clamav', message, line });
}

function addOurs(state: ReadState, severity: ConfigIssue['severity'], message: string, line?: number): void {
  state.issues.push({ severity, origin: 'portcullis', message, ...(line === undefined ? {} : { line }) });
}
