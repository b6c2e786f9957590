import { describe, expect, test } from '@jest/globals';
import { parseFuzzOptions, targetNames } from './options.js';

describe('parseFuzzOptions', () => {
  test('parseFuzzOptions: without arguments every target runs, a minute in all', () => {
    expect(parseFuzzOptions([])).toEqual({
      seconds: 60,
      seed: undefined,
      targets: targetNames,
      inputPath: undefined,
      outDirectory: '.',
    });
  });

  test('parseFuzzOptions: --only narrows, --seed and --seconds are numbers, --help wins', () => {
    expect(
      parseFuzzOptions(['--only', 'daemon', '--only', 'config', '--seed', '0', '--seconds', '5']),
    ).toMatchObject({
      targets: ['config', 'daemon'],
      seed: 0,
      seconds: 5,
    });
    expect(parseFuzzOptions(['--help', '--only', 'nonsense'])).toBe('help');
  });

  test.each([
    [['--seconds', '0']],
    [['--seconds', '1e3']],
    [['--seed', '4294967296']],
    [['--only', 'nonsense']],
    [['--input', 'f']],
    [['--input', 'f', '--only', 'daemon']],
    [['--nonsense']],
  ])('parseFuzzOptions: refuses %j', (args) => {
    expect(() => parseFuzzOptions(args)).toThrow(expect.objectContaining({ code: 'FUZZ_BAD_OPTION' }));
  });
});
