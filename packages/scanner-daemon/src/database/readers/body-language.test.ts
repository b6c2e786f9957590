import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { BodyParts } from '../model/body-pattern.js';
import { readBody } from './body-language.js';
import { readModifiers } from './body-modifiers.js';

const TARGET_ANY = 0;
const TARGET_OLE2 = 2;

/** Each loads into clamscan 1.4.6 as a subsignature, with the modifiers behind `::`. */
const ACCEPTED = `4142 414243 4142?? 4A4B4c4d 4?4142 ??41424344 {4}41424344 41424344{127} 4142{127}43 4142{128}4344
  41424344{0}45464748 4142{}4344 4142{-}4344 4142{+3}4344 4142{3--4}4344 4142{4294967296}4344 4142{5-4}4344 4142*{3}4344
  4142{3}{4}4344 4142{1}4344{2-3}4546 4142{2-3}4344{1}4546 41424344[0]45 41424344[2-4]45 41424344[4-]45 41424344[32]45
  41[2-4]454647[2-4]41 4142[2-4]43*4445[2-4]46 41424344[2-4]?? 41424344{3}[2-4]45 4142(43|44) (41|42)4142 (41)4142
  4142(43|4445)(46|4748)49 4142(41|4?)43 4142(41|)43 4142(41{127}42|43)44 4142((41|42)|43)44 4142(41(42(43|44)|45)|46)47
  4142!(41|42)43 4142!(4142|4344)45 (B)4142 4142(B) 4142(B)43 !(L)4142 4142!(W)43 4142(W)(W)43 41??(B)4243 4142*(B)4344
  (41|4243)(B)4445 (41|42)(43|44)4546 41::w 4142::f 41424344::i 41424344::iwfa 41424344:: 4142[2-3]4344::w 4142(B)::f`;

/** clamscan refuses to start with each of them. */
const REFUSED = `41 4142434 41?? 4?42 ?1?2 zz41 *4142 4142* 4142{4}* 4142{128} 4142{2-3} 41{3}42 4142{128}43 4142{a}4344 4142{1a}4344
  4142{2147483648}4344 4142{-3-4}4344 4142**4344 4142*{5-6}4344 4142{2-3}{1}4344 4142{2-3}4344{1} 4142{2-3}4344(41{1}42|43)45
  41424344[-4]45 41424344[4-2]45 41424344[2-33]45 41424344[2-4]4546 41[2-4]45 4142[2-4]45[2-4]4647 41424344[2-4]
  41424344[2-4](45|46) 41424344[2-4]45?? (41|42) (4142|4344) (41|42)43(44|45) 4142() 4142(41 4142)41 4142(41|42?)43 4142(|41)43
  4142(41{128}42|43)44 4142(41{1-3}42|43)44 4142(41*42|43)44 4142!41 4142!(4?)43 4142!(41|4243)44 4142!((41|42)|43)44
  4142!(41|42)43::i 4142!(41|42)43::a 41(B)4243 (41|42)(B)4344 ??(B)4142 41(4?|42)4142 ??(4142|4344)4546 (b)4142 4142(41|B)43 (B)
  41::i 41::wa 4142[2-3]43::f 4142|43 4142-43`;

function read(text: string, target = TARGET_ANY): ReturnType<typeof readBody> {
  const [body = '', letters = ''] = text.split('::');
  const modifiers = readModifiers(letters);
  if (modifiers === undefined) throw new TypeError(letters);
  return readBody(body, target, modifiers);
}

/** `41 4?(43|44)` with gaps as `{2-3}`: the parts in a form that can be read. */
function shown(parts: BodyParts): string {
  return parts
    .map((part, index) => {
      const gap = index === 0 ? '' : `{${part.gapMinBytes}-${part.gapMaxBytes}}`;
      const bytes = Array.from(part.values, (value, at) => hex(value, part.masks[at] ?? 0)).join('');
      const alternatives = part.alternatives.map(
        ({ partOffset, negated, options }) =>
          `${negated ? '!' : ''}@${partOffset}(${options.map(({ values, masks }) => Array.from(values, (value, at) => hex(value, masks[at] ?? 0)).join('')).join('|')})`,
      );
      const boundaries = part.boundaries.map(
        ({ partOffset, kind, negated }) => `${negated ? '!' : ''}@${partOffset}${kind}`,
      );
      return gap + [bytes, ...alternatives, ...boundaries].join(' ');
    })
    .join(' ');
}

function hex(value: number, mask: number): string {
  if (mask === 0xdf) return `~${value.toString(16)}`;
  const digits = value.toString(16).padStart(2, '0');
  return ((mask & 0xf0) === 0 ? '?' : digits.charAt(0)) + ((mask & 0x0f) === 0 ? '?' : digits.charAt(1));
}

describe('readBody', () => {
  test.each(ACCEPTED.split(/\s+/))('accepts %s', (text) => {
    expect(read(text).kind).toBe('variants');
  });
  test.each(REFUSED.split(/\s+/))('refuses %s', (text) => {
    expect(read(text).kind).toBe('malformed');
  });

  /** clamscan 1.4.6 takes them, and finds the first in the bytes 41 42 43 4f f4 00 45 46. */
  test.each([
    ['4142434{1}4{1}4546', '4142434??4??4546'],
    ['4142434{+01}4{1}4546', '4142434??4??4546'],
  ])('a short gap in %s may begin within a byte', (text, expected) => {
    const content = read(text);
    expect(content.kind === 'variants' ? content.variants.map(shown) : content).toEqual([expected]);
  });
  test.each(['4142434{1}4546', '4142434{128}4{1}4546', '4142434{1-1}4{1}4546', '4142434{}4{}4546'])(
    'refuses %s',
    (text) => {
      expect(read(text).kind).toBe('malformed');
    },
  );

  test('targets without a filter take alternatives behind the first byte', () => {
    expect(read('22(4e74|5a77)4142', TARGET_OLE2).kind).toBe('variants');
  });

  test.each([
    ['41?24?', 'malformed'],
    ['4142?34?', '4142?34?'],
    ['4142*4344', '4142 {0-Infinity}4344'],
    ['4142{0}4344', '4142 {0-Infinity}4344'],
    ['4142{200}4344', '4142 {200-200}4344'],
    ['4142{3--4}4344', '4142 {3-4}4344'],
    ['4142{2}43', '4142????43'],
    ['4142[2-]43', '4142 {2-2}43'],
    ['4142[2-4]4?', '4142'],
    ['??[2-4]4142', '4142'],
    ['4142(43|44)', '4142?? @2(43|44)'],
    ['4142!(43|44)', '4142?? !@2(43|44)'],
    ['4142(43|)44', '41424344'],
    ['4142(43|4445)46', '41424346 / 4142444546'],
    ['(B)4142(L)', '4142 @0wordBefore @2lineAfter'],
    ['4142(L)43', '41420a43 / 41420d0a43'],
    ['4142!(L)43', '4142??43 !@2(0a)'],
    ['4142::f', '4142 @0nonAlphanumericBefore @2nonAlphanumericAfter'],
    ['4142::wf', '41004200 @0wideNonAlphanumericBefore @4wideNonAlphanumericAfter'],
    ['5b41::i', '5b~41'],
    ['414233::wai', '~41~4233 / ~4100~42003300'],
    ['4142??::w', '41004200??00'],
    ['4142{1}43::w', '41004200??4300'],
    ['41426?::i', '~41~42?? @2(6?|41|42|44|48)'],
    ['41424?::i', '~41~424?'],
  ])('%s stands for %s', (text, expected) => {
    const content = read(text);
    const actual = content.kind === 'variants' ? content.variants.map(shown).join(' / ') : content.kind;
    expect(actual).toBe(expected);
  });

  test('the number of variants is bounded', () => {
    expect(read(`4142${'(41|4243)'.repeat(9)}`).kind).toBe('unsupported');
    expect(read(`4142(${'(41|42)'.repeat(20)})`).kind).toBe('unsupported');
  });

  test('never throws, whatever the body', () => {
    const pieces = '41 42 ?? 4? * { } [ ] ( ) | ! - 3 {2-3} {2} [2-3] (41|42) (41|4243) (B) (L) !(W) !(41)';
    const piece = fc.constantFrom(...pieces.split(' '));
    const letters = fc.constantFrom('', 'i', 'w', 'wa', 'f', 'iwfa');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), letters, (body, modifiers) => {
        expect(read(`${body.join('')}::${modifiers}`).kind).toMatch(/^(variants|malformed|unsupported)$/);
      }),
    );
  });
});

describe('readBody and the part that it builds', () => {
  const read = (text: string, modifiers: string): ReturnType<typeof readBody> =>
    readBody(text, TARGET_ANY, readModifiers(modifiers));

  test('counts the zero bytes of a wide literal in the longest part there may be', () => {
    expect(read('41'.repeat(4096), 'w').kind).toBe('variants');
    expect(read('41'.repeat(4097), 'w').kind).toBe('unsupported');
  });

  test('a byte before a short gap leaves nothing of itself in the part behind', () => {
    const body = read('6?[0-5]61626364', 'i');
    if (body.kind !== 'variants') throw new Error(body.kind);
    for (const parts of body.variants)
      for (const { alternatives, values } of parts)
        for (const { partOffset, lengthBytes, options } of alternatives) {
          expect(partOffset + lengthBytes).toBeLessThanOrEqual(values.length);
          expect(options.some((option) => option.values[0] === 0x61)).toBe(false);
        }
  });
});
