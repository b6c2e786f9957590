import type { ScanInput } from '../engine.js';
import type { ExecutableLayout } from './executable-layout.js';
import { fieldsAt } from './input-fields.js';
import { fileOffsetOf, ORDINARY_SECTIONS_MAX } from './pe-headers.js';
import type { PeHeaders } from './pe-headers.js';
import { ordinalName } from './pe-ordinal-names.js';

const DESCRIPTOR_BYTES = 20;
const THUNK_BYTES = 4;
const HINT_BYTES = 2;
const ORDINAL_BIT = 0x80000000;
/** How much of a name is looked at; what is behind is cut off (observed). */
const NAME_BYTES_MAX = 256;
/** Any other letter in a function's name, and the file has no import hash (observed). */
const FUNCTION_NAME = /^[a-z0-9_.]*$/;
const DESCRIPTORS_MAX = 1024;
/** Of all libraries together. */
const FUNCTIONS_MAX = 65_536;
/** Each is looked up in all sections: where there are very many of these, fewer of those are read. */
const FEW_FUNCTIONS = 256;
/** Where the first dot of a library's name is followed by one of these, the name ends there (observed). */
const LIBRARY_SUFFIX = /^([^.]*)\.(?:dll|ocx|sys).*$/s;

/**
 * The list of imports whose digest is the import hash ("imphash") of a PE file, and whose length is the size of a
 * signature in `.imp`: `library.function,…` in the order of the import table, in lower case and without the libraries'
 * suffixes. Undefined where there is none: no import table, or a file of 64 bits, which clamscan gives none (observed).
 */
export function importList(input: ScanInput, layout: ExecutableLayout): Uint8Array | undefined {
  const headers = layout.peHeaders;
  if (headers === undefined || headers.is64Bit) return undefined;
  const { virtualAddress, sizeBytes } = headers.importDirectory;
  if (virtualAddress === 0 || sizeBytes === 0) return undefined;
  const list = readImports(input, headers)?.join(',');
  return list === undefined ? undefined : Buffer.from(list, 'latin1');
}

/** Undefined where the table is such that clamscan gives up. */
function readImports(input: ScanInput, headers: PeHeaders): readonly string[] | undefined {
  const { virtualAddress, sizeBytes } = headers.importDirectory;
  const tableOffset = fileOffsetOf(virtualAddress, headers, input.sizeBytes);
  if (tableOffset === undefined || tableOffset + sizeBytes > input.sizeBytes) return undefined;
  // The last row of the directory is not looked at (observed).
  const rowCount = Math.min(DESCRIPTORS_MAX, Math.ceil(sizeBytes / DESCRIPTOR_BYTES) - 1);
  const imports: string[] = [];
  for (let index = 0; index < rowCount; index += 1) {
    const row = fieldsAt(input, tableOffset + index * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES);
    const nameAddress = row?.getUint32(12, true) ?? 0;
    if (row === undefined || nameAddress === 0) break;
    const lookups = [row.getUint32(0, true), row.getUint32(16, true)];
    const library = readName(input, headers, nameAddress)?.replace(LIBRARY_SUFFIX, '$1');
    if (library === undefined) return undefined;
    if (!readFunctions(input, headers, { library, lookups, imports })) return undefined;
  }
  return imports;
}

/** Adds what one library exports to us; false where clamscan gives up. */
function readFunctions(
  input: ScanInput,
  headers: PeHeaders,
  {
    library,
    lookups,
    imports,
  }: { readonly library: string; readonly lookups: readonly number[]; readonly imports: string[] },
): boolean {
  const functionsMax = headers.sections.length > ORDINARY_SECTIONS_MAX ? FEW_FUNCTIONS : FUNCTIONS_MAX;
  const lookupOffset = lookups
    .filter((address, index) => address !== 0 || index === lookups.length - 1)
    .map((address) => fileOffsetOf(address, headers, input.sizeBytes))
    .find((offset) => offset !== undefined);
  if (lookupOffset === undefined) return false;
  for (let at = lookupOffset; imports.length < functionsMax; at += THUNK_BYTES) {
    const thunk = fieldsAt(input, at, THUNK_BYTES)?.getUint32(0, true) ?? 0;
    if (thunk === 0) return true;
    if (thunk >= ORDINAL_BIT) {
      imports.push(`${library}.${ordinalName(library, thunk & 0xffff)}`);
      continue;
    }
    const name = readFunctionName(input, headers, thunk);
    if (name === 'cut') return true;
    if (!FUNCTION_NAME.test(name.text)) return false;
    imports.push(`${library}.${name.text}`);
  }
  return true;
}

/** Empty where it lies nowhere; `cut` where the file ends too soon behind it, which ends the library (all observed). */
function readFunctionName(
  input: ScanInput,
  headers: PeHeaders,
  hintAddress: number,
): { readonly text: string } | 'cut' {
  const hintOffset = fileOffsetOf(hintAddress, headers, input.sizeBytes);
  if (hintOffset === undefined) return { text: '' };
  if (hintOffset + HINT_BYTES + NAME_BYTES_MAX > input.sizeBytes) return 'cut';
  return { text: readNameAt(input, hintOffset + HINT_BYTES) };
}

/** In lower case; undefined where it lies nowhere. */
function readName(input: ScanInput, headers: PeHeaders, virtualAddress: number): string | undefined {
  const fileOffset = fileOffsetOf(virtualAddress, headers, input.sizeBytes);
  if (fileOffset === undefined) return undefined;
  return readNameAt(input, fileOffset);
}

function readNameAt(input: ScanInput, fileOffset: number): string {
  const bytes = input.read(fileOffset, Math.min(NAME_BYTES_MAX, Math.max(0, input.sizeBytes - fileOffset)));
  const end = bytes.indexOf(0);
  const name = Buffer.from(bytes.subarray(0, end < 0 ? undefined : end)).toString('latin1');
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
