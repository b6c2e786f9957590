import type { OptionReader } from './option-reader.js';

/** What a scan looks at, reports and stops at. */
export interface ScanConfig {
  readonly limits: Readonly<ReturnType<typeof resolveLimits>>;
  /** Which formats are unpacked or parsed. */
  readonly parse: Readonly<ReturnType<typeof resolveParse>>;
  /** Which `Heuristics.*` detections are wanted; the old option names are folded in. */
  readonly alerts: Readonly<ReturnType<typeof resolveAlerts>>;
  readonly phishing: Readonly<ReturnType<typeof resolvePhishing>>;
  /** Data-loss prevention. */
  readonly structuredData: Readonly<ReturnType<typeof resolveStructuredData>>;
  readonly pua: Readonly<ReturnType<typeof resolvePua>>;
  readonly bytecode: Readonly<ReturnType<typeof resolveBytecode>>;
  readonly metadata: Readonly<ReturnType<typeof resolveMetadata>>;
  readonly cache: Readonly<ReturnType<typeof resolveCache>>;
}

/** Builds the slices that concern the engine. */
export function resolveScan(options: OptionReader): ScanConfig {
  return {
    limits: Object.freeze(resolveLimits(options)),
    parse: Object.freeze(resolveParse(options)),
    alerts: Object.freeze(resolveAlerts(options)),
    phishing: Object.freeze(resolvePhishing(options)),
    structuredData: Object.freeze(resolveStructuredData(options)),
    pua: Object.freeze(resolvePua(options)),
    bytecode: Object.freeze(resolveBytecode(options)),
    metadata: Object.freeze(resolveMetadata(options)),
    cache: Object.freeze(resolveCache(options)),
  };
}

/** Engine default when MaxScanTime is not in the file (behaviour 3.4). */
const SCAN_TIME_DEFAULT_MS = 120_000;

function resolveLimits(options: OptionReader) {
  return {
    /** Infinity = no limit: an explicit 0 (clamd.conf(5)). */
    scanTimeMaxMs: options.isSet('MaxScanTime')
      ? options.countOrUnlimited('MaxScanTime')
      : SCAN_TIME_DEFAULT_MS,
    scanMaxBytes: options.bytes('MaxScanSize'),
    fileMaxBytes: options.bytes('MaxFileSize'),
    /** 1 to 100; anything else is a start-up error, see checkDaemonConfig. */
    recursionDepthMax: options.count('MaxRecursion'),
    filesMax: options.countOrUnlimited('MaxFiles'),
    embeddedPeMaxBytes: options.bytes('MaxEmbeddedPE'),
    htmlNormalizeMaxBytes: options.bytes('MaxHTMLNormalize'),
    htmlNoTagsMaxBytes: options.bytes('MaxHTMLNoTags'),
    scriptNormalizeMaxBytes: options.bytes('MaxScriptNormalize'),
    zipTypeRecognitionMaxBytes: options.bytes('MaxZipTypeRcg'),
    partitionsMax: options.count('MaxPartitions'),
    peIconsMax: options.count('MaxIconsPE'),
    hwp3RecursionDepthMax: options.count('MaxRecHWP3'),
    pcreMatchLimit: options.count('PCREMatchLimit'),
    pcreRecursionMatchLimit: options.count('PCRERecMatchLimit'),
    pcreFileMaxBytes: options.bytes('PCREMaxFileSize'),
  };
}

function resolveParse(options: OptionReader) {
  return {
    pe: options.bool('ScanPE'),
    elf: options.bool('ScanELF'),
    mail: options.bool('ScanMail'),
    partialMessages: options.bool('ScanPartialMessages'),
    html: options.bool('ScanHTML'),
    ole2: options.bool('ScanOLE2'),
    pdf: options.bool('ScanPDF'),
    swf: options.bool('ScanSWF'),
    xmlDocuments: options.bool('ScanXMLDOCS'),
    hwp3: options.bool('ScanHWP3'),
    oneNote: options.bool('ScanOneNote'),
    archive: options.bool('ScanArchive'),
    image: options.bool('ScanImage'),
    imageFuzzyHash: options.bool('ScanImageFuzzyHash'),
    forceToDisk: options.bool('ForceToDisk'),
    certificateCheck: !options.bool('DisableCertCheck'),
  };
}

function resolveAlerts(options: OptionReader) {
  // Both names are read, whatever the first one says: a configuration names either.
  const either = (newName: boolean, oldName: boolean): boolean => newName || oldName;
  const heuristicAlerts = options.bool('HeuristicAlerts');
  const algorithmicDetection = options.bool('AlgorithmicDetection');
  return {
    /** Master switch. */
    heuristics: heuristicAlerts && algorithmicDetection,
    heuristicPrecedence: options.bool('HeuristicScanPrecedence'),
    exceedsMax: either(options.bool('AlertExceedsMax'), options.bool('BlockMax')),
    brokenExecutables: options.bool('AlertBrokenExecutables'),
    brokenMedia: options.bool('AlertBrokenMedia'),
    /** Archives and documents both. */
    encrypted: either(options.bool('AlertEncrypted'), options.bool('ArchiveBlockEncrypted')),
    encryptedArchive: options.bool('AlertEncryptedArchive'),
    encryptedDocument: options.bool('AlertEncryptedDoc'),
    ole2Macros: either(options.bool('AlertOLE2Macros'), options.bool('OLE2BlockMacros')),
    phishingSslMismatch: either(
      options.bool('AlertPhishingSSLMismatch'),
      options.bool('PhishingAlwaysBlockSSLMismatch'),
    ),
    phishingCloak: either(options.bool('AlertPhishingCloak'), options.bool('PhishingAlwaysBlockCloak')),
    partitionIntersection: either(
      options.bool('AlertPartitionIntersection'),
      options.bool('PartitionIntersection'),
    ),
  };
}

function resolvePhishing(options: OptionReader) {
  return { signatures: options.bool('PhishingSignatures'), scanUrls: options.bool('PhishingScanURLs') };
}

function resolveStructuredData(options: OptionReader) {
  return {
    detection: options.bool('StructuredDataDetection'),
    creditCardCountMin: options.count('StructuredMinCreditCardCount'),
    ssnCountMin: options.count('StructuredMinSSNCount'),
    ssnFormatNormal: options.bool('StructuredSSNFormatNormal'),
    ssnFormatStripped: options.bool('StructuredSSNFormatStripped'),
    creditCardsOnly: options.bool('StructuredCCOnly'),
  };
}

function resolvePua(options: OptionReader) {
  return {
    detect: options.bool('DetectPUA'),
    excludeCategories: options.texts('ExcludePUA'),
    includeCategories: options.texts('IncludePUA'),
  };
}

function resolveBytecode(options: OptionReader) {
  return {
    enabled: options.bool('Bytecode'),
    /** As written; only the exact spellings TrustSigned and Paranoid start. */
    security: options.text('BytecodeSecurity') ?? 'TrustSigned',
    timeoutMs: options.durationMs('BytecodeTimeout'),
    unsigned: options.bool('BytecodeUnsigned'),
    /** As written, in any case. */
    mode: options.text('BytecodeMode') ?? 'Auto',
  };
}

function resolveMetadata(options: OptionReader) {
  return {
    generateJson: options.bool('GenerateMetadataJson'),
    storeHtmlUris: options.bool('JsonStoreHTMLURIs'),
    storePdfUris: options.bool('JsonStorePDFURIs'),
    storeExtraHashes: options.bool('JsonStoreExtraHashes'),
  };
}

function resolveCache(options: OptionReader) {
  return { disabled: options.bool('DisableCache'), entriesMax: options.count('CacheSize') };
}
