import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseCommandLine } from './command-line.js';
import type { ClientFlags, CommandLine } from './command-line.js';
import { CLIENT_GRAMMAR, HELP } from './command-line-options.js';

const PLAIN: ClientFlags = {
  configFile: undefined,
  envFile: undefined,
  logFile: undefined,
  watchListFile: undefined,
  excludeListFile: undefined,
  verbose: false,
  foreground: false,
  ping: undefined,
  wait: false,
  action: { kind: 'none' },
  transfer: undefined,
  allMatch: false,
  multiscan: false,
  infected: false,
  quiet: false,
};

function run(line: string): CommandLine {
  return parseCommandLine(line.split(' ').filter((word) => word !== ''));
}

describe('parseCommandLine', () => {
  test.each<[string, Partial<ClientFlags>]>([
    ['', {}],
    ['/an/operand and another', {}],
    ['-v -F', { verbose: true, foreground: true }],
    ['-vFc/x', { verbose: true, foreground: true, configFile: '/x' }],
    ['--conf /x --fore=yes', { configFile: '/x', foreground: true }],
    ['--foreground=no', {}],
    ['-l /log -W/w -e /e', { logFile: '/log', watchListFile: '/w', excludeListFile: '/e' }],
    ['--include-list=/w', { watchListFile: '/w' }],
    ['--env-file /e', { envFile: '/e' }],
    ['--remove', { action: { kind: 'remove' } }],
    ['--remove --copy=/c', { action: { kind: 'copy', directory: '/c' } }],
    ['--remove --copy=/c --move /m', { action: { kind: 'move', directory: '/m' } }],
    ['--fdpass', { transfer: 'descriptor' }],
    ['--fdpass --stream', { transfer: 'stream' }],
    [
      '-z -m -i --quiet --stdout --fips-limits',
      { allMatch: true, multiscan: true, infected: true, quiet: true },
    ],
    ['-w -p 3', { wait: true, ping: { attempts: 3, intervalSeconds: 1 } }],
    ['-c /first -c /second', { configFile: '/first' }],
    ['-F -- --remove', { foreground: true }],
  ])('%p starts with %p', (line, flags) => {
    expect(run(line)).toEqual({ kind: 'run', task: 'start', flags: { ...PLAIN, ...flags }, warnings: [] });
  });

  test.each([
    ['-V', 'version'],
    ['-V -p 2', 'version'],
    ['-p 2', 'ping'],
    ['-wp 2', 'start'],
    ['--check-config -V', 'checkConfig'],
  ])('%s means %s', (line, task) => {
    expect(run(line)).toMatchObject({ kind: 'run', task });
  });

  test.each([
    ['3', 3, 1],
    ['3:', 3, 1],
    ['3:0', 3, 0],
    ['3:20', 3, 20],
    ['0', 1, 1],
    ['007', 7, 1],
  ])('--ping=%s is %d tries, %d s apart', (text, attempts, intervalSeconds) => {
    expect(run(`--ping=${text}`)).toMatchObject({ flags: { ping: { attempts, intervalSeconds } } });
  });

  test.each(['abc', '-1', '1:abc', '1:2:3', '1x', ':1', '9999999', '1:99999', '12345678'])(
    '--ping=%s is refused',
    (text) => {
      expect(run(`--ping=${text}`)).toMatchObject({
        kind: 'done',
        exitCode: 2,
        stderr: expect.stringMatching(/^ERROR: Incorrect argument format for option --ping \(-p\)/),
      });
    },
  );

  test('options of clamscan are warned of and left alone, with their values', () => {
    expect(run('-r --max-filesize 3 -d /db --scan-pe=whatever -F')).toEqual({
      kind: 'run',
      task: 'start',
      flags: { ...PLAIN, foreground: true },
      warnings: [
        'WARNING: Ignoring unsupported option --recursive (-r)',
        'WARNING: Ignoring unsupported option --max-filesize',
        'WARNING: Ignoring unsupported option --database (-d)',
        'WARNING: Ignoring unsupported option --scan-pe',
      ],
    });
  });

  test.each([
    ['--bogus', "onacc-client: unrecognized option `--bogus'\nERROR: Unknown option passed\n"],
    ['-Q', 'onacc-client: illegal option -- Q\nERROR: Unknown option passed\n'],
    ['--l=x', "onacc-client: option `--l=x' is ambiguous\nERROR: Unknown option passed\n"],
    ['--include-l=/w', "onacc-client: unrecognized option `--include-l=/w'\nERROR: Unknown option passed\n"],
    [
      '--log',
      "onacc-client: option `--log' requires an argument\nERROR: Incomplete option passed (missing argument)\n",
    ],
    ['--log=', 'ERROR: Option --log (-l) requires a non-empty string argument\n'],
    ['--fdpass=maybe', 'ERROR: Incorrect argument format for option --fdpass\n'],
    ['--verbose=yes#1', 'ERROR: Incorrect argument format for option --verbose (-v)\n'],
    [
      '-r --remove=2',
      'WARNING: Ignoring unsupported option --recursive (-r)\nERROR: Incorrect argument format for option --remove\n',
    ],
  ])('%s is refused with exit code 2', (line, stderr) => {
    const end = "ERROR: Clamonacc: can't parse command line options\n";
    expect(run(line)).toEqual({ kind: 'done', exitCode: 2, stdout: '', stderr: `${stderr}${end}` });
  });

  test('--help prints and goes before the rest', () => {
    expect(run('-hV --ping=abc')).toEqual({ kind: 'done', exitCode: 0, stdout: HELP, stderr: '' });
  });

  test('every option that has a meaning is in the help', () => {
    const named = CLIENT_GRAMMAR.long.slice(0, 24).map(({ longName }) => longName);
    expect(named.filter((name) => !HELP.includes(`--${name}`))).toEqual([]);
  });

  test.each(['status', 'doctor', 'quarantine'])('%s as the first word takes the rest for itself', (name) => {
    expect(run(`${name} --json -x`)).toEqual({ kind: 'subcommand', name, args: ['--json', '-x'] });
    expect(run(`-F ${name}`)).toMatchObject({ kind: 'run', task: 'start' });
  });

  test('any words at all lead to one of the outcomes', () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom('-', '--', '-p', '--ping', '--log=', ...CLIENT_GRAMMAR.short.keys()),
    );
    fc.assert(
      fc.property(fc.array(word), (args) => {
        expect(['run', 'subcommand', 'done']).toContain(parseCommandLine(args).kind);
      }),
    );
  });
});
