/** The numbers of libclamav's API: `enum cl_engine_field`, the words of `struct cl_scan_options`, cl_load's options. */

/**
 * `enum cl_engine_field` as far as it is used, as ClamAV 1.2 and later number it. Ask {@link engineFields} for those of
 * the library at hand: a wrong number sets another field, and nobody says so.
 */
export const ENGINE_FIELDS = {
  maxScanSize: 0,
  maxFileSize: 1,
  maxRecursion: 2,
  maxFiles: 3,
  minCreditCardCount: 4,
  minSsnCount: 5,
  puaCategories: 6,
  databaseVersion: 8,
  databaseTime: 9,
  acOnly: 10,
  acDepthMax: 12,
  temporaryDirectory: 13,
  keepTemporaryFiles: 14,
  bytecodeSecurity: 15,
  bytecodeTimeout: 16,
  bytecodeMode: 17,
  maxEmbeddedPe: 18,
  maxHtmlNormalize: 19,
  maxHtmlNoTags: 20,
  maxScriptNormalize: 21,
  maxZipTypeRecognition: 22,
  forceToDisk: 23,
  cacheSize: 24,
  disableCache: 25,
  maxPartitions: 28,
  maxPeIcons: 29,
  maxHwp3Recursion: 30,
  maxScanTime: 31,
  pcreMatchLimit: 32,
  pcreRecursionMatchLimit: 33,
  pcreMaxFileSize: 34,
  disablePeCertificates: 35,
} as const;

/** What an engine can be told, or asked for. */
export type EngineField = keyof typeof ENGINE_FIELDS;

/** The fields that a library has, by number. */
export type EngineFieldNumbers = Readonly<Partial<Record<EngineField, number>>>;

/**
 * The fields of one library: before 1.2 (sonames 9 and 11) there is no cacheSize, and what follows it is one lower.
 *
 * @param hasCacheSize whether a new engine has a number above 0 in the field of that name, as all do that have the field:
 * where there is none, DISABLE_CACHE stands there, which is 0.
 */
export function engineFields(hasCacheSize: boolean): EngineFieldNumbers {
  if (hasCacheSize) return ENGINE_FIELDS;
  const { cacheSize, ...others } = ENGINE_FIELDS;
  return Object.fromEntries(
    Object.entries(others).map(([field, number]) => [field, number > cacheSize ? number - 1 : number]),
  );
}

/** Word `general` of `struct cl_scan_options`. */
export const SCAN_GENERAL = {
  /** A scan's own: it does not stop at the first signature. */
  allMatches: 0x1,
  collectMetadata: 0x2,
  heuristics: 0x4,
  heuristicPrecedence: 0x8,
} as const;

/** Word `parse`. */
export const SCAN_PARSE = {
  archive: 0x1,
  elf: 0x2,
  pdf: 0x4,
  swf: 0x8,
  hwp3: 0x10,
  xmlDocuments: 0x20,
  mail: 0x40,
  ole2: 0x80,
  html: 0x100,
  pe: 0x200,
  oneNote: 0x400,
  image: 0x800,
  imageFuzzyHash: 0x1000,
} as const;

/** Word `heuristic`. */
export const SCAN_HEURISTIC = {
  broken: 0x2,
  exceedsMax: 0x4,
  phishingSslMismatch: 0x8,
  phishingCloak: 0x10,
  macros: 0x20,
  encryptedArchive: 0x40,
  encryptedDocument: 0x80,
  partitionIntersection: 0x100,
  structured: 0x200,
  structuredSsnNormal: 0x400,
  structuredSsnStripped: 0x800,
  structuredCreditCardsOnly: 0x1000,
  brokenMedia: 0x2000,
} as const;

/** Word `mail`. */
export const SCAN_MAIL = { partialMessages: 0x1 } as const;

/** cl_load's options. */
export const DATABASE = {
  phishing: 0x2,
  phishingUrls: 0x8,
  pua: 0x10,
  puaInclude: 0x100,
  puaExclude: 0x200,
  officialOnly: 0x1000,
  bytecode: 0x2000,
  bytecodeUnsigned: 0x8000,
} as const;
