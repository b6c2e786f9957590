import type { ScanInput } from '../engine.js';
import { findDirectory, readCentralHeader } from '../unpack/zip/zip-directory.js';
import type { FileType } from './file-type.js';

/** Folders and files that tell what an office document is. */
const DOCUMENT_MARKS: readonly (readonly [start: string, type: FileType])[] = [
  ['word/', 'ooxmlWord'],
  ['xl/', 'ooxmlExcel'],
  ['ppt/', 'ooxmlPowerpoint'],
  ['Contents/content.hpf', 'ooxmlHwp'],
];
/** Such an entry among the first ones makes all further ones count. */
const OFFICE_STARTS = ['[Content_Types].xml', 'docProps/', 'customXml/', 'mimetype'];
const FIRST_ENTRIES = 3;
/** clamscan 1.4.6 was seen to go on for 60; a bound for archives of millions of files. */
const ENTRIES_MAX = 1000;

/**
 * What a zip file is, told from the names of its entries (observed): an OOXML type, or `zip` as it was. clamscan takes
 * what is in an OOXML file for the content of a zip file too: both containers match (see {@link isContainerType}).
 */
export function refineZipType(input: ScanInput): FileType {
  let offset = findDirectory(input)?.offset;
  let isOffice = false;
  for (let count = 0; offset !== undefined && count < ENTRIES_MAX; count += 1) {
    if (count >= FIRST_ENTRIES && !isOffice) break;
    const header = readCentralHeader(input, offset);
    if (header === undefined) break;
    const name = Buffer.from(header.name).toString('latin1');
    const document = DOCUMENT_MARKS.find(([start]) => name.startsWith(start));
    if (document !== undefined) return document[1];
    isOffice ||= OFFICE_STARTS.some((start) => name.startsWith(start));
    offset = header.end;
  }
  return 'zip';
}

/** Whether a container is what a signature asks for: an OOXML file is a zip file too (observed for both conditions). */
export function isContainerType(clamType: string, wanted: string): boolean {
  return clamType === wanted || (wanted === 'CL_TYPE_ZIP' && clamType.startsWith('CL_TYPE_OOXML_'));
}
