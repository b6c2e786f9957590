import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseArguments, type OptionGrammar } from './getopt.js';

const grammar: OptionGrammar = {
  long: [
    { longName: 'log', needsValue: true },
    { longName: 'log-rotate', needsValue: false },
    { longName: 'file-name', needsValue: true },
    { longName: 'version', needsValue: false },
    { longName: 'check', needsValue: false, noAbbreviation: true },
  ],
  short: new Map([
    ['l', 'log'],
    ['V', 'version'],
  ]),
};

function options(...args: string[]): unknown[] {
  const parsed = parseArguments(args, grammar);
  if (parsed.kind !== 'options') return [parsed.kind, parsed.message];
  return parsed.options.map(({ longName, text }) => (text === undefined ? longName : [longName, text]));
}

describe('parseArguments', () => {
  test.each([
    [
      ['--log', 'a', '--log=b', '-l', 'c', '-ld'],
      [
        ['log', 'a'],
        ['log', 'b'],
        ['log', 'c'],
        ['log', 'd'],
      ],
    ],
    [
      ['--vers', '-Vl', 'x', '-Vlx'],
      ['version', 'version', ['log', 'x'], 'version', ['log', 'x']],
    ],
    [
      ['--log-r=no', '--version', 'no'],
      [['log-rotate', 'no'], 'version'],
    ],
    [['operand', '-', '-V', 'operand'], ['version']],
    [['-V', '--', '-V', '--x'], ['version']],
    [['--log', '-V'], [['log', '-V']]],
    [['--log='], [['log', '']]],
    [['-l', ''], [['log', '']]],
    [['--check'], ['check']],
    [[], []],
  ])('%j', (args, expected) => {
    expect(options(...args)).toEqual(expected);
  });

  // Texts seen with clamd 1.4.6.
  test.each([
    [['--x=1'], ['unknownOption', "unrecognized option `--x=1'"]],
    [['--lo=1'], ['unknownOption', "option `--lo=1' is ambiguous"]],
    [['--=x'], ['unknownOption', "option `--=x' is ambiguous"]],
    [['--chec'], ['unknownOption', "unrecognized option `--chec'"]],
    [['-Vx'], ['unknownOption', 'illegal option -- x']],
    [['--log'], ['missingArgument', "option `--log' requires an argument"]],
    [['--lo'], ['unknownOption', "option `--lo' is ambiguous"]],
    [['--file-'], ['missingArgument', "option `--file-name' requires an argument"]],
    [
      ['-V', '-l'],
      ['missingArgument', 'option requires an argument -- l'],
    ],
  ])('%j is refused', (args, expected) => {
    expect(options(...args)).toEqual(expected);
  });

  test('no command line throws, and what is read is known', () => {
    const word = fc.oneof(
      fc.constantFrom('--log', '--log=', '-l', '-V', '--', '-', '--v', '-Vl'),
      fc.string({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), (args) => {
        const before = [...args];
        const parsed = parseArguments(args, grammar);
        expect(args).toEqual(before);
        if (parsed.kind !== 'options') return;
        for (const { longName } of parsed.options) {
          expect(grammar.long.map((form) => form.longName)).toContain(longName);
        }
      }),
    );
  });
});
