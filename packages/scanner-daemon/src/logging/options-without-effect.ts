import type { OptionName } from '@portcullis/shared';
import type { EngineDescription, EngineFeature } from './feature-lines.js';

interface OptionsRow {
  readonly options: readonly OptionName[];
  /** In a few words. */
  readonly reason: string;
  /** What an engine honours them with; absent: no engine does. */
  readonly needs?: EngineFeature;
  /** The option, off by default, without which clamd does not look at these either. */
  readonly onlyWith?: OptionName;
}

/**
 * What clamd honours and this daemon does not. Left out: what clamd itself takes and ignores (StreamMinPort,
 * StreamMaxPort, DevPerformance), what is clamonacc's (OnAccess…), and what asks for no more than holds anyway: DisableCache
 * where there is no cache, DisableCertCheck where nothing is trusted for its certificate, a format switched off that is
 * not parsed.
 */
const ROWS: readonly OptionsRow[] = [
  { options: ['CacheSize'], reason: 'there is no cache of clean files', needs: 'cleanFileCache' },
  { options: ['IdleTimeout'], reason: 'scan threads stay' },
  { options: ['PreludeEnable'], reason: 'nothing is sent to Prelude' },
  { options: ['CVDCertsDirectory'], reason: 'detached signatures of databases are not looked at' },
  { options: ['FIPSCryptoHashLimits'], reason: 'MD5 and SHA1 stay in use' },
  {
    options: ['ExcludePUA', 'IncludePUA'],
    reason: 'PUA signatures of all categories are loaded',
    needs: 'puaCategories',
    onlyWith: 'DetectPUA',
  },
  {
    options: ['PhishingSignatures'],
    reason: 'signatures of phishing are loaded all the same',
    needs: 'phishing',
  },
  {
    options: ['BytecodeSecurity', 'BytecodeTimeout', 'BytecodeUnsigned', 'BytecodeMode'],
    reason: 'no bytecode is run',
    needs: 'bytecode',
  },
  {
    options: ['GenerateMetadataJson'],
    reason: 'no metadata is collected',
    needs: 'metadata',
  },
  {
    options: ['JsonStoreHTMLURIs', 'JsonStorePDFURIs', 'JsonStoreExtraHashes'],
    reason: 'no metadata is collected',
    needs: 'metadata',
    onlyWith: 'GenerateMetadataJson',
  },
  {
    options: ['ForceToDisk', 'MaxZipTypeRcg'],
    reason: 'what is unpacked stays in memory, and ZIP files in others are not looked for',
    needs: 'embeddedFiles',
  },
  {
    options: ['MaxRecursion', 'MaxFiles'],
    reason: 'nothing is unpacked',
    needs: 'archives',
  },
  {
    options: ['AlertEncrypted', 'ArchiveBlockEncrypted', 'AlertEncryptedArchive', 'AlertEncryptedDoc'],
    reason: 'what is encrypted is not told apart',
    needs: 'encryptedAlerts',
  },
  {
    options: ['AlertBrokenExecutables', 'MaxEmbeddedPE', 'MaxIconsPE'],
    reason: 'executables are read for their signatures alone',
    needs: 'embeddedFiles',
  },
  { options: ['AlertBrokenMedia'], reason: 'images are not parsed', needs: 'images' },
  { options: ['ScanPartialMessages'], reason: 'mail is not parsed', needs: 'mail' },
  { options: ['AlertOLE2Macros', 'OLE2BlockMacros'], reason: 'there are no heuristics', needs: 'heuristics' },
  {
    options: ['MaxHTMLNormalize', 'MaxHTMLNoTags', 'MaxScriptNormalize'],
    reason: 'HTML is not normalised',
    needs: 'html',
  },
  {
    options: ['AlertPartitionIntersection', 'PartitionIntersection', 'MaxPartitions'],
    reason: 'disk images are not parsed',
    needs: 'diskImages',
  },
  { options: ['MaxRecHWP3'], reason: 'HWP3 is not parsed', needs: 'hwp3' },
  { options: ['HeuristicScanPrecedence'], reason: 'there are no heuristics', needs: 'heuristics' },
  {
    options: [
      'AlertPhishingSSLMismatch',
      'PhishingAlwaysBlockSSLMismatch',
      'AlertPhishingCloak',
      'PhishingAlwaysBlockCloak',
    ],
    reason: 'URLs are not checked',
    needs: 'phishing',
  },
  {
    options: ['StructuredDataDetection'],
    reason: 'structured data is not looked for',
    needs: 'structuredData',
  },
  {
    options: [
      'StructuredMinCreditCardCount',
      'StructuredMinSSNCount',
      'StructuredSSNFormatNormal',
      'StructuredSSNFormatStripped',
      'StructuredCCOnly',
    ],
    reason: 'structured data is not looked for',
    needs: 'structuredData',
    onlyWith: 'StructuredDataDetection',
  },
  {
    options: ['PCREMatchLimit', 'PCRERecMatchLimit', 'PCREMaxFileSize'],
    reason: 'signatures with regular expressions are not used',
    needs: 'regularExpressions',
  },
  { options: ['DevACOnly', 'DevACDepth'], reason: 'the matcher is another', needs: 'developerOptions' },
  { options: ['DevLiblog'], reason: 'there is no libclamav', needs: 'developerOptions' },
];

/**
 * What an operator asked for and does not get, a sentence an option.
 *
 * @param changed the options that are set to something else than their default.
 */
export function optionsWithoutEffect(
  changed: ReadonlySet<OptionName>,
  { features }: Pick<EngineDescription, 'features'>,
): readonly string[] {
  return ROWS.flatMap(({ options, reason, needs, onlyWith }) => {
    if (needs !== undefined && features.has(needs)) return [];
    if (onlyWith !== undefined && !changed.has(onlyWith)) return [];
    return options.filter((name) => changed.has(name)).map((name) => `${name} has no effect: ${reason}`);
  });
}
