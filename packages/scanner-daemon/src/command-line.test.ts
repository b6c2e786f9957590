import { describe, expect, test } from '@jest/globals';
import { parseCommandLine, type CommandLineFlags } from './command-line.js';

function flags(...args: string[]): CommandLineFlags {
  const commandLine = parseCommandLine(args);
  if (commandLine.kind !== 'run') throw new Error(JSON.stringify(commandLine));
  return commandLine.flags;
}

describe('parseCommandLine', () => {
  test('takes what clamd takes, operands and all', () => {
    const given = ['-F', '--config-file=a.conf', '-l', 'x.log', 'operand', '-p', 'x.pid', '--debug'];
    expect(flags(...given, '--datad', 'db')).toEqual({
      configFile: 'a.conf',
      envFile: undefined,
      checkConfig: false,
      debug: true,
      settings: [
        { name: 'Foreground', value: true },
        { name: 'LogFile', value: 'x.log' },
        { name: 'PidFile', value: 'x.pid' },
        { name: 'DatabaseDirectory', value: 'db' },
      ],
      warnings: [],
    });
  });

  test('takes our own two, and the first config file counts', () => {
    expect(flags('--check-config', '--env-file', 'e', '-c', 'a', '-c', 'b')).toMatchObject({
      checkConfig: true,
      envFile: 'e',
      configFile: 'a',
    });
  });

  test('abbreviations mean what they mean in clamd: ours have none', () => {
    // clamd: --c is config-file, cross-fs or cache-size; --ch nothing; --e is exclude-pua alone.
    expect(parseCommandLine(['--ch'])).toMatchObject({ exitCode: 1 });
    expect(flags('--e', 'Tool').settings).toEqual([{ name: 'ExcludePUA', value: 'Tool' }]);
  });

  test('a deprecated option is a warning', () => {
    expect(flags('--detect-broken').warnings).toMatchObject([{ severity: 'warning' }]);
  });

  test.each([
    [['--x'], "scanner-daemon: unrecognized option `--x'\nERROR: Unknown option passed\n"],
    [
      ['-V', '-c'],
      'scanner-daemon: option requires an argument -- c\nERROR: Incomplete option passed (missing argument)\n',
    ],
    [['-h', '--pid='], 'ERROR: Option --pid (-p) requires a non-empty string argument\n'],
    [
      ['--detect-broken', '--foreground=maybe'],
      'WARNING: Ignoring deprecated option --detect-broken\nERROR: Incorrect argument format for option --foreground (-F)\n',
    ],
  ])('%j is refused as clamd does', (args, complaint) => {
    expect(parseCommandLine(args)).toEqual({
      kind: 'done',
      exitCode: 1,
      stdout: '',
      stderr: `${complaint}ERROR: Can't parse command line options\n`,
    });
  });

  test('help goes before version, and either may be taken back', () => {
    expect(parseCommandLine(['-V', '-h'])).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.stringify(parseCommandLine(['-V', '-h']))).toContain('--check-config');
    expect(JSON.stringify(parseCommandLine(['-V']))).toContain('Portcullis scanner-daemon');
    expect(parseCommandLine(['--version=no', '--vers']).kind).toBe('run');
  });

  test('ping and status are questions when they come first, and operands elsewhere', () => {
    expect(parseCommandLine(['ping', '--timeout', '3'])).toEqual({
      kind: 'probe',
      args: ['ping', '--timeout', '3'],
    });
    expect(parseCommandLine(['-F', 'status']).kind).toBe('run');
  });
});
