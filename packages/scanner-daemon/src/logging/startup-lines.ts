import { MIRRORED_CLAMAV_VERSION, type ClamdConfig } from '@portcullis/shared';
import type { LogLine } from './clamd-log.js';
import { featureLines, type EngineDescription, type EngineFeature } from './feature-lines.js';

/** How clamd shows a limit that there is not: the largest number of its type. */
const UNLIMITED = '9223372036854775807';

/** uname(2)'s names of architectures, where Node has its own. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64', ia32: 'i686' };

/** What {@link openingLines} cannot know from clamd.conf. */
export interface Opening {
  /** Our own name and version: a line before clamd's. */
  readonly productLine: string;
  /** How many sockets systemd passed. */
  readonly inheritedSockets: number;
  /** `process.arch`. */
  readonly architecture: string;
}

/** Behaviour 2.2, steps 11 and 12: once the account was changed, before a signature is read. */
export function openingLines({ logging }: ClamdConfig, opening: Opening): readonly LogLine[] {
  const { productLine, inheritedSockets } = opening;
  const architecture = ARCHITECTURES[opening.architecture] ?? opening.architecture;
  const lines = [
    productLine,
    `Received ${inheritedSockets} file descriptor(s) from systemd.`,
    `clamd daemon ${MIRRORED_CLAMAV_VERSION} (OS: Linux, ARCH: ${architecture}, CPU: ${architecture})`,
    `Log file size limited to ${amount(logging.fileMaxBytes)} bytes.`,
  ];
  return lines.map(info);
}

/** Behaviour 2.2, step 13: what stands between `Reading databases from DIR` and `Loaded N signatures.` */
export function databaseRemarks(
  { database, pua, phishing, bytecode }: ClamdConfig,
  { features }: EngineDescription,
): readonly LogLine[] {
  const lines: string[] = [];
  const categories = (verb: string, names: readonly string[]): void => {
    if (names.length > 0 && features.has('puaCategories')) {
      lines.push(`${verb} PUA categories: ${names.join(' ')}`);
    }
  };
  if (pua.detect) {
    categories('Excluded', pua.excludeCategories);
    categories('Included', pua.includeCategories);
  } else {
    lines.push('Not loading PUA signatures.');
  }
  if (database.officialOnly && features.has('officialOnly')) lines.push('Only loading official signatures.');
  if (!phishing.signatures && features.has('phishing')) lines.push('Not loading phishing signatures.');
  if (!bytecode.enabled) {
    lines.push('Bytecode support disabled.');
  } else if (features.has('bytecode')) {
    lines.push(`Bytecode: Security mode set to "${bytecode.security}".`);
    if (bytecode.unsigned) lines.push('Bytecode: Enabled support for unsigned bytecode.');
  }
  if (!phishing.scanUrls) lines.push('Disabling URL based phishing detection.');
  return lines.map(info);
}

/**
 * Behaviour 2.2, step 15: once the sockets are there. `MaxQueue set to: N` follows, from whoever chose it.
 *
 * @param pid the daemon's
 */
export function servingLines(
  config: ClamdConfig,
  engine: EngineDescription,
  pid: number,
): readonly LogLine[] {
  const selfCheckSeconds = config.clocks.selfCheckIntervalMs / 1000;
  return [
    ...limitLines(config.limits, engine),
    ...featureLines(config, engine),
    info(
      selfCheckSeconds === 0 ? 'Self checking disabled.' : `Self checking every ${selfCheckSeconds} seconds.`,
    ),
    { severity: 'verbose', text: `Listening daemon: PID: ${pid}` },
  ];
}

function limitLines(
  limits: ClamdConfig['limits'],
  { features, fileMaxBytes = Infinity }: EngineDescription,
): LogLine[] {
  const sized = (what: string, bytes: number, unit = ' bytes'): LogLine =>
    info(`Limits: ${what} limit set to ${amount(bytes)}${unit}.`);
  const counted = (what: string, count: number): LogLine => sized(what, count, '');
  const ifHas = (feature: EngineFeature, lines: readonly LogLine[]): readonly LogLine[] =>
    features.has(feature) ? lines : [];
  return [
    orWarning(
      sized('Global time', limits.scanTimeMaxMs, ' milliseconds'),
      limits.scanTimeMaxMs,
      'Global time',
    ),
    sized('Global size', limits.scanMaxBytes),
    sized('File size', Math.min(limits.fileMaxBytes, fileMaxBytes)),
    ...ifHas('archives', [
      counted('Recursion level', limits.recursionDepthMax),
      orWarning(counted('Files', limits.filesMax), limits.filesMax, 'Files'),
    ]),
    ...ifHas('executables', [sized('MaxEmbeddedPE', limits.embeddedPeMaxBytes)]),
    ...ifHas('html', [
      sized('MaxHTMLNormalize', limits.htmlNormalizeMaxBytes),
      sized('MaxHTMLNoTags', limits.htmlNoTagsMaxBytes),
      sized('MaxScriptNormalize', limits.scriptNormalizeMaxBytes),
    ]),
    ...ifHas('archives', [sized('MaxZipTypeRcg', limits.zipTypeRecognitionMaxBytes)]),
    ...ifHas('diskImages', [counted('MaxPartitions', limits.partitionsMax)]),
    ...ifHas('executables', [counted('MaxIconsPE', limits.peIconsMax)]),
    ...ifHas('hwp3', [counted('MaxRecHWP3', limits.hwp3RecursionDepthMax)]),
    ...ifHas('regularExpressions', [
      counted('PCREMatchLimit', limits.pcreMatchLimit),
      counted('PCRERecMatchLimit', limits.pcreRecursionMatchLimit),
      counted('PCREMaxFileSize', limits.pcreFileMaxBytes),
    ]),
  ];
}

/** Two limits whose absence clamd warns of. */
function orWarning(line: LogLine, limit: number, what: string): LogLine {
  if (Number.isFinite(limit)) return line;
  return { severity: 'warning', text: `Limits: ${what} limit protection disabled.` };
}

function info(text: string): LogLine {
  return { severity: 'info', text };
}

/** Bytes, or a count. */
function amount(value: number): string {
  return Number.isFinite(value) ? String(value) : UNLIMITED;
}
