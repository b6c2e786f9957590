import { describe, expect, test } from '@jest/globals';
import { changedOptions, readClamdConfig } from '@portcullis/shared';
import { BUILTIN_ENGINE } from '../engine/builtin/description.js';
import { ALL_FEATURES, type EngineDescription, type EngineFeature } from './feature-lines.js';
import { optionsWithoutEffect } from './options-without-effect.js';

function lines(options: readonly string[], engine: Pick<EngineDescription, 'features'> = BUILTIN_ENGINE) {
  const reading = readClamdConfig(`${options.join('\n')}\n`, 'clamd.conf');
  expect(reading.issues).toEqual([]);
  return optionsWithoutEffect(changedOptions(reading.settings), engine);
}

describe('optionsWithoutEffect', () => {
  test.each([
    [
      'CVDCertsDirectory /etc/certs',
      'CVDCertsDirectory has no effect: detached signatures of databases are not looked at',
    ],
    ['FIPSCryptoHashLimits yes', 'FIPSCryptoHashLimits has no effect: MD5 and SHA1 stay in use'],
    ['CacheSize 1', 'CacheSize has no effect: there is no cache of clean files'],
    [
      'ForceToDisk yes',
      'ForceToDisk has no effect: what is unpacked stays in memory, and ZIP files in others are not looked for',
    ],
    ['AlertOLE2Macros yes', 'AlertOLE2Macros has no effect: there are no heuristics'],
    ['GenerateMetadataJson yes', 'GenerateMetadataJson has no effect: no metadata is collected'],
    ['BytecodeUnsigned yes', 'BytecodeUnsigned has no effect: no bytecode is run'],
    ['BytecodeMode Test', 'BytecodeMode has no effect: no bytecode is run'],
    ['DevACOnly yes', 'DevACOnly has no effect: the matcher is another'],
    ['PreludeEnable yes', 'PreludeEnable has no effect: nothing is sent to Prelude'],
    [
      'PhishingSignatures no',
      'PhishingSignatures has no effect: signatures of phishing are loaded all the same',
    ],
  ])('%s', (option, line) => {
    expect(lines([option])).toEqual([line]);
  });

  test('one line an option, and none for a value that is the default', () => {
    expect(lines(['DevACOnly yes', 'DevACDepth 2', 'DevLiblog no', 'CacheSize 65536'])).toHaveLength(2);
  });

  test('what clamd looks at only beside another option is told of only beside it', () => {
    expect(lines(['ExcludePUA A', 'ExcludePUA B'])).toEqual([]);
    const nothing = { features: new Set<EngineFeature>() };
    expect(lines(['DetectPUA yes', 'ExcludePUA A', 'ExcludePUA B'], nothing)).toEqual([
      'ExcludePUA has no effect: PUA signatures of all categories are loaded',
    ]);
    expect(lines(['StructuredCCOnly yes'])).toEqual([]);
    expect(lines(['StructuredDataDetection yes', 'StructuredCCOnly yes'])).toHaveLength(2);
  });

  test('what clamd ignores too, what is the client’s, and what holds anyway is not told of', () => {
    expect(
      lines([
        ...['StreamMinPort 2000', 'StreamMaxPort 3000', 'DevPerformance yes', 'PreludeAnalyzerName ClamAV'],
        ...['OnAccessMaxFileSize 1M', 'OnAccessPrevention yes', 'DisableCache yes', 'DisableCertCheck yes'],
        ...['ScanPE no', 'Bytecode no', 'LogTime yes', 'MaxThreads 3'],
      ]),
    ).toEqual([]);
  });

  test('what an engine honours is not told of', () => {
    const everything = { features: ALL_FEATURES };
    const options = ['MaxRecursion 16', 'BytecodeUnsigned yes', 'OfficialDatabaseOnly yes', 'CacheSize 1'];
    expect(lines([...options, 'IdleTimeout 5'], everything)).toEqual([
      'IdleTimeout has no effect: scan threads stay',
    ]);
  });
});
