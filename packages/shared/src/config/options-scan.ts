import { boolRow, numberRow, sizeRow } from './option-row.js';

const MIB = 1024 ** 2;

/** Rows of behaviour 3.4, in its order: what is parsed, what is alerted on and the limits of a scan. */
export const SCAN_OPTIONS = [
  boolRow('ScanHTML', true, 'normalise HTML/JS', { longName: 'scan-html' }),
  boolRow('ScanOLE2', true, 'parse OLE2/Office', { longName: 'scan-ole2' }),
  boolRow('AlertBrokenExecutables', false, 'alert on broken PE/ELF', { longName: 'alert-broken' }),
  boolRow('AlertBrokenMedia', false, 'alert on broken images', { longName: 'alert-broken-media' }),
  boolRow('AlertEncrypted', false, 'alert on encrypted archives and documents', {
    longName: 'alert-encrypted',
  }),
  boolRow('StructuredCCOnly', false, 'only credit cards, not debit/private label', {
    longName: 'structured-cc-mode',
  }),
  boolRow('AlertEncryptedArchive', false, 'alert on encrypted archives', {
    longName: 'alert-encrypted-archive',
  }),
  boolRow('AlertEncryptedDoc', false, 'alert on encrypted documents', { longName: 'alert-encrypted-doc' }),
  boolRow('AlertOLE2Macros', false, 'alert on VBA macros', { longName: 'alert-macros' }),
  boolRow('AlertPhishingSSLMismatch', false, 'alert on SSL mismatches in URLs', {
    longName: 'alert-phishing-ssl',
  }),
  boolRow('AlertPhishingCloak', false, 'alert on cloaked URLs', { longName: 'alert-phishing-cloak' }),
  boolRow('AlertPartitionIntersection', false, 'alert on overlapping DMG partitions', {
    longName: 'alert-partition-intersection',
  }),
  boolRow('ScanPDF', true, 'parse PDF', { longName: 'scan-pdf' }),
  boolRow('ScanSWF', true, 'parse SWF', { longName: 'scan-swf' }),
  boolRow('ScanXMLDOCS', true, 'parse XML documents', { longName: 'scan-xmldocs' }),
  boolRow('ScanHWP3', true, 'parse HWP3', { longName: 'scan-hwp3' }),
  boolRow('ScanOneNote', true, 'parse OneNote', { longName: 'scan-onenote' }),
  boolRow('ScanArchive', true, 'unpack archives', { longName: 'scan-archive' }),
  boolRow('ScanImage', true, 'parse images', { longName: 'scan-image' }),
  boolRow('ScanImageFuzzyHash', true, 'image fuzzy hash matching', { longName: 'scan-image-fuzzy-hash' }),
  boolRow('ForceToDisk', false, 'dump nested objects to disk', { longName: 'force-to-disk' }),
  numberRow('MaxScanTime', undefined, 'per-scan time limit, ms (engine default 120000 when unset)', {
    unit: 'milliseconds',
    longName: 'max-scantime',
  }),
  sizeRow('MaxScanSize', 400 * MIB, 'bytes scanned per input incl. nested; 0 = unlimited', {
    longName: 'max-scansize',
  }),
  sizeRow('MaxFileSize', 100 * MIB, 'larger (nested) files are skipped; 0 = unlimited', {
    longName: 'max-filesize',
  }),
  numberRow(
    'MaxRecursion',
    17,
    'nesting depth, 1..100 (HEAD/1.5: 0 or >100 is a start-up error; 1.4: accepted with a libclamav warning)',
    { longName: 'max-recursion' },
  ),
  numberRow('MaxFiles', 10000, 'files per container; 0 = unlimited', { longName: 'max-files' }),
  sizeRow('MaxEmbeddedPE', 40 * MIB, 'max size to look for embedded PE', { longName: 'max-embeddedpe' }),
  sizeRow('MaxHTMLNormalize', 40 * MIB, 'max HTML to normalise', { longName: 'max-htmlnormalize' }),
  sizeRow('MaxHTMLNoTags', 8 * MIB, 'max normalised HTML', { longName: 'max-htmlnotags' }),
  sizeRow('MaxScriptNormalize', 20 * MIB, 'max script to normalise', { longName: 'max-scriptnormalize' }),
  sizeRow('MaxZipTypeRcg', 1 * MIB, 'max ZIP to re-type', { longName: 'max-ziptypercg' }),
  numberRow('MaxPartitions', 50, 'partitions per disk image', { longName: 'max-partitions' }),
  numberRow('MaxIconsPE', 100, 'icons per PE', { longName: 'max-iconspe' }),
  numberRow('MaxRecHWP3', 16, 'HWP3 recursion', { longName: 'max-rechwp3' }),
  numberRow('PCREMatchLimit', 100000, 'PCRE match limit', { longName: 'pcre-match-limit' }),
  numberRow('PCRERecMatchLimit', 2000, 'PCRE recursion limit', { longName: 'pcre-recmatch-limit' }),
  sizeRow('PCREMaxFileSize', 100 * MIB, 'max file for PCRE', { longName: 'pcre-max-filesize' }),
] as const;
