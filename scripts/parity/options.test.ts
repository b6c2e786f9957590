import { describe, expect, test } from '@jest/globals';
import { parseParityOptions } from './options.js';

describe('parseParityOptions', () => {
  test('nothing asked for: the official set, FILDES, /usr', () => {
    expect(parseParityOptions([])).toEqual({
      databases: [],
      engine: 'auto',
      modes: ['fildes'],
      confLines: [],
      environment: {},
      filesMax: undefined,
      shownMax: 200,
      trees: ['/usr'],
    });
  });

  test('everything asked for; modes come in one order, each once', () => {
    const args = [
      '--database',
      'a.ndb',
      '--database',
      '/d',
      '--engine',
      'libclamav',
      '--mode',
      'instream,scan',
    ];
    const more = ['--mode', 'scan', '--conf-line', 'AlertEncrypted yes', '--env', 'SCANNER_ISOLATION=no'];
    expect(parseParityOptions([...args, ...more, '--limit', '10', '--show', '0', '/a', 'b'])).toEqual({
      databases: ['a.ndb', '/d'],
      engine: 'libclamav',
      modes: ['scan', 'instream'],
      confLines: ['AlertEncrypted yes'],
      environment: { SCANNER_ISOLATION: 'no' },
      filesMax: 10,
      shownMax: 0,
      trees: ['/a', 'b'],
    });
  });

  test('--help wins', () => {
    expect(parseParityOptions(['--help'])).toBe('help');
  });

  test.each([
    ['an unknown option', ['--nope']],
    ['an unknown engine', ['--engine', 'yara']],
    ['an unknown mode', ['--mode', 'scan,nope']],
    ['an empty mode', ['--mode', '']],
    ['no files', ['--limit', '0']],
    ['a limit that is no number', ['--limit', '1e3']],
    ['two lines in one', ['--conf-line', 'A yes\nB yes']],
    ['an empty line', ['--conf-line', ' ']],
    ['an option that the comparison sets', ['--conf-line', 'LocalSocket /run/clamd.sock']],
    ['the same in other letters', ['--conf-line', ' databasedirectory /x']],
    ['a variable that is not ours', ['--env', 'PATH=/']],
    ['a variable without a value', ['--env', 'SCANNER_THREADS']],
    ['the engine as a variable', ['--env', 'SCANNER_ENGINE=auto']],
  ])('%s is refused', (_what, args) => {
    expect(() => parseParityOptions(args)).toThrow(expect.objectContaining({ code: 'PARITY_BAD_OPTION' }));
  });

  test('an option whose name only begins like a reserved one is passed on', () => {
    expect(parseParityOptions(['--conf-line', 'LogFileMaxSize 1M'])).toMatchObject({
      confLines: ['LogFileMaxSize 1M'],
    });
  });
});
