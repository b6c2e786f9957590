import type { ClamdConfig } from '@portcullis/shared';
import type { LogLine } from './clamd-log.js';

/** What an engine does beyond matching a file's bytes, in the words of the log. */
const FEATURE_NAMES = {
  archives: 'archives',
  images: 'images',
  imageFuzzyHashes: 'image fuzzy hashes',
  embeddedFiles: 'files embedded in others',
  encryptedAlerts: 'alerts of encrypted files',
  exceedsMaxAlerts: 'AlertExceedsMax',
  heuristics: 'heuristics',
  executables: 'executables',
  mail: 'mail',
  ole2: 'OLE2',
  pdf: 'PDF',
  swf: 'SWF',
  html: 'HTML',
  xmlDocuments: 'XML documents',
  hwp3: 'HWP3',
  oneNote: 'OneNote',
  phishing: 'phishing',
  diskImages: 'disk images',
  structuredData: 'structured data',
  bytecode: 'bytecode',
  regularExpressions: 'regular expressions',
  puaCategories: 'PUA categories',
  officialOnly: 'OfficialDatabaseOnly',
  metadata: 'metadata',
  developerOptions: 'options for developers',
  cleanFileCache: 'a cache of clean files',
} as const;

/** A line that claims one of these is written only where the engine has it. */
export type EngineFeature = keyof typeof FEATURE_NAMES;

/** What libclamav has: everything. */
export const ALL_FEATURES: ReadonlySet<EngineFeature> = new Set(
  // Object.keys knows the type of no key.
  Object.keys(FEATURE_NAMES) as EngineFeature[],
);

/** The engine in use, as far as the log speaks of it. */
export interface EngineDescription {
  /** `built-in` or `libclamav`. */
  readonly name: string;
  readonly features: ReadonlySet<EngineFeature>;
  /** The largest file that the engine itself can scan, where it has such a bound: 2147483645 for libclamav. */
  readonly fileMaxBytes?: number;
  /** ClamAV's version, where it is ClamAV's engine. */
  readonly clamavVersion?: string;
}

/** One option's line: what it claims, when, and what the engine must have for it. */
interface FeatureRow {
  readonly needs: EngineFeature;
  readonly isOn: boolean;
  readonly on: string;
  /** Left out where clamd says nothing of an option that is off. */
  readonly off?: string;
}

/**
 * The block of what is scanned and alerted about, in clamd's order. What is switched on and missing in the engine is
 * not claimed: one line more names it.
 */
export function featureLines(config: ClamdConfig, { name, features }: EngineDescription): LogLine[] {
  const lines: LogLine[] = [];
  const missing = new Set<EngineFeature>();
  for (const { needs, isOn, on, off } of [...parseRows(config), ...alertRows(config)]) {
    const isMissing = isOn && !features.has(needs);
    if (isMissing) missing.add(needs);
    const text = isOn ? on : off;
    if (!isMissing && text !== undefined) lines.push({ severity: 'info', text });
  }
  if (missing.size > 0) {
    const list = [...missing].map((feature) => FEATURE_NAMES[feature]).join(', ');
    lines.push({ severity: 'info', text: `Not in the ${name} engine, though switched on: ${list}.` });
  }
  return lines;
}

function parseRows({ parse, alerts }: ClamdConfig): FeatureRow[] {
  const support = (needs: EngineFeature, isOn: boolean, what: string): FeatureRow => ({
    needs,
    isOn,
    on: `${what} enabled.`,
    off: `${what} disabled.`,
  });
  const extra = (needs: EngineFeature, isOn: boolean, on: string): FeatureRow => ({ needs, isOn, on });
  return [
    support('archives', parse.archive, 'Archive support'),
    support('images', parse.image, 'Image (graphics) scanning support'),
    support('imageFuzzyHashes', parse.imageFuzzyHash, 'Detection using image fuzzy hash'),
    ...encryptedRows(parse.archive, alerts),
    {
      needs: 'exceedsMaxAlerts',
      isOn: alerts.exceedsMax,
      on: 'Heuristic alerting enabled for scans that exceed set maximums.',
      off: 'AlertExceedsMax heuristic detection disabled.',
    },
    support('heuristics', alerts.heuristics, 'Heuristic alerts'),
    support('executables', parse.pe, 'Portable Executable support'),
    support('executables', parse.elf, 'ELF support'),
    extra(
      'heuristics',
      alerts.brokenExecutables && (parse.pe || parse.elf),
      'Alerting on broken executables enabled.',
    ),
    extra('images', alerts.brokenMedia, 'Media (Graphics) Format Validation enabled'),
    support('mail', parse.mail, 'Mail files support'),
    extra('mail', parse.mail && parse.partialMessages, 'Mail: RFC1341 handling enabled.'),
    support('ole2', parse.ole2, 'OLE2 support'),
    extra('heuristics', parse.ole2 && alerts.ole2Macros, 'OLE2: Alerting on all VBA macros.'),
    support('pdf', parse.pdf, 'PDF support'),
    support('swf', parse.swf, 'SWF support'),
    support('html', parse.html, 'HTML support'),
    support('xmlDocuments', parse.xmlDocuments, 'XMLDOCS support'),
    support('hwp3', parse.hwp3, 'HWP3 support'),
    support('oneNote', parse.oneNote, 'OneNote support'),
  ];
}

/** Without ScanArchive, AlertEncrypted is about documents alone. */
function encryptedRows(archive: boolean, alerts: ClamdConfig['alerts']): FeatureRow[] {
  const row = (isOn: boolean, what: string): FeatureRow => ({
    needs: 'encryptedAlerts',
    isOn,
    on: `Alerting of encrypted ${what} enabled.`,
  });
  return [
    row(archive && alerts.encrypted, 'archives _and_ documents'),
    row(archive && alerts.encryptedArchive, 'archives'),
    row(alerts.encryptedDocument || (alerts.encrypted && !archive), 'documents'),
  ];
}

function alertRows({ alerts, phishing, structuredData }: ClamdConfig): FeatureRow[] {
  const row = (needs: EngineFeature, isOn: boolean, on: string): FeatureRow => ({ needs, isOn, on });
  const { detection, creditCardCountMin, ssnCountMin } = structuredData;
  const minimum = (what: string, count: number): FeatureRow =>
    row('structuredData', detection, `Structured: Minimum ${what} Number Count set to ${count}`);
  const { scanUrls } = phishing;
  return [
    row('phishing', scanUrls && alerts.phishingCloak, 'Phishing: Always checking for cloaked urls'),
    row('phishing', scanUrls && alerts.phishingSslMismatch, 'Phishing: Always checking for ssl mismatches'),
    row('diskImages', alerts.partitionIntersection, 'Raw DMG: Alert on partitions intersections'),
    row('heuristics', alerts.heuristicPrecedence, 'Heuristic: precedence enabled'),
    minimum('Credit Card', creditCardCountMin),
    minimum('Social Security', ssnCountMin),
  ];
}
