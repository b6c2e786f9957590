import type { ClamdConfig, OptionName } from '@portcullis/shared';
import type { EngineField } from './engine-fields.js';
import { DATABASE, SCAN_GENERAL, SCAN_HEURISTIC, SCAN_MAIL, SCAN_PARSE } from './engine-fields.js';

/** A field of the engine, and the option of clamd.conf that it comes from. */
export interface EngineSetting<Value extends number | string> {
  readonly field: EngineField;
  readonly value: Value;
  readonly option: OptionName;
}

/** What a clamd.conf means to libclamav. Plain data: it survives JSON. */
export interface LibclamavSettings {
  /** For cl_engine_set_num; integers of at most 53 bits. */
  readonly numbers: readonly EngineSetting<number>[];
  /** For cl_engine_set_str. */
  readonly strings: readonly EngineSetting<string>[];
  /** cl_load's `dboptions`. */
  readonly databaseOptions: number;
  /** The words of `struct cl_scan_options`; {@link SCAN_GENERAL.allMatches} is a scan's own. */
  readonly scanOptions: Readonly<Record<ScanWord, number>>;
  /** cl_debug: libclamav tells everything that it does. */
  readonly debug: boolean;
}

type ScanWord = 'general' | 'parse' | 'heuristic' | 'mail' | 'dev';
type FlagWord = ScanWord | 'database';
type ValueOf<Value> = (config: ClamdConfig) => Value;

/** One option of clamd.conf, and what it is to libclamav. */
type Row =
  /** Undefined: clamd leaves the field alone. */
  | { readonly option: OptionName; readonly field: EngineField; readonly number: ValueOf<number | undefined> }
  | { readonly option: OptionName; readonly field: EngineField; readonly text: ValueOf<string | undefined> }
  | {
      readonly option: OptionName;
      readonly word: FlagWord;
      readonly flag: number;
      readonly when: ValueOf<boolean>;
    };

/** libclamav holds no file of 2 GiB; this is what clamd's `MaxFileSize 0` comes to (cl_engine_get_num). */
const FILE_BYTES_MAX = 2 ** 31 - 3;

/** The largest number that is exact here; for libclamav it is as good as none. */
const sizeLimit = (bytes: number): number => Math.min(bytes, Number.MAX_SAFE_INTEGER);

/** 0 = no limit. */
const countLimit = (count: number): number => (count === Infinity ? 0 : count);

/** clamd holds a number of 0 for not given (behaviour 3.2) and leaves libclamav's own default. */
const unlessZero = (value: number): number | undefined => (value === 0 ? undefined : value);

const number = (option: OptionName, field: EngineField, value: ValueOf<number | undefined>): Row => ({
  option,
  field,
  number: value,
});

/** A field that is 1 or left alone. */
const toggle = (option: OptionName, field: EngineField, isOn: ValueOf<boolean>): Row =>
  number(option, field, (config) => (isOn(config) ? 1 : undefined));

const flag = (option: OptionName, [word, bit]: readonly [FlagWord, number], when: ValueOf<boolean>): Row => ({
  option,
  word,
  flag: bit,
  when,
});

const LIMITS: readonly Row[] = [
  number('MaxScanTime', 'maxScanTime', ({ limits }) => countLimit(limits.scanTimeMaxMs)),
  number('MaxScanSize', 'maxScanSize', ({ limits }) => sizeLimit(limits.scanMaxBytes)),
  // Above 2 GiB libclamav warns, as it does in clamd; "no limit" is no reason for that.
  number('MaxFileSize', 'maxFileSize', ({ limits: { fileMaxBytes } }) =>
    fileMaxBytes === Infinity ? FILE_BYTES_MAX : sizeLimit(fileMaxBytes),
  ),
  number('MaxRecursion', 'maxRecursion', ({ limits }) => limits.recursionDepthMax),
  number('MaxFiles', 'maxFiles', ({ limits }) => countLimit(limits.filesMax)),
  number('MaxEmbeddedPE', 'maxEmbeddedPe', ({ limits }) => sizeLimit(limits.embeddedPeMaxBytes)),
  number('MaxHTMLNormalize', 'maxHtmlNormalize', ({ limits }) => sizeLimit(limits.htmlNormalizeMaxBytes)),
  number('MaxHTMLNoTags', 'maxHtmlNoTags', ({ limits }) => sizeLimit(limits.htmlNoTagsMaxBytes)),
  number('MaxScriptNormalize', 'maxScriptNormalize', ({ limits }) =>
    sizeLimit(limits.scriptNormalizeMaxBytes),
  ),
  number('MaxZipTypeRcg', 'maxZipTypeRecognition', ({ limits }) =>
    sizeLimit(limits.zipTypeRecognitionMaxBytes),
  ),
  number('MaxPartitions', 'maxPartitions', ({ limits }) => limits.partitionsMax),
  number('MaxIconsPE', 'maxPeIcons', ({ limits }) => limits.peIconsMax),
  number('MaxRecHWP3', 'maxHwp3Recursion', ({ limits }) => limits.hwp3RecursionDepthMax),
  number('PCREMatchLimit', 'pcreMatchLimit', ({ limits }) => limits.pcreMatchLimit),
  number('PCRERecMatchLimit', 'pcreRecursionMatchLimit', ({ limits }) => limits.pcreRecursionMatchLimit),
  number('PCREMaxFileSize', 'pcreMaxFileSize', ({ limits }) => sizeLimit(limits.pcreFileMaxBytes)),
];

const ENGINE: readonly Row[] = [
  number('CacheSize', 'cacheSize', ({ cache }) => unlessZero(cache.entriesMax)),
  toggle('DisableCache', 'disableCache', ({ cache }) => cache.disabled),
  toggle('DisableCertCheck', 'disablePeCertificates', ({ parse }) => !parse.certificateCheck),
  toggle('ForceToDisk', 'forceToDisk', ({ parse }) => parse.forceToDisk),
  toggle('LeaveTemporaryFiles', 'keepTemporaryFiles', (config) => config.process.leaveTemporaryFiles),
  toggle('DevACOnly', 'acOnly', ({ developer }) => developer.acOnly),
  number('DevACDepth', 'acDepthMax', ({ developer }) => developer.acDepth),
];

/** `enum bytecode_security`; clamd starts with these spellings only. */
const BYTECODE_SECURITY: ReadonlyMap<string, number> = new Map([
  ['TrustSigned', 1],
  ['Paranoid', 2],
]);

/** `enum bytecode_mode`; in any other spelling clamd reads Auto. */
const BYTECODE_MODE: ReadonlyMap<string, number> = new Map([
  ['ForceJIT', 1],
  ['ForceInterpreter', 2],
  ['Test', 3],
]);

/** Without Bytecode none of the others is passed on. */
const BYTECODE: readonly Row[] = [
  flag('Bytecode', ['database', DATABASE.bytecode], ({ bytecode }) => bytecode.enabled),
  flag(
    'BytecodeUnsigned',
    ['database', DATABASE.bytecodeUnsigned],
    ({ bytecode }) => bytecode.enabled && bytecode.unsigned,
  ),
  number('BytecodeSecurity', 'bytecodeSecurity', ({ bytecode: { enabled, security } }) =>
    enabled ? (BYTECODE_SECURITY.get(security) ?? 1) : undefined,
  ),
  number('BytecodeMode', 'bytecodeMode', ({ bytecode: { enabled, mode } }) =>
    enabled ? (BYTECODE_MODE.get(mode) ?? 0) : undefined,
  ),
  number('BytecodeTimeout', 'bytecodeTimeout', ({ bytecode: { enabled, timeoutMs } }) =>
    enabled ? unlessZero(timeoutMs) : undefined,
  ),
];

/** `.Cat1.Cat2.`: libclamav looks for the category with a dot before and behind it. Either list, never both (3.4). */
function puaCategories({ pua }: ClamdConfig, option: 'ExcludePUA' | 'IncludePUA'): string | undefined {
  const categories = option === 'ExcludePUA' ? pua.excludeCategories : pua.includeCategories;
  return pua.detect && categories.length > 0 ? `.${categories.join('.')}.` : undefined;
}

const DATABASES: readonly Row[] = [
  flag('OfficialDatabaseOnly', ['database', DATABASE.officialOnly], ({ database }) => database.officialOnly),
  flag('PhishingSignatures', ['database', DATABASE.phishing], ({ phishing }) => phishing.signatures),
  flag('PhishingScanURLs', ['database', DATABASE.phishingUrls], ({ phishing }) => phishing.scanUrls),
  flag('DetectPUA', ['database', DATABASE.pua], ({ pua }) => pua.detect),
  ...(['ExcludePUA', 'IncludePUA'] as const).flatMap((option): Row[] => [
    { option, field: 'puaCategories', text: (config) => puaCategories(config, option) },
    flag(
      option,
      ['database', option === 'ExcludePUA' ? DATABASE.puaExclude : DATABASE.puaInclude],
      (config) => puaCategories(config, option) !== undefined,
    ),
  ]),
];

const PARSE: readonly Row[] = [
  flag('ScanPE', ['parse', SCAN_PARSE.pe], ({ parse }) => parse.pe),
  flag('ScanELF', ['parse', SCAN_PARSE.elf], ({ parse }) => parse.elf),
  flag('ScanMail', ['parse', SCAN_PARSE.mail], ({ parse }) => parse.mail),
  flag(
    'ScanPartialMessages',
    ['mail', SCAN_MAIL.partialMessages],
    ({ parse }) => parse.mail && parse.partialMessages,
  ),
  flag('ScanHTML', ['parse', SCAN_PARSE.html], ({ parse }) => parse.html),
  flag('ScanOLE2', ['parse', SCAN_PARSE.ole2], ({ parse }) => parse.ole2),
  flag('ScanPDF', ['parse', SCAN_PARSE.pdf], ({ parse }) => parse.pdf),
  flag('ScanSWF', ['parse', SCAN_PARSE.swf], ({ parse }) => parse.swf),
  flag('ScanXMLDOCS', ['parse', SCAN_PARSE.xmlDocuments], ({ parse }) => parse.xmlDocuments),
  flag('ScanHWP3', ['parse', SCAN_PARSE.hwp3], ({ parse }) => parse.hwp3),
  flag('ScanOneNote', ['parse', SCAN_PARSE.oneNote], ({ parse }) => parse.oneNote),
  flag('ScanArchive', ['parse', SCAN_PARSE.archive], ({ parse }) => parse.archive),
  flag('ScanImage', ['parse', SCAN_PARSE.image], ({ parse }) => parse.image),
  flag('ScanImageFuzzyHash', ['parse', SCAN_PARSE.imageFuzzyHash], ({ parse }) => parse.imageFuzzyHash),
  flag(
    'GenerateMetadataJson',
    ['general', SCAN_GENERAL.collectMetadata],
    (config) => config.metadata.generateJson,
  ),
];

/** An alert whose finder is switched off is not asked for, as in clamd. HeuristicAlerts has no say in the others. */
const ALERTS: readonly Row[] = [
  flag('HeuristicAlerts', ['general', SCAN_GENERAL.heuristics], ({ alerts }) => alerts.heuristics),
  flag(
    'HeuristicScanPrecedence',
    ['general', SCAN_GENERAL.heuristicPrecedence],
    ({ alerts }) => alerts.heuristicPrecedence,
  ),
  flag('AlertExceedsMax', ['heuristic', SCAN_HEURISTIC.exceedsMax], ({ alerts }) => alerts.exceedsMax),
  flag(
    'AlertBrokenExecutables',
    ['heuristic', SCAN_HEURISTIC.broken],
    ({ alerts, parse }) => alerts.brokenExecutables && (parse.pe || parse.elf),
  ),
  flag('AlertBrokenMedia', ['heuristic', SCAN_HEURISTIC.brokenMedia], ({ alerts }) => alerts.brokenMedia),
  flag(
    'AlertEncrypted',
    ['heuristic', SCAN_HEURISTIC.encryptedArchive],
    ({ alerts, parse }) => alerts.encrypted && parse.archive,
  ),
  flag('AlertEncrypted', ['heuristic', SCAN_HEURISTIC.encryptedDocument], ({ alerts }) => alerts.encrypted),
  flag(
    'AlertEncryptedArchive',
    ['heuristic', SCAN_HEURISTIC.encryptedArchive],
    ({ alerts, parse }) => alerts.encryptedArchive && parse.archive,
  ),
  flag(
    'AlertEncryptedDoc',
    ['heuristic', SCAN_HEURISTIC.encryptedDocument],
    ({ alerts }) => alerts.encryptedDocument,
  ),
  flag(
    'AlertOLE2Macros',
    ['heuristic', SCAN_HEURISTIC.macros],
    ({ alerts, parse }) => alerts.ole2Macros && parse.ole2,
  ),
  flag(
    'AlertPhishingSSLMismatch',
    ['heuristic', SCAN_HEURISTIC.phishingSslMismatch],
    ({ alerts, phishing }) => alerts.phishingSslMismatch && phishing.scanUrls,
  ),
  flag(
    'AlertPhishingCloak',
    ['heuristic', SCAN_HEURISTIC.phishingCloak],
    ({ alerts, phishing }) => alerts.phishingCloak && phishing.scanUrls,
  ),
  flag(
    'AlertPartitionIntersection',
    ['heuristic', SCAN_HEURISTIC.partitionIntersection],
    ({ alerts }) => alerts.partitionIntersection,
  ),
];

/** Without StructuredDataDetection none of the others is passed on. */
const STRUCTURED_DATA: readonly Row[] = [
  flag(
    'StructuredDataDetection',
    ['heuristic', SCAN_HEURISTIC.structured],
    (config) => config.structuredData.detection,
  ),
  number('StructuredMinCreditCardCount', 'minCreditCardCount', ({ structuredData }) =>
    structuredData.detection ? unlessZero(structuredData.creditCardCountMin) : undefined,
  ),
  number('StructuredMinSSNCount', 'minSsnCount', ({ structuredData }) =>
    structuredData.detection ? unlessZero(structuredData.ssnCountMin) : undefined,
  ),
  flag(
    'StructuredSSNFormatNormal',
    ['heuristic', SCAN_HEURISTIC.structuredSsnNormal],
    ({ structuredData }) => structuredData.detection && structuredData.ssnFormatNormal,
  ),
  flag(
    'StructuredSSNFormatStripped',
    ['heuristic', SCAN_HEURISTIC.structuredSsnStripped],
    ({ structuredData }) => structuredData.detection && structuredData.ssnFormatStripped,
  ),
  flag(
    'StructuredCCOnly',
    ['heuristic', SCAN_HEURISTIC.structuredCreditCardsOnly],
    ({ structuredData }) => structuredData.detection && structuredData.creditCardsOnly,
  ),
];

/**
 * Every option that clamd 1.4.6 passes on to libclamav, and on what terms (observed at its calls). Not here: the
 * JsonStore options, which 1.4 does not know and no verdict depends on, and TemporaryDirectory, which is the host's.
 */
const TABLE: readonly Row[] = [
  ...LIMITS,
  ...ENGINE,
  ...BYTECODE,
  ...DATABASES,
  ...PARSE,
  ...ALERTS,
  ...STRUCTURED_DATA,
];

/** What a clamd.conf means to libclamav; {@link TABLE} row by row. */
export function libclamavSettings(config: ClamdConfig): LibclamavSettings {
  const numbers: EngineSetting<number>[] = [];
  const strings: EngineSetting<string>[] = [];
  const words: Record<FlagWord, number> = {
    database: 0,
    general: 0,
    parse: 0,
    heuristic: 0,
    mail: 0,
    dev: 0,
  };
  for (const row of TABLE) {
    if ('number' in row) {
      const value = row.number(config);
      if (value !== undefined) numbers.push({ field: row.field, value, option: row.option });
    } else if ('text' in row) {
      const value = row.text(config);
      if (value !== undefined) strings.push({ field: row.field, value, option: row.option });
    } else if (row.when(config)) {
      words[row.word] |= row.flag;
    }
  }
  const { database: databaseOptions, ...scanOptions } = words;
  return { numbers, strings, databaseOptions, scanOptions, debug: config.process.debug };
}
