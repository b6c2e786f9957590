import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { describeConfig, readClamdConfig } from '@portcullis/shared';
import type { ClamdConfig } from '@portcullis/shared';
import { engineFields, ENGINE_FIELDS } from './engine-fields.js';
import type { EngineField } from './engine-fields.js';
import { libclamavSettings } from './engine-settings.js';
import type { LibclamavSettings } from './engine-settings.js';

function configOf(lines: readonly string[]): ClamdConfig {
  const { config, issues } = readClamdConfig(`${lines.join('\n')}\n`, 'clamd.conf');
  if (config === undefined) throw new Error(JSON.stringify(issues));
  return config;
}

const settingsOf = (...lines: string[]): LibclamavSettings => libclamavSettings(configOf(lines));

/** What the engine is told, by the numbers that cross to libclamav. */
function toldTo({ numbers }: LibclamavSettings): Record<number, number> {
  return Object.fromEntries(numbers.map(({ field, value }) => [ENGINE_FIELDS[field], value]));
}

/** What clamd 1.4.6 passes without any option, and what its library starts from (cl_engine_get_num). */
const DEFAULT_NUMBERS: Readonly<Record<number, number>> = {
  0: 419430400,
  1: 104857600,
  2: 17,
  3: 10000,
  15: 1,
  16: 10000,
  17: 0,
  18: 41943040,
  19: 41943040,
  20: 8388608,
  21: 20971520,
  22: 1048576,
  24: 65536,
  28: 50,
  29: 100,
  30: 16,
  31: 120000,
  32: 100000,
  33: 2000,
  34: 104857600,
};

const DEFAULT_WORDS = { general: 0x4, parse: 0x1fff, heuristic: 0, mail: 0, dev: 0 };

test('an empty clamd.conf means what clamd 1.4.6 passes to libclamav', () => {
  const settings = settingsOf();
  expect(toldTo(settings)).toEqual(DEFAULT_NUMBERS);
  expect(settings.strings).toEqual([]);
  expect(settings.databaseOptions).toBe(0x200a);
  expect(settings.scanOptions).toEqual(DEFAULT_WORDS);
  expect(settings.debug).toBe(false);
});

/** Rows of [lines of clamd.conf; the words that differ], as clamd 1.4.6 was observed to pass them. */
const WORDS: readonly [string, Partial<LibclamavSettings['scanOptions']>][] = [
  ['ScanPE no', { parse: 0x1dff }],
  ['ScanELF no', { parse: 0x1ffd }],
  ['ScanMail no', { parse: 0x1fbf }],
  ['ScanHTML no', { parse: 0x1eff }],
  ['ScanOLE2 no', { parse: 0x1f7f }],
  ['ScanPDF no', { parse: 0x1ffb }],
  ['ScanSWF no', { parse: 0x1ff7 }],
  ['ScanXMLDOCS no', { parse: 0x1fdf }],
  ['ScanHWP3 no', { parse: 0x1fef }],
  ['ScanOneNote no', { parse: 0x1bff }],
  ['ScanArchive no', { parse: 0x1ffe }],
  ['ScanImage no', { parse: 0x17ff }],
  ['ScanImageFuzzyHash no', { parse: 0x0fff }],
  ['ScanPartialMessages yes', { mail: 1 }],
  ['ScanPartialMessages yes;ScanMail no', { parse: 0x1fbf }],
  ['AlertBrokenExecutables yes', { heuristic: 0x2 }],
  ['AlertBrokenExecutables yes;ScanPE no', { parse: 0x1dff, heuristic: 0x2 }],
  ['AlertBrokenExecutables yes;ScanPE no;ScanELF no', { parse: 0x1dfd }],
  ['AlertBrokenMedia yes', { heuristic: 0x2000 }],
  ['AlertEncrypted yes', { heuristic: 0xc0 }],
  ['AlertEncrypted yes;ScanArchive no', { parse: 0x1ffe, heuristic: 0x80 }],
  ['ArchiveBlockEncrypted yes', { heuristic: 0xc0 }],
  ['AlertEncryptedArchive yes', { heuristic: 0x40 }],
  ['AlertEncryptedArchive yes;ScanArchive no', { parse: 0x1ffe }],
  ['AlertEncryptedDoc yes', { heuristic: 0x80 }],
  ['AlertOLE2Macros yes', { heuristic: 0x20 }],
  ['OLE2BlockMacros yes', { heuristic: 0x20 }],
  ['AlertOLE2Macros yes;ScanOLE2 no', { parse: 0x1f7f }],
  ['AlertPhishingSSLMismatch yes', { heuristic: 0x8 }],
  ['PhishingAlwaysBlockSSLMismatch yes', { heuristic: 0x8 }],
  ['AlertPhishingCloak yes', { heuristic: 0x10 }],
  ['PhishingAlwaysBlockCloak yes', { heuristic: 0x10 }],
  ['AlertPhishingCloak yes;AlertPhishingSSLMismatch yes;PhishingScanURLs no', {}],
  ['AlertPartitionIntersection yes', { heuristic: 0x100 }],
  ['PartitionIntersection yes', { heuristic: 0x100 }],
  ['AlertExceedsMax yes', { heuristic: 0x4 }],
  ['BlockMax yes;HeuristicAlerts no', { general: 0, heuristic: 0x4 }],
  ['AlgorithmicDetection no', { general: 0 }],
  ['HeuristicScanPrecedence yes', { general: 0xc }],
  ['HeuristicScanPrecedence yes;HeuristicAlerts no', { general: 0x8 }],
  ['GenerateMetadataJson yes', { general: 0x6 }],
  ['StructuredDataDetection yes', { heuristic: 0x600 }],
  ['StructuredDataDetection yes;StructuredSSNFormatNormal no', { heuristic: 0x200 }],
  ['StructuredDataDetection yes;StructuredSSNFormatStripped yes;StructuredCCOnly yes', { heuristic: 0x1e00 }],
  ['StructuredSSNFormatStripped yes;StructuredCCOnly yes', {}],
];

test.each(WORDS)('%s: the scan options are those of clamd', (lines, words) => {
  expect(settingsOf(...lines.split(';')).scanOptions).toEqual({ ...DEFAULT_WORDS, ...words });
});

/** Rows of [lines of clamd.conf; cl_load's options]. */
const DATABASE_OPTIONS: readonly [string, number][] = [
  ['PhishingSignatures no', 0x2008],
  ['PhishingScanURLs no', 0x2002],
  ['DetectPUA yes', 0x201a],
  ['DetectPUA yes;ExcludePUA Win', 0x221a],
  ['DetectPUA yes;IncludePUA Win', 0x211a],
  ['ExcludePUA Win', 0x200a],
  ['OfficialDatabaseOnly yes', 0x300a],
  ['Bytecode no', 0x000a],
  ['BytecodeUnsigned yes', 0xa00a],
  ['BytecodeUnsigned yes;Bytecode no', 0x000a],
];

test.each(DATABASE_OPTIONS)('%s: the database options are those of clamd', (lines, options) => {
  expect(settingsOf(...lines.split(';')).databaseOptions).toBe(options);
});

/** Rows of [lines of clamd.conf; field; its value, undefined where clamd leaves the field alone]. */
const NUMBERS: readonly [string, EngineField, number | undefined][] = [
  ['MaxScanTime 0', 'maxScanTime', 0],
  ['MaxScanTime 5000', 'maxScanTime', 5000],
  ['MaxScanSize 5G', 'maxScanSize', 5 * 1024 ** 3],
  ['MaxScanSize 0', 'maxScanSize', Number.MAX_SAFE_INTEGER],
  ['MaxFileSize 0', 'maxFileSize', 2 ** 31 - 3],
  ['MaxFileSize 3G', 'maxFileSize', 3 * 1024 ** 3],
  ['MaxRecursion 5', 'maxRecursion', 5],
  ['MaxFiles 0', 'maxFiles', 0],
  ['MaxEmbeddedPE 1M', 'maxEmbeddedPe', 1048576],
  ['MaxHTMLNormalize 2M', 'maxHtmlNormalize', 2097152],
  ['MaxHTMLNoTags 3M', 'maxHtmlNoTags', 3145728],
  ['MaxScriptNormalize 4M', 'maxScriptNormalize', 4194304],
  ['MaxZipTypeRcg 0', 'maxZipTypeRecognition', Number.MAX_SAFE_INTEGER],
  ['MaxPartitions 0', 'maxPartitions', 0],
  ['MaxIconsPE 7', 'maxPeIcons', 7],
  ['MaxRecHWP3 8', 'maxHwp3Recursion', 8],
  ['PCREMatchLimit 0', 'pcreMatchLimit', 0],
  ['PCRERecMatchLimit 9', 'pcreRecursionMatchLimit', 9],
  ['PCREMaxFileSize 1M', 'pcreMaxFileSize', 1048576],
  ['CacheSize 100', 'cacheSize', 100],
  ['CacheSize 0', 'cacheSize', undefined],
  ['DisableCache yes', 'disableCache', 1],
  ['DisableCache no', 'disableCache', undefined],
  ['DisableCertCheck yes', 'disablePeCertificates', 1],
  ['ForceToDisk yes', 'forceToDisk', 1],
  ['LeaveTemporaryFiles yes', 'keepTemporaryFiles', 1],
  ['DevACOnly yes', 'acOnly', 1],
  ['DevACDepth 4', 'acDepthMax', 4],
  ['DevACDepth 0', 'acDepthMax', undefined],
  ['BytecodeSecurity Paranoid', 'bytecodeSecurity', 2],
  ['BytecodeMode ForceJIT', 'bytecodeMode', 1],
  ['BytecodeMode ForceInterpreter', 'bytecodeMode', 2],
  ['BytecodeMode Test', 'bytecodeMode', 3],
  ['BytecodeMode forcejit', 'bytecodeMode', 0],
  ['BytecodeTimeout 12345', 'bytecodeTimeout', 12345],
  ['BytecodeTimeout 0', 'bytecodeTimeout', undefined],
  ['Bytecode no;BytecodeTimeout 5', 'bytecodeTimeout', undefined],
  ['Bytecode no', 'bytecodeSecurity', undefined],
  ['Bytecode no', 'bytecodeMode', undefined],
  ['StructuredMinSSNCount 7', 'minSsnCount', undefined],
  ['StructuredDataDetection yes;StructuredMinSSNCount 7', 'minSsnCount', 7],
  ['StructuredDataDetection yes;StructuredMinSSNCount 0', 'minSsnCount', undefined],
  ['StructuredDataDetection yes;StructuredMinCreditCardCount 5', 'minCreditCardCount', 5],
];

test.each(NUMBERS)('%s: %s is %s', (lines, field, value) => {
  expect(toldTo(settingsOf(...lines.split(';')))[ENGINE_FIELDS[field]]).toBe(value);
});

describe('PUA categories', () => {
  test('stand in one string with a dot at each end and between them', () => {
    expect(settingsOf('DetectPUA yes', 'ExcludePUA Win', 'ExcludePUA Script').strings).toEqual([
      { field: 'puaCategories', value: '.Win.Script.', option: 'ExcludePUA' },
    ]);
    expect(settingsOf('DetectPUA yes', 'IncludePUA Win').strings).toEqual([
      { field: 'puaCategories', value: '.Win.', option: 'IncludePUA' },
    ]);
  });

  test('are not passed on without DetectPUA', () => {
    expect(settingsOf('IncludePUA Win').strings).toEqual([]);
  });
});

test('Debug asks libclamav to tell everything', () => {
  expect(settingsOf('Debug yes').debug).toBe(true);
});

/** Names and defaults of all options, as `Name default  # …`. */
const OPTIONS = describeConfig(readClamdConfig('', 'clamd.conf').settings);

/** Families of the switches that libclamav acts on. */
const FAMILIES =
  /^(Scan|Alert|Heuristic|Phishing(Signatures|ScanURLs)|Detect|Structured|Bytecode|Disable|Force|DevAC)/;

/** What one of them needs beside it to have an effect. */
const BESIDE = ['StructuredDataDetection yes', 'BytecodeTimeout 1'];

const SWITCHES = OPTIONS.flatMap((line): string[] => {
  const [, name, byDefault] = /^(\w+) (yes|no) /.exec(line) ?? [];
  if (name === undefined || !FAMILIES.test(name)) return [];
  return [`${name} ${byDefault === 'yes' ? 'no' : 'yes'}`];
});

test('there are switches to look at', () => {
  expect(SWITCHES.length).toBeGreaterThan(35);
});

test.each(SWITCHES)('%s changes something for libclamav', (line) => {
  const beside = BESIDE.filter((other) => other.split(' ')[0] !== line.split(' ')[0]);
  expect(settingsOf(line, ...beside)).not.toEqual(settingsOf(...beside));
});

describe('engineFields', () => {
  test('from ClamAV 1.2 on, the numbers are those that 1.4.6 answers to', () => {
    expect(engineFields(true)).toBe(ENGINE_FIELDS);
    expect(engineFields(true)).toMatchObject({ cacheSize: 24, disableCache: 25, disablePeCertificates: 35 });
  });

  test('before 1.2 there is no cacheSize and what follows is one lower', () => {
    expect(engineFields(false)).not.toHaveProperty('cacheSize');
    expect(engineFields(false)).toMatchObject({
      forceToDisk: 23,
      disableCache: 24,
      maxScanTime: 30,
      disablePeCertificates: 34,
    });
  });

  test('no two fields share a number', () => {
    for (const hasCacheSize of [false, true]) {
      const numbers = Object.values(engineFields(hasCacheSize));
      expect(new Set(numbers).size).toBe(numbers.length);
    }
  });
});

test('whatever the numbers of a clamd.conf are, the settings survive JSON and fit into 53 bits', () => {
  const limit = fc.constantFrom(
    'MaxScanTime',
    'MaxFiles',
    'MaxScanSize',
    'MaxFileSize',
    'PCREMaxFileSize',
    'CacheSize',
  );
  const line = fc
    .tuple(limit, fc.bigInt({ min: 0n, max: 2n ** 64n }))
    .map(([name, value]) => `${name} ${value}`);
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
      const settings = settingsOf(...lines);
      expect(JSON.parse(JSON.stringify(settings))).toEqual(settings);
      for (const { value } of settings.numbers) {
        expect(Number.isSafeInteger(value) && value >= 0).toBe(true);
      }
    }),
  );
});
