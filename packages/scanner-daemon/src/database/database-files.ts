/** The line formats that have a reader. */
export type SignatureFormat = 'hash' | 'falsePositive' | 'ndb';

/** What a file in the database directory is, by its extension. */
export type DatabaseFileClass =
  | { readonly kind: 'signatures'; readonly format: SignatureFormat }
  /** A signed container; its header says how many signatures are in it. */
  | { readonly kind: 'container'; readonly what: string }
  /** Known to clamd, not (yet) to us: its lines are counted. */
  | { readonly kind: 'unsupported'; readonly what: string }
  | { readonly kind: 'ignored' };

const FORMATS: ReadonlyMap<string, SignatureFormat> = new Map([
  ['hdb', 'hash'],
  ['hsb', 'hash'],
  ['fp', 'falsePositive'],
  ['sfp', 'falsePositive'],
  ['ndb', 'ndb'],
]);

/** Read with DetectPUA only; without it clamd does not even open them (observed). */
const PUA_FORMATS: ReadonlyMap<string, SignatureFormat> = new Map([
  ['hdu', 'hash'],
  ['hsu', 'hash'],
  ['ndu', 'ndb'],
]);
const PUA_UNSUPPORTED: ReadonlySet<string> = new Set(['ldu', 'mdu', 'msu']);

const CONTAINERS: ReadonlySet<string> = new Set(['cvd', 'cld', 'cud']);

/** From the ClamAV manual ("Database formats") and from what clamd 1.4.6 was seen to open. */
const UNSUPPORTED: ReadonlySet<string> = new Set(
  ('ldb mdb msb imp cdb crb cbc cat pdb gdb wdb pwdb idb ftm ign ign2 yar yara ' + 'db sdb zmd rmd').split(
    ' ',
  ),
);

/** Tells what a database file is. Upper case counts too, as in clamd. */
export function classifyDatabaseFile(extension: string, detectPua: boolean): DatabaseFileClass {
  const lower = extension.toLowerCase();
  const format = FORMATS.get(lower) ?? (detectPua ? PUA_FORMATS.get(lower) : undefined);
  if (format !== undefined) return { kind: 'signatures', format };
  if (CONTAINERS.has(lower)) return { kind: 'container', what: `${lower} container` };
  if (UNSUPPORTED.has(lower) || (detectPua && PUA_UNSUPPORTED.has(lower)))
    return { kind: 'unsupported', what: lower };
  return { kind: 'ignored' };
}
