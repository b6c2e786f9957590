import { describe, expect, test } from '@jest/globals';
import { readClamdConfig, type ClamdConfig } from '@portcullis/shared';
import { ALL_FEATURES, type EngineDescription } from './feature-lines.js';
import type { LogLine } from './clamd-log.js';
import { databaseRemarks, openingLines, servingLines } from './startup-lines.js';

const LIBCLAMAV: EngineDescription = {
  name: 'libclamav',
  features: ALL_FEATURES,
  fileMaxBytes: 2_147_483_645,
};
const BUILT_IN: EngineDescription = { name: 'built-in', features: new Set() };

function configOf(...lines: string[]): ClamdConfig {
  const { config } = readClamdConfig(['DatabaseDirectory /db', ...lines, ''].join('\n'), '/c');
  if (config === undefined) throw new Error('a mistake in the test');
  return config;
}

function texts(lines: readonly LogLine[]): string[] {
  return lines.map(({ severity, text }) => (severity === 'info' ? text : `${severity}: ${text}`));
}

function serving(engine: EngineDescription, ...lines: string[]): string[] {
  return texts(servingLines(configOf(...lines), engine, 7));
}

/** What changes with the options: lines that went and lines that came. */
function difference(...lines: string[]): string[] {
  const before = serving(LIBCLAMAV);
  const after = serving(LIBCLAMAV, ...lines);
  return [
    ...before.filter((line) => !after.includes(line)).map((line) => `-${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `+${line}`),
  ];
}

/** Recorded from clamd 1.4.6 without options. */
const DEFAULT_SERVING_LINES = `
Limits: Global time limit set to 120000 milliseconds.
Limits: Global size limit set to 419430400 bytes.
Limits: File size limit set to 104857600 bytes.
Limits: Recursion level limit set to 17.
Limits: Files limit set to 10000.
Limits: MaxEmbeddedPE limit set to 41943040 bytes.
Limits: MaxHTMLNormalize limit set to 41943040 bytes.
Limits: MaxHTMLNoTags limit set to 8388608 bytes.
Limits: MaxScriptNormalize limit set to 20971520 bytes.
Limits: MaxZipTypeRcg limit set to 1048576 bytes.
Limits: MaxPartitions limit set to 50.
Limits: MaxIconsPE limit set to 100.
Limits: MaxRecHWP3 limit set to 16.
Limits: PCREMatchLimit limit set to 100000.
Limits: PCRERecMatchLimit limit set to 2000.
Limits: PCREMaxFileSize limit set to 104857600.
Archive support enabled.
Image (graphics) scanning support enabled.
Detection using image fuzzy hash enabled.
AlertExceedsMax heuristic detection disabled.
Heuristic alerts enabled.
Portable Executable support enabled.
ELF support enabled.
Mail files support enabled.
OLE2 support enabled.
PDF support enabled.
SWF support enabled.
HTML support enabled.
XMLDOCS support enabled.
HWP3 support enabled.
OneNote support enabled.
Self checking every 600 seconds.
verbose: Listening daemon: PID: 7`;

describe('openingLines', () => {
  const opening = { productLine: 'Us 1', inheritedSockets: 0, architecture: 'x64' };

  test('our name stands before clamd’s', () => {
    expect(texts(openingLines(configOf(), opening))).toEqual([
      'Us 1',
      'Received 0 file descriptor(s) from systemd.',
      'clamd daemon 1.4.6 (OS: Linux, ARCH: x86_64, CPU: x86_64)',
      'Log file size limited to 1048576 bytes.',
    ]);
  });

  test('a LogFile without a limit has clamd’s largest number', () => {
    expect(texts(openingLines(configOf('LogFileMaxSize 0'), opening)).at(-1)).toBe(
      'Log file size limited to 9223372036854775807 bytes.',
    );
  });
});

describe('databaseRemarks', () => {
  const lines = (engine: EngineDescription, ...options: string[]): string[] =>
    texts(databaseRemarks(configOf(...options), engine));

  test('says what clamd says with libclamav', () => {
    expect(lines(LIBCLAMAV)).toEqual([
      'Not loading PUA signatures.',
      'Bytecode: Security mode set to "TrustSigned".',
    ]);
    expect(
      lines(
        LIBCLAMAV,
        ...['DetectPUA yes', 'ExcludePUA A', 'ExcludePUA B', 'PhishingSignatures no', 'PhishingScanURLs no'],
        ...['BytecodeUnsigned yes', 'OfficialDatabaseOnly yes'],
      ),
    ).toEqual([
      'Excluded PUA categories: A B',
      'Only loading official signatures.',
      'Not loading phishing signatures.',
      'Bytecode: Security mode set to "TrustSigned".',
      'Bytecode: Enabled support for unsigned bytecode.',
      'Disabling URL based phishing detection.',
    ]);
    expect(lines(LIBCLAMAV, 'DetectPUA yes', 'IncludePUA Win', 'IncludePUA Tool', 'Bytecode no')).toEqual([
      'Included PUA categories: Win Tool',
      'Bytecode support disabled.',
    ]);
  });

  test('claims nothing that the engine has not', () => {
    expect(lines(BUILT_IN, 'DetectPUA yes', 'IncludePUA Win', 'OfficialDatabaseOnly yes')).toEqual([]);
    expect(lines(BUILT_IN, 'DetectPUA yes', 'PhishingSignatures no')).toEqual([]);
  });
});

describe('servingLines', () => {
  test('is clamd’s block with libclamav', () => {
    expect(serving(LIBCLAMAV)).toEqual(DEFAULT_SERVING_LINES.trim().split('\n'));
  });

  // Each recorded from clamd 1.4.6.
  test.each([
    ['MaxScanTime 0', '+warning: Limits: Global time limit protection disabled.'],
    ['MaxScanTime 5000', '+Limits: Global time limit set to 5000 milliseconds.'],
    ['MaxScanSize 0', '+Limits: Global size limit set to 9223372036854775807 bytes.'],
    ['MaxFileSize 0', '+Limits: File size limit set to 2147483645 bytes.'],
    ['MaxFileSize 4G', '+Limits: File size limit set to 2147483645 bytes.'],
    ['MaxFiles 0', '+warning: Limits: Files limit protection disabled.'],
    ['MaxEmbeddedPE 0', '+Limits: MaxEmbeddedPE limit set to 9223372036854775807 bytes.'],
    ['PCREMaxFileSize 0', '+Limits: PCREMaxFileSize limit set to 9223372036854775807.'],
    ['MaxPartitions 0', '+Limits: MaxPartitions limit set to 0.'],
    ['ScanArchive no', '+Archive support disabled.'],
    ['ScanImageFuzzyHash no', '+Detection using image fuzzy hash disabled.'],
    ['AlertExceedsMax yes', '+Heuristic alerting enabled for scans that exceed set maximums.'],
    ['HeuristicAlerts no', '+Heuristic alerts disabled.'],
    ['HeuristicScanPrecedence yes', '+Heuristic: precedence enabled'],
    ['AlertBrokenExecutables yes', '+Alerting on broken executables enabled.'],
    ['AlertBrokenMedia yes', '+Media (Graphics) Format Validation enabled'],
    ['AlertEncrypted yes', '+Alerting of encrypted archives _and_ documents enabled.'],
    ['AlertEncryptedArchive yes', '+Alerting of encrypted archives enabled.'],
    ['AlertEncryptedDoc yes', '+Alerting of encrypted documents enabled.'],
    ['AlertOLE2Macros yes', '+OLE2: Alerting on all VBA macros.'],
    ['AlertPhishingSSLMismatch yes', '+Phishing: Always checking for ssl mismatches'],
    ['AlertPhishingCloak yes', '+Phishing: Always checking for cloaked urls'],
    ['AlertPartitionIntersection yes', '+Raw DMG: Alert on partitions intersections'],
    ['ScanPartialMessages yes', '+Mail: RFC1341 handling enabled.'],
    ['SelfCheck 0', '+Self checking disabled.'],
  ])('%s changes one line', (option, expected) => {
    const changes = difference(option);
    expect(changes.filter((line) => line.startsWith('+'))).toEqual([expected]);
    expect(changes.length).toBeLessThanOrEqual(2);
  });

  test('what depends on another option goes with it', () => {
    expect(difference('ScanArchive no', 'AlertEncrypted yes', 'AlertEncryptedArchive yes')).toEqual([
      '-Archive support enabled.',
      '+Archive support disabled.',
      '+Alerting of encrypted documents enabled.',
    ]);
    expect(difference('ScanMail no', 'ScanPartialMessages yes')).toHaveLength(2);
    expect(difference('PhishingScanURLs no', 'AlertPhishingCloak yes')).toEqual([]);
    expect(difference('StructuredDataDetection yes', 'StructuredMinCreditCardCount 5')).toEqual([
      '+Structured: Minimum Credit Card Number Count set to 5',
      '+Structured: Minimum Social Security Number Count set to 3',
    ]);
  });

  test('an engine without a feature does not claim it, and says so once', () => {
    expect(serving(BUILT_IN, 'ScanPDF no', 'ScanMail no')).toEqual([
      'Limits: Global time limit set to 120000 milliseconds.',
      'Limits: Global size limit set to 419430400 bytes.',
      'Limits: File size limit set to 104857600 bytes.',
      'AlertExceedsMax heuristic detection disabled.',
      'Mail files support disabled.',
      'PDF support disabled.',
      'Not in the built-in engine, though switched on: archives, images, image fuzzy hashes, heuristics, executables, OLE2, SWF, HTML, XML documents, HWP3, OneNote.',
      'Self checking every 600 seconds.',
      'verbose: Listening daemon: PID: 7',
    ]);
  });

  test('no bound of the engine’s own: an unlimited file size is shown as clamd shows other limits', () => {
    expect(serving(BUILT_IN, 'MaxFileSize 0')[2]).toBe(
      'Limits: File size limit set to 9223372036854775807 bytes.',
    );
  });
});
