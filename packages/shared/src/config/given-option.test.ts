import { describe, expect, test } from '@jest/globals';
import { describeConfig } from './describe-config.js';
import { LONG_OPTIONS, readGivenOption } from './given-option.js';
import { OPTION_TABLE } from './option-table.js';
import { readClamdConfig } from './read-clamd-config.js';

describe('readGivenOption', () => {
  test.each([
    ['foreground', undefined, { kind: 'setting', name: 'Foreground', value: true }],
    ['foreground', 'NO', { kind: 'setting', name: 'Foreground', value: false }],
    ['max-filesize', '10M', { kind: 'setting', name: 'MaxFileSize', value: 10n * 1024n ** 2n }],
    ['fail-if-cvd-older-than', '7', { kind: 'setting', name: 'FailIfCvdOlderThan', value: 7 }],
    ['pid', 'a#b', { kind: 'setting', name: 'PidFile', value: 'a#b' }],
    ['bytecode-mode', 'forcejit', { kind: 'setting', name: 'BytecodeMode', value: 'forcejit' }],
    ['debug', undefined, { kind: 'ownOption', value: true }],
    ['version', 'no', { kind: 'ownOption', value: false }],
    ['config-file', 'x', { kind: 'ownOption', value: 'x' }],
  ])('--%s with %j', (longName, text, expected) => {
    expect(readGivenOption(longName, text, `--${longName}`)).toEqual(expected);
  });

  // Texts seen with clamd 1.4.6.
  test.each([
    ['foreground', 'maybe', 'Incorrect argument format for option --foreground (-F)'],
    ['debug', '', 'Incorrect argument format for option --debug (-F)'],
    ['fail-if-cvd-older-than', '3#x', 'Incorrect argument format for option --fail-if-cvd-older-than (-F)'],
    ['max-filesize', '089', "Can't parse numerical argument for option --max-filesize (-F)"],
    ['pid', '', 'Option --pid (-F) requires a non-empty string argument'],
    ['bytecode-mode', 'foo', 'Incorrect argument format for option --bytecode-mode (-F)'],
  ])('--%s=%s is refused in the words of clamd', (longName, text, message) => {
    const issue = { severity: 'error', origin: 'clamav', message };
    expect(readGivenOption(longName, text, `--${longName} (-F)`)).toEqual({ kind: 'refused', issue });
  });

  test('a deprecated option is ignored with a warning, and a size too high is the highest', () => {
    expect(readGivenOption('detect-broken', undefined, '--detect-broken')).toMatchObject({
      kind: 'ignored',
      warning: { severity: 'warning', message: 'Ignoring deprecated option --detect-broken' },
    });
    expect(readGivenOption('max-filesize', '9'.repeat(30), '--max-filesize')).toMatchObject({
      kind: 'setting',
      value: 2n ** 63n - 1n,
      warning: {
        message: 'Numerical value for option max-filesize too high, resetting to 9223372036854775807',
      },
    });
  });

  test('every long option can be read', () => {
    for (const { longName, needsValue } of LONG_OPTIONS) {
      const given = readGivenOption(longName, needsValue ? '1' : undefined, longName);
      expect([longName, given.kind]).not.toEqual([longName, undefined]);
    }
    expect(new Set(LONG_OPTIONS.map(({ longName }) => longName)).size).toBe(LONG_OPTIONS.length);
    expect(LONG_OPTIONS.length).toBeGreaterThan(OPTION_TABLE.filter((row) => 'longName' in row).length);
  });
});

describe('readClamdConfig with a command line', () => {
  const read = (text: string, given: Parameters<typeof readClamdConfig>[2]) =>
    readClamdConfig(text, 'clamd.conf', given);

  test('the command line wins, its own first value first', () => {
    const { config, settings } = read('PidFile /file\nForeground yes\n', [
      { name: 'PidFile', value: '/first' },
      { name: 'PidFile', value: '/second' },
      { name: 'Foreground', value: false },
    ]);
    expect(config?.process).toMatchObject({ pidFilePath: '/first', foreground: false });
    const lines = describeConfig(settings).filter((line) => /^(PidFile|Foreground)/.test(line));
    expect(lines).toEqual(['PidFile /first  # command line', 'Foreground no  # command line']);
  });

  test('a repeatable option collects both', () => {
    const { config } = read('ExcludePUA B\n', [{ name: 'ExcludePUA', value: 'A' }]);
    expect(config?.pua.excludeCategories).toEqual(['A', 'B']);
  });

  test('an error of the file stays one', () => {
    expect(read('MaxThreads many\n', [{ name: 'MaxThreads', value: 3 }]).config).toBeUndefined();
  });
});
