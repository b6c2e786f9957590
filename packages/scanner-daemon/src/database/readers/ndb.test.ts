import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readNdbLine } from './ndb.js';

/** Bodies, and whether clamd 1.4.6 starts with them ("usable", or in words what we cannot use yet). */
const BODY_CASES: readonly (readonly [string, string])[] = [
  ['414243', 'body'],
  ['4142', 'malformed'],
  ['41', 'malformed'],
  ['', 'malformed'],
  ['41zz4344', 'malformed'],
  ['4142434', 'malformed'],
  ['41 424344', 'malformed'],
  ['41??43??45', 'malformed'],
  ['4142??', 'body'],
  ['4A4B4c4d', 'body'],
  ['4?424344', 'body'],
  ['414?4?42434', 'malformed'],
  ['??41424344', 'body'],
  ['41424344??', 'body'],
  ['{4}41424344', 'body'],
  ['{4-5}41424344', 'malformed'],
  ['*41424344', 'malformed'],
  ['41424344*', 'malformed'],
  ['41424344{4}', 'body'],
  ['41424344{2-3}', 'malformed'],
  ['41424344*{4}', 'malformed'],
  ['41424344**45464748', 'malformed'],
  ['41424344*{4}45464748', 'body'],
  ['41424344{2}{4}45464748', 'body'],
  ['41424344{5-4}41424344', 'body'],
  ['41424344{-0}45464748', 'body'],
  ['41424344{99999}45464748', 'body'],
  ['41424344{10-99999999}45464748', 'body'],
  ['41424344*41', 'malformed'],
  ['41424344*4142', 'body'],
  ['41424344*41??42', 'malformed'],
  ['4142{4-5}??{2-3}4142', 'malformed'],
  ['41424344[2-4]41', 'body'],
  ['41[2-4]41424344', 'body'],
  ['41424344[3]41', 'body'],
  ['41424344[2-40]45', 'malformed'],
  ['41424344[2-4]4546', 'malformed'],
  ['4142(43|44)', 'body'],
  ['(41|42)41424344', 'body'],
  ['(4142|4344)', 'malformed'],
  ['41424344(41)4546', 'body'],
  ['41424344(|42)4546', 'malformed'],
  ['41424344!(41|42)4849', 'body'],
  ['41424344!(4142|4343)4849', 'body'],
  ['41424344(4546|47)4849', 'unsupported'],
  ['41424344(4?|47)4849', 'unsupported'],
  ['41424344((41|42)|43)4546', 'unsupported'],
  ['(B)41424344(L)', 'unsupported'],
];

/** Offsets for any target and for PE. */
const OFFSET_CASES: readonly (readonly [string, string, string])[] = [
  ['*', 'body', 'body'],
  ['0', 'body', 'body'],
  ['10,', 'body', 'body'],
  ['10,5', 'body', 'body'],
  ['EOF-5', 'body', 'body'],
  ['EOF-5,2', 'body', 'body'],
  ['EOF-0', 'body', 'body'],
  ['99999999999', 'body', 'body'],
  ['EOF', 'malformed', 'malformed'],
  ['EOF+1', 'malformed', 'malformed'],
  ['*,5', 'malformed', 'malformed'],
  ['-5', 'malformed', 'malformed'],
  ['0x10', 'malformed', 'malformed'],
  ['10,x', 'malformed', 'malformed'],
  ['5+3', 'malformed', 'malformed'],
  ['EP+0', 'malformed', 'unsupported'],
  ['EP-3,4', 'malformed', 'unsupported'],
  ['S0+4', 'malformed', 'unsupported'],
  ['SE0', 'malformed', 'unsupported'],
  ['SL+3', 'malformed', 'unsupported'],
  ['VI', 'malformed', 'unsupported'],
];

const LINE_CASES: readonly (readonly [string, string])[] = [
  ['T:0:*:41424344:', 'body'],
  ['T:0:*:41424344:1:', 'body'],
  ['T:0:*:41424344:1:255', 'body'],
  ['T:0:*:zz:216', 'malformed'],
  ['T:0:*:zz:217', 'otherLevel'],
  ['T:x:*:zz:217', 'otherLevel'],
  ['T:0:*:zz:1:215', 'otherLevel'],
  ['T:0:*:zz:1:216', 'malformed'],
  ['T:0:*:41424344:x', 'malformed'],
  ['T:0:*:41424344:1:255:9', 'malformed'],
  [':0:*:41424344', 'malformed'],
  ['T:x:*:41424344', 'malformed'],
  ['junk', 'malformed'],
  ['', 'malformed'],
  ['T:99:*:41424344', 'unsupported'],
  ['T:8:*:41424344', 'unsupported'],
  ['T:3:*:41424344', 'unsupported'],
  ['T:12:*:41424344', 'body'],
];

describe('readNdbLine', () => {
  test.each(BODY_CASES)('body %s is %s', (body, expected) => {
    expect(readNdbLine(`T:0:*:${body}`).kind).toBe(expected);
  });
  test.each(OFFSET_CASES)('offset %s is %s for any target and %s for PE', (offset, any, pe) => {
    expect([0, 1].map((target) => readNdbLine(`T:${target}:${offset}:41424344`).kind)).toEqual([any, pe]);
  });
  test.each(LINE_CASES)('%s is %s', (line, expected) => {
    expect(readNdbLine(line).kind).toBe(expected);
  });

  test('takes a signature apart', () => {
    const read = readNdbLine('Name:1:EOF-16,4:4a?b{-3}4142(43|44)');
    expect(read).toMatchObject({ kind: 'malformed' });
    expect(readNdbLine('Name:1:EOF-16,4:4a4b?c{-3}4142(43|44)')).toEqual({
      kind: 'body',
      name: 'Name',
      target: 1,
      offset: { kind: 'fromEnd', fromEnd: 16, maxShift: 4 },
      parts: [
        {
          gapMinBytes: 0,
          gapMaxBytes: 0,
          values: Uint8Array.of(0x4a, 0x4b, 0x0c),
          masks: Uint8Array.of(0xff, 0xff, 0x0f),
          alternatives: [],
        },
        {
          gapMinBytes: 0,
          gapMaxBytes: 3,
          values: Uint8Array.of(0x41, 0x42, 0),
          masks: Uint8Array.of(0xff, 0xff, 0),
          alternatives: [
            { partOffset: 2, lengthBytes: 1, negated: false, options: [Buffer.of(0x43), Buffer.of(0x44)] },
          ],
        },
      ],
    });
  });

  test('never throws, whatever the body', () => {
    const piece = fc.constantFrom(
      '41',
      '42',
      '??',
      '4?',
      '*',
      '{',
      '}',
      '[',
      ']',
      '(',
      ')',
      '|',
      '!',
      '-',
      '3',
      '{2-3}',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        expect(readNdbLine(`T:0:*:${pieces.join('')}`).kind).toMatch(/^(body|malformed|unsupported)$/);
      }),
    );
  });
});
