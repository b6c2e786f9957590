import type { HashSubject } from './hashes/hash-table.js';
import type { ContainerKind } from './containers/read-container.js';

/** The formats of signatures that have a reader. */
export type SignatureFormat =
  | { readonly kind: 'hash'; readonly subject: HashSubject }
  /** `.ndb` and its elder brother `.sdb`, which has the same lines. */
  | { readonly kind: 'extended' }
  /** `.db`: `name=hex`. */
  | { readonly kind: 'plainBody' }
  | { readonly kind: 'logical' }
  | { readonly kind: 'containerMetadata' };

/** What a file in the database directory is, by its extension. */
export type DatabaseFileClass =
  /** `isPua`: read with DetectPUA only, and subject to its categories. */
  | { readonly kind: 'signatures'; readonly format: SignatureFormat; readonly isPua: boolean }
  | { readonly kind: 'container'; readonly container: ContainerKind }
  /** `.ign`, `.ign2`: names signatures that are left out. */
  | { readonly kind: 'ignoreList' }
  /** Known to clamd, not (yet) to us: what is in it is counted. */
  | { readonly kind: 'unsupported'; readonly what: string; readonly rule: UnsupportedRule }
  /** clamd opens it, and there is no signature in it. */
  | { readonly kind: 'noSignatures' }
  | { readonly kind: 'ignored' };

/** How what is not supported is counted, and when clamd refuses it (observed). */
export type UnsupportedRule =
  /** A signature a line. An empty file is malformed. */
  | 'linesNotEmpty'
  | 'lines'
  /** A signature a line that holds a colon; one without is malformed. */
  | 'linesWithColon'
  /** One a file, where it has a logical signature. */
  | 'bytecode'
  /** YARA: one for each `rule`; what cannot be parsed is skipped with a warning. */
  | 'yaraRules';

const FORMATS: ReadonlyMap<string, SignatureFormat> = new Map<string, SignatureFormat>([
  ['hdb', { kind: 'hash', subject: 'file' }],
  ['hsb', { kind: 'hash', subject: 'file' }],
  ['fp', { kind: 'hash', subject: 'falsePositive' }],
  ['sfp', { kind: 'hash', subject: 'falsePositive' }],
  ['mdb', { kind: 'hash', subject: 'section' }],
  ['msb', { kind: 'hash', subject: 'section' }],
  ['imp', { kind: 'hash', subject: 'importList' }],
  ['db', { kind: 'plainBody' }],
  ['ndb', { kind: 'extended' }],
  ['sdb', { kind: 'extended' }],
  ['ldb', { kind: 'logical' }],
  ['cdb', { kind: 'containerMetadata' }],
]);

/** Read with DetectPUA only; without it clamd does not even open them (observed). */
const PUA_FORMATS: ReadonlyMap<string, SignatureFormat> = new Map<string, SignatureFormat>([
  ['hdu', { kind: 'hash', subject: 'file' }],
  ['hsu', { kind: 'hash', subject: 'file' }],
  ['mdu', { kind: 'hash', subject: 'section' }],
  ['msu', { kind: 'hash', subject: 'section' }],
  ['ndu', { kind: 'extended' }],
  ['ldu', { kind: 'logical' }],
]);

const CONTAINERS: ReadonlyMap<string, ContainerKind> = new Map([
  ['cvd', 'cvd'],
  ['cld', 'cld'],
  ['cud', 'cud'],
]);

/** From the ClamAV manual ("Database formats") and from what clamd 1.4.6 was seen to open. */
const UNSUPPORTED: ReadonlyMap<string, UnsupportedRule> = new Map<string, UnsupportedRule>([
  ['crb', 'lines'],
  ['cbc', 'bytecode'],
  ['pdb', 'linesWithColon'],
  ['gdb', 'linesWithColon'],
  ['wdb', 'linesWithColon'],
  ['pwdb', 'linesNotEmpty'],
  ['idb', 'linesNotEmpty'],
  ['ftm', 'linesNotEmpty'],
  ['zmd', 'linesNotEmpty'],
  ['rmd', 'linesNotEmpty'],
  ['yar', 'yaraRules'],
  ['yara', 'yaraRules'],
]);

const NO_SIGNATURES: ReadonlySet<string> = new Set(['cat', 'ioc']);
const IGNORE_LISTS: ReadonlySet<string> = new Set(['ign', 'ign2']);

/** Tells what a database file is. Upper case counts too, as in clamd. */
export function classifyDatabaseFile(extension: string, detectPua: boolean): DatabaseFileClass {
  const lower = extension.toLowerCase();
  const format = FORMATS.get(lower);
  if (format !== undefined) return { kind: 'signatures', format, isPua: false };
  const puaFormat = detectPua ? PUA_FORMATS.get(lower) : undefined;
  if (puaFormat !== undefined) return { kind: 'signatures', format: puaFormat, isPua: true };
  const container = CONTAINERS.get(lower);
  if (container !== undefined) return { kind: 'container', container };
  if (IGNORE_LISTS.has(lower)) return { kind: 'ignoreList' };
  const rule = UNSUPPORTED.get(lower);
  if (rule !== undefined) return { kind: 'unsupported', what: lower, rule };
  return NO_SIGNATURES.has(lower) ? { kind: 'noSignatures' } : { kind: 'ignored' };
}

/** The container whose version is that of the database (VERSION). */
const DAILY = /^daily\.(?:cvd|cld|cud)$/;

/** Whether VERSION tells the version of this file. */
export function isDaily(name: string): boolean {
  return DAILY.test(name);
}

/**
 * Puts the files of a directory into the order in which they are read: what is ignored, `local.gdb` and the daily
 * container first, as in clamd (observed), and the others by name, where clamd takes them as the directory gives them.
 * The order tells which of two names a file has that both fit.
 */
export function sortDatabaseFiles(names: readonly string[]): string[] {
  const rankOf = (name: string): number => {
    if (/\.ign2?$/i.test(name)) return 0;
    if (name === 'local.gdb') return 1;
    return /^daily\.c[lv]d$/.test(name) ? 2 : 3;
  };
  return [...names].sort((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1));
}
