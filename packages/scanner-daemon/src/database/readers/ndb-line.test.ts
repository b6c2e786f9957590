import { describe, expect, test } from '@jest/globals';
import { readNdbLine } from './ndb-line.js';

/** Offsets, and what clamscan 1.4.6 makes of them for any target and for PE, ELF and Mach-O. */
const OFFSETS: readonly (readonly [string, string, string])[] = [
  ['*', 'any', 'any'],
  ['', 'absolute', 'absolute'],
  ['10', 'absolute', 'absolute'],
  ['10,', 'absolute', 'absolute'],
  ['10,5', 'absolute', 'absolute'],
  ['EOF-5,2', 'fromEnd', 'fromEnd'],
  ['EOF-', 'fromEnd', 'fromEnd'],
  ['$31$', 'macroGroup', 'macroGroup'],
  ['$1', 'macroGroup', 'macroGroup'],
  ['EP+0', 'malformed', 'entryPoint'],
  ['EP-3,4', 'malformed', 'entryPoint'],
  ['S0+4', 'malformed', 'section'],
  ['SE0', 'malformed', 'withinSection'],
  ['SE', 'malformed', 'withinSection'],
  ['SL+3', 'malformed', 'lastSection'],
  ['VI', 'malformed', 'versionInfo'],
  ['VIx', 'malformed', 'versionInfo'],
  ...[
    'EOF',
    'EOF+1',
    '*,5',
    '-5',
    '0x10',
    '10,x',
    '10,5,6',
    '5+3',
    ' 5',
    'EP',
    'EP3',
    'S0',
    'S0-4',
    'S0+',
    'SL',
    'SEx',
  ].map((text) => [text, 'malformed', 'malformed'] as const),
  ['$32$', 'malformed', 'malformed'],
  ['$$', 'malformed', 'malformed'],
];

const LINES: readonly (readonly [string, string])[] = [
  ['T:0:*:41424344:', 'extended'],
  ['T:0:*:41424344:1:255', 'extended'],
  ['T:0:*:41424344::255', 'extended'],
  ['T:0:*:41424344:1:', 'otherLevel'],
  ['T:0:*:41424344::', 'otherLevel'],
  ['T:0:*:zz:216', 'malformed'],
  ['T:0:*:zz:217', 'otherLevel'],
  ['T:x:*:zz:217', 'otherLevel'],
  ['T:0:*:zz:1:215', 'otherLevel'],
  ['T:0:*:41424344:x', 'malformed'],
  ['T:0:*:41424344::i', 'malformed'],
  ['T:0:*:41424344:1:255:9', 'malformed'],
  [':0:*:41424344', 'malformed'],
  ['junk', 'malformed'],
  ['', 'malformed'],
  ['T:x:*:41424344', 'malformed'],
  ['T:+1:*:41424344', 'malformed'],
  ['T::*:41424344', 'extended'],
  ['T:4294967296:*:41424344', 'extended'],
  ['T:14:*:41424344', 'extended'],
  ['T:15:*:41424344', 'otherLevel'],
  ['T:99:*:zz', 'otherLevel'],
  ['T:0:*:4142', 'malformed'],
  ['T:0:*:4142??', 'extended'],
  ['T:0:*:(B)4142', 'extended'],
  ['T:0:*:41[2-4]4142', 'extended'],
  ['T:0:5:41[2-4]4142', 'unsupported'],
];

describe('readNdbLine', () => {
  test.each(OFFSETS)('offset %j is %s for any target and %s for executables', (offset, any, executable) => {
    const kinds = [0, 2, 1, 6, 9].map((target) => {
      const read = readNdbLine(`T:${target}:${offset}:41424344`);
      return read.kind === 'extended' ? read.pattern.offset.kind : read.kind;
    });
    expect(kinds).toEqual([any, any, executable, executable, executable]);
  });
  test.each(LINES)('%s is %s', (line, expected) => {
    expect(readNdbLine(line).kind).toBe(expected);
  });
  test('numbers of offsets wrap at 32 bits', () => {
    expect(readNdbLine('T:1:EP-4294967297,4294967298:41424344')).toMatchObject({
      pattern: { offset: { kind: 'entryPoint', delta: -1, maxShift: 2 } },
    });
  });
});
