import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { formatConfigIssue, issuesUpToFirstError } from './config-issue.js';
import { createOptionReader } from './option-reader.js';
import { DEPRECATED_OPTIONS, OPTION_TABLE } from './option-table.js';
import { readClamdConfig } from './read-clamd-config.js';
import { resolveClamdConfig } from './resolve.js';
import { CLAMD_CONFIG_BYTES_MAX, CONFIG_ERRORS_MAX } from './settings.js';

const lines = (text: string | Uint8Array): string[] =>
  readClamdConfig(text, 'f').issues.map(formatConfigIssue);
const setting = (text: string, name: (typeof OPTION_TABLE)[number]['name']): unknown[] =>
  readClamdConfig(text, 'f')
    .settings.byName.get(name)
    ?.map(({ value }) => value) ?? [];

describe('readClamdConfig: what ClamAV prints', () => {
  // Every row without `HEAD:` was seen with clamd 1.4.6; the others are behaviour 3.1 for ClamAV HEAD.
  const golden: [title: string, text: string, printed: string[]][] = [
    ['a name alone', 'Foo\n', ['ERROR: Missing argument for option at f:1']],
    ['a known name and blanks', 'LogFile \t \n', ['ERROR: Missing argument for option at f:1']],
    ['an equals sign', 'LogTime=yes\n', ['ERROR: Missing argument for option at f:1']],
    ['an unknown name', 'Foo bar\n', ['ERROR: Parse error at f:1: Unknown option Foo']],
    ['a name in the wrong case', 'logtime yes\n', ['ERROR: Parse error at f:1: Unknown option logtime']],
    ['a one-letter name with a value', 'a b\n', ['ERROR: Parse error at f:1: Unknown option a']],
    ['a byte order mark', '\uFEFFLogTime yes\n', ['ERROR: Parse error at f:1: Unknown option \uFEFFLogTime']],
    [
      'a vertical tab before the name',
      '\vLogTime yes\n',
      ['ERROR: Parse error at f:1: Unknown option \\x0bLogTime'],
    ],
    [
      'an option of freshclam',
      'DatabaseOwner x\n',
      ['ERROR: Parse error at f:1: Unknown option DatabaseOwner'],
    ],
    ['an opening quote only', 'LogFile "\n', ['ERROR: Missing closing parenthesis in option LogFile at f:1']],
    [
      'a quote never closed',
      'LogFile "abc\n',
      ['ERROR: Missing closing parenthesis in option LogFile at f:1'],
    ],
    [
      'a quote fault on an unknown name',
      'Foo "\n',
      ['ERROR: Missing closing parenthesis in option Foo at f:1'],
    ],
    ['empty quotes', 'LogFile ""\n', ['ERROR: Empty argument for option LogFile at f:1']],
    [
      'empty quotes on a deprecated name',
      'ScanOnAccess ""\n',
      ['ERROR: Empty argument for option ScanOnAccess at f:1'],
    ],
    ['a bool that is none', 'LogTime maybe\n', ['ERROR: Incorrect argument format for option LogTime']],
    ['a bool that is abbreviated', 'LogTime y\n', ['ERROR: Incorrect argument format for option LogTime']],
    ['a bool with a CR', 'LogTime yes\r\n', ['ERROR: Incorrect argument format for option LogTime']],
    [
      'a bool with a blank inside the quotes',
      'LogTime "yes "\n',
      ['ERROR: Incorrect argument format for option LogTime'],
    ],
    ['a number with a letter', 'MaxThreads 1x\n', ['ERROR: Incorrect argument format for option MaxThreads']],
    ['a negative number', 'MaxThreads -1\n', ['ERROR: Incorrect argument format for option MaxThreads']],
    ['a size with a CR', 'MaxFileSize 1M\r\n', ['ERROR: Incorrect argument format for option MaxFileSize']],
    [
      'a size with an unknown suffix',
      'MaxFileSize 10Q\n',
      ['ERROR: Incorrect argument format for option MaxFileSize'],
    ],
    ['a size without digits', 'MaxFileSize M\n', ['ERROR: Incorrect argument format for option MaxFileSize']],
    ['a hexadecimal size', 'MaxFileSize 0x10\n', ['ERROR: Incorrect argument format for option MaxFileSize']],
    [
      'an octal size with an 8',
      'MaxFileSize 018\n',
      ["ERROR: Can't parse numerical argument for option MaxFileSize"],
    ],
    [
      'a size beyond 63 bits',
      'MaxFileSize 8589934592G\n',
      ['WARNING: Numerical value for option MaxFileSize too high, resetting to 9223372036854775807'],
    ],
    [
      'an enumeration with a stranger',
      'BytecodeMode foo\n',
      ['ERROR: Incorrect argument format for option BytecodeMode'],
    ],
    [
      'an enumeration with a tail',
      'BytecodeMode ForceJITx\n',
      ['ERROR: Incorrect argument format for option BytecodeMode'],
    ],
    ['an enumeration in another case', 'BytecodeMode forcejit\nBytecodeSecurity TRUSTSIGNED\n', []],
    ['a deprecated name', 'ScanOnAccess what\n', ['WARNING: Ignoring deprecated option ScanOnAccess at f:1']],
    ['a deprecated name without a value', 'ScanOnAccess\n', ['ERROR: Missing argument for option at f:1']],
    [
      'a deprecated long name',
      'detect-broken 1\n',
      ['WARNING: Ignoring deprecated option DetectBrokenExecutables at f:1'],
    ],
    ['the example line', '# c\n Example\n', ['ERROR: Please edit the example config file f']],
    [
      'a line that begins like the example',
      'ExampleFoo bar\n',
      ['ERROR: Please edit the example config file f'],
    ],
    ['example in lower case', 'example x\n', ['ERROR: Parse error at f:1: Unknown option example']],
    [
      'a long name is named as given',
      'max-filesize 08\n',
      ["ERROR: Can't parse numerical argument for option max-filesize"],
    ],
    [
      'a command-line option with a bad value',
      'version foo\n',
      ['ERROR: Incorrect argument format for option version'],
    ],
    [
      'a later repeat is still checked',
      'LogTime yes\nLogTime maybe\n',
      ['ERROR: Incorrect argument format for option LogTime'],
    ],
    ['stray letters, blank lines, CR alone, comments', 'a\n a\n\n\t\n      \n\r\n#\n  # x\nab', []],
    ['two letters and a newline', '   ab\n', ['ERROR: Missing argument for option at f:1']],
    ['two CRs', '\r\r\n', ['ERROR: Missing argument for option at f:1']],
    ['no newline at the end', 'LogTime yes\nFoo', ['ERROR: Missing argument for option at f:2']],
    ['a NUL ends the line', 'LogTime yes\0junk\nFoo x', ['ERROR: Parse error at f:2: Unknown option Foo']],
    ['a NUL in the name', 'Log\0Time yes\n', ['ERROR: Missing argument for option at f:1']],
    ['HEAD: a comment behind a bool', 'LogTime yes # c\nLogClean no#c\n', []],
    [
      'HEAD: a tab before the comment',
      'LogTime yes\t# c\n',
      ['ERROR: Incorrect argument format for option LogTime'],
    ],
    ['HEAD: a comment behind a number and a size', 'MaxThreads 7 # c\nMaxFileSize 1K #\n', []],
    ['HEAD crashes: only # as a value', 'LogFile #\n', ['ERROR: Empty argument for option LogFile at f:1']],
    [
      'HEAD crashes: only # in quotes',
      'LogFile " #"\nLogFile "##"\n',
      ['ERROR: Empty argument for option LogFile at f:1', 'ERROR: Empty argument for option LogFile at f:2'],
    ],
  ];
  test.each(golden)('readClamdConfig: %s', (_, text, printed) => {
    expect(lines(text)).toEqual(printed);
  });

  test('readClamdConfig: reports all issues in order and knows where ClamAV stops', () => {
    const { issues, config } = readClamdConfig('ScanOnAccess 1\nFoo 1\nLogTime x\n', '/etc/c.conf');
    expect(issues.map(({ line }) => line)).toEqual([1, 2, 3]);
    expect(issuesUpToFirstError(issues).at(-1)?.message).toBe(
      'Parse error at /etc/c.conf:2: Unknown option Foo',
    );
    expect(issuesUpToFirstError(issues)).toHaveLength(2);
    expect(config).toBeUndefined();
  });

  test('readClamdConfig: accepts every deprecated name with its warning', () => {
    for (const { name } of DEPRECATED_OPTIONS) {
      expect(lines(`${name} whatever\n`)).toEqual([`WARNING: Ignoring deprecated option ${name} at f:1`]);
    }
  });

  test('readClamdConfig: a piece of an over-long line counts as a line', () => {
    const longest = (bytes: number): string => `LogFile ${'a'.repeat(bytes - 8)}\nFoo 1\n`;
    expect(lines(longest(1022))).toEqual(['ERROR: Parse error at f:2: Unknown option Foo']);
    expect(lines(longest(1023))).toEqual(['ERROR: Parse error at f:3: Unknown option Foo']);
    expect(lines(longest(1024))).toEqual(['ERROR: Parse error at f:3: Unknown option Foo']);
    expect(lines(longest(1025))[0]).toBe('ERROR: Missing argument for option at f:2');
    expect(lines(`#${'x'.repeat(1022)}b c\n`)).toEqual(['ERROR: Parse error at f:2: Unknown option b']);
    expect(lines(`${' '.repeat(1020)}LogTime yes\n`)[0]).toBe('ERROR: Missing argument for option at f:1');
  });

  test('readClamdConfig: counts the bytes of a line, not its characters', () => {
    expect(lines(`LogFile ${'é'.repeat(507)}b\nFoo 1\n`)).toEqual([
      'ERROR: Parse error at f:3: Unknown option Foo',
    ]);
    expect(setting('LogFile "/é/ü"\n', 'LogFile')).toEqual(['/é/ü']);
  });
});

describe('readClamdConfig: values', () => {
  const texts: [text: string, value: string][] = [
    ['"a" b"c', 'a" b'],
    ['"a\tb "\t x ', 'a\tb '],
    ['"  "', '  '],
    ['a"b"', 'a"b"'],
    [' a  b\t', 'a  b'],
    ['"""', '"'],
    ['""x"', '"x'],
    ['"a"\r', 'a'],
    ['a\r', 'a\r'],
    ['a # b', 'a'],
    ['a\t \t#b', 'a'],
    ['"a # b"', 'a'],
    ['^/a#b', '^/a'],
    ['#foo#bar', 'foo'],
  ];
  test.each(texts)('readClamdConfig: the text %j gives %j', (text, value) => {
    expect(setting(`LogFile ${text}\n`, 'LogFile')).toEqual([value]);
  });

  test('readClamdConfig: the first value wins, under either name', () => {
    expect(setting('LogFile a\nlog b\n', 'LogFile')).toEqual(['a']);
    expect(setting('log a\nLogFile b\n', 'LogFile')).toEqual(['a']);
    expect(setting('MaxThreads 0\nMaxThreads 5\n', 'MaxThreads')).toEqual([0]);
    expect(setting('LogTime no\nLogTime yes\n', 'LogTime')).toEqual([false]);
  });

  test('readClamdConfig: a repeatable option keeps all its values in order', () => {
    const text = 'TCPAddr b\nTCPAddr a\nOnAccessExcludeUID 5\nOnAccessExcludeUID 0\nOnAccessExcludeUID 7\n';
    const { config } = readClamdConfig(text, 'f');
    expect(config?.listen.tcpAddresses).toEqual(['b', 'a']);
    expect(config?.onAccess.excludeUids).toEqual([5, 0, 7]);
  });

  test('readClamdConfig: every long name of the table means its option', () => {
    for (const row of OPTION_TABLE) {
      if (row.longName === undefined) continue;
      const value = row.type === 'string' ? (row.values?.[0] ?? '/x') : '1';
      expect(readClamdConfig(`${row.longName} ${value}\n`, 'f').settings.byName.has(row.name)).toBe(true);
    }
  });

  test('readClamdConfig: version and help are requests, debug as a long name is nothing', () => {
    const { settings, config } = readClamdConfig(
      'version yes\nhelp no\nhelp yes\ndebug yes\nconfig-file x\n',
      'f',
    );
    expect(settings.versionRequested).toBe(true);
    expect(settings.helpRequested).toBe(false);
    expect(config?.process.debug).toBe(false);
  });

  test('readClamdConfig: warns of what ClamAV takes silently', () => {
    expect(lines('MaxThreads 99999999999\n')).toEqual([
      'WARNING: Value of option MaxThreads does not fit 32 bits, it counts as 1215752191',
    ]);
    expect(lines('LogFile # x\n')).toHaveLength(1);
    expect(lines(Buffer.from('LogFile a\xffb\n', 'latin1'))).toHaveLength(1);
    expect(lines('BlockMax yes\n')).toEqual(['WARNING: Option BlockMax is now named AlertExceedsMax']);
  });

  test('readClamdConfig: refuses a huge file and stops after many errors', () => {
    expect(lines('#'.repeat(CLAMD_CONFIG_BYTES_MAX + 1))).toHaveLength(1);
    expect(lines('abc\n'.repeat(CONFIG_ERRORS_MAX * 2))).toHaveLength(CONFIG_ERRORS_MAX + 1);
    expect(readClamdConfig('#'.repeat(CLAMD_CONFIG_BYTES_MAX + 1), 'f').config).toBeUndefined();
  });

  test('readClamdConfig: any bytes give a configuration or an error, never an exception', () => {
    const words = fc.constantFrom(
      ...OPTION_TABLE.map((row) => row.name),
      ...[
        '"',
        '#',
        ' ',
        '\t',
        '\n',
        '\r',
        '\0',
        '0',
        '9',
        'K',
        'yes',
        'Example',
        'a'.repeat(1023),
        '9'.repeat(40),
      ],
    );
    const text = fc
      .array(fc.oneof(words, fc.string()), { maxLength: 40 })
      .map((parts) => Buffer.from(parts.join('')));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 3000 }), text), (bytes) => {
        const { config, issues } = readClamdConfig(bytes, 'f');
        expect(config === undefined).toBe(issues.some(({ severity }) => severity === 'error'));
      }),
      { numRuns: 500 },
    );
  });
});

describe('the option table and the configuration', () => {
  test('OPTION_TABLE: has the 145 options of ClamAV HEAD, each name once', () => {
    expect(OPTION_TABLE).toHaveLength(145);
    const names = OPTION_TABLE.flatMap((row) => [row.name, row.longName ?? row.name]);
    expect(new Set(names).size).toBe(145 + OPTION_TABLE.filter((row) => row.longName !== undefined).length);
  });

  test('resolveClamdConfig: reads every option of the table', () => {
    const read = new Set<string>();
    const { settings } = readClamdConfig('MaxScanTime 1\n', 'f');
    resolveClamdConfig(createOptionReader(settings, (name) => read.add(name)));
    expect(OPTION_TABLE.map((row) => row.name).filter((name) => !read.has(name))).toEqual([]);
  });

  // A name may be read and thrown away: a value other than the default must change the outcome.
  test.each(OPTION_TABLE.map((row) => [row.name, row] as const))(
    'resolveClamdConfig: %s changes the outcome',
    (name, row) => {
      const other = { bool: row.default === true ? 'no' : 'yes', number: '77', size: '77', string: '/x77' }[
        row.type
      ];
      const value =
        row.type === 'string' ? (row.values?.at(-1) ?? (name === 'LocalSocketMode' ? '600' : other)) : other;
      const empty = readClamdConfig('', 'f').config;
      const { config } = readClamdConfig(`${name} ${value}\n`, 'f');
      expect(config).toBeDefined();
      expect(config).not.toEqual(empty);
    },
  );

  test('resolveClamdConfig: converts seconds, sizes and unset numbers once', () => {
    const { config } = readClamdConfig(
      'ReadTimeout 7\nSendBufTimeout 7\nStreamMaxLength 0\nMaxFileSize 010M\nTCPSocket 0\nMaxFiles 0\nLocalSocketMode 0777\n',
      'f',
    );
    expect(config?.clocks).toEqual({
      readTimeoutMs: 7000,
      commandReadTimeoutMs: 30_000,
      sendBufTimeoutMs: 7,
      idleTimeoutMs: 30_000,
      selfCheckIntervalMs: 600_000,
    });
    expect(config?.streams.streamMaxBytes).toBe(Infinity);
    expect(config?.limits.fileMaxBytes).toBe(8 * 1024 ** 2);
    expect(config?.limits.filesMax).toBe(Infinity);
    expect(config?.limits.scanTimeMaxMs).toBe(120_000);
    expect(readClamdConfig('MaxScanTime 0\n', 'f').config?.limits.scanTimeMaxMs).toBe(Infinity);
    expect(config?.listen.tcpPort).toBeUndefined();
    expect(config?.listen.localSocketMode).toBe(0o666);
    expect(readClamdConfig('ReadTimeout 2147483647\n', 'f').config?.clocks.readTimeoutMs).toBe(2 ** 31 - 1);
  });

  test('resolveClamdConfig: freezes every slice and list', () => {
    const { config } = readClamdConfig('', 'f');
    const slices = Object.values(config ?? {}) as object[];
    expect(slices.length).toBeGreaterThan(15);
    for (const slice of [config, ...slices]) expect(Object.isFrozen(slice)).toBe(true);
    expect(Object.isFrozen(config?.onAccess.excludeUids)).toBe(true);
    expect(Object.isFrozen(config?.walk.excludePathPatterns)).toBe(true);
  });
});
