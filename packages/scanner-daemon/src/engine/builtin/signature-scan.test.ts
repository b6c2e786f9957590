import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bytesInput } from '../engine.js';
import { namesOf, scanAll, testBudget, testEngine } from './testing/test-engine.js';

const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');
const A = hex('ABCD');
const B = hex('EFGH');

/** Each row was put to clamd 1.4.6 (ALLMATCHSCAN); the lists are what it found. */
const BODIES = [
  `${A}*${B}`,
  `${B}*${A}`,
  `${A}{2-4}${B}`,
  `${A}{-4}${B}`,
  `${A}{3-}${B}`,
  `${A}{3}${B}`,
  `${A}??`,
  `${A}{4}`,
  `??${A}`,
  `${A}{5-4}${B}`,
  `${A}[2-4]45`,
  `${A}(45|46)47`,
  `${A}*{4}${B}`,
  '(41|5a)424344',
  '4?424344',
  `${A}{0}${B}`,
  `${A}{-0}${B}`,
  `${A}!(45|46)47`,
  `${A}!(4545|4646)47`,
];
const CLAMD_BODY_CASES: readonly (readonly [string, readonly number[]])[] = [
  ['ABCDEFGH', [0, 3, 6, 7, 13, 14, 15, 16, 18]],
  ['..ABCDEFGH..', [0, 3, 6, 7, 8, 13, 14, 15, 16, 18]],
  ['ABCDxxEFGH', [0, 2, 3, 6, 7, 10, 13, 14, 15, 16]],
  ['ABCDxxxEFGH', [0, 2, 3, 4, 5, 6, 7, 10, 13, 14, 15, 16]],
  ['ABCDxxxxEFGH', [0, 2, 3, 4, 6, 7, 10, 12, 13, 14, 15, 16]],
  ['ABCDxxxxxEFGH', [0, 4, 6, 7, 12, 13, 14, 15, 16]],
  ['..ABCD', [8, 13, 14]],
  ['ABCDx', []],
  ['ABCDEG', [6, 11, 13, 14]],
  ['ABCDEFG', [6, 13, 14, 18]],
  ['ABCDxxE', [6, 10, 13, 14]],
  ['ABCDJG', [6, 13, 14, 17]],
  ['ZBCDxx', [13]],
  ['EFGHABCD', [1, 8, 13, 14]],
  ['ABCDxxxxxxABCDxxEFGHxxxxxxxxxEFGH', [0, 2, 3, 4, 6, 7, 8, 10, 12, 13, 14, 15, 16]],
  ['ABCDXXG', [6, 13, 14, 18]],
  ['ABCDEEG', [6, 13, 14]],
];

const PLACED = [
  `0:${A}`,
  `2:${A}`,
  `2,3:${A}`,
  `EOF-4:${A}`,
  `EOF-8:${A}`,
  `EOF-8,2:${A}`,
  `EOF-8,4:${A}`,
  `EOF-100,300:${A}`,
  `10,:${A}`,
  `99999999999:${A}`,
  `0:${A}*${B}`,
  `0,4:${A}*${B}`,
  `EOF-0:${A}`,
  `0:${A}{1-3}${B}`,
];
const CLAMD_OFFSET_CASES: readonly (readonly [string, readonly number[]])[] = [
  ['..ABCD', [1, 2, 3]],
  ['.....ABCD', [2, 3, 6]],
  ['......ABCD', [3, 6]],
  ['..............ABCD....', [4, 5, 6]],
  ['..............ABCD..', [5, 6]],
  ['............ABCD.', [6]],
  ['ABCDxxEFGH', [0, 10, 11, 13]],
  ['xxABCDxxEFGH', [1, 2, 11]],
  ['xxxxxxxxxABCDxxEFGH', []],
  ['..........ABCD........................', [8]],
  ['ABCD........ABCDxxEFGH', [0, 10, 11]],
];

function numbersFound(names: readonly string[]): number[] {
  return names.map(Number).sort((a, b) => a - b);
}

describe('SignatureScan agrees with clamd', () => {
  const bodies = testEngine({ ndb: BODIES.map((body, index) => `${index}:0:*:${body}`) });
  test.each(CLAMD_BODY_CASES)('body signatures in %s', (text, expected) => {
    expect(numbersFound(namesOf(scanAll(bodies, text)))).toEqual(expected);
  });
  const placed = testEngine({ ndb: PLACED.map((rest, index) => `${index}:0:${rest}`) });
  test.each(CLAMD_OFFSET_CASES)('offsets in %s', (text, expected) => {
    expect(numbersFound(namesOf(scanAll(placed, text)))).toEqual(expected);
  });
});

/** One pair of hex digits as a regular expression over latin1 text: the naive matcher shares no code with ours. */
function byte(pair: string): string {
  if (pair === '??') return '[^]';
  if (pair.endsWith('?')) return `[\\x${pair.charAt(0)}0-\\x${pair.charAt(0)}f]`;
  if (!pair.startsWith('?')) return `\\x${pair}`;
  return `[${Array.from('0123456789abcdef', (high) => `\\x${high}${pair.charAt(1)}`).join('')}]`;
}

/** Tokens of a body, each with its hex text and its own regular expression, over an alphabet of few bytes. */
const letter = fc.constantFrom('61', '62', '63');
const literalToken = letter.map((pair) => ({ body: pair, source: byte(pair) }));
const token = fc.oneof(
  { weight: 8, arbitrary: literalToken },
  {
    weight: 1,
    arbitrary: fc.constantFrom('??', '6?', '?1', '?2').map((pair) => ({ body: pair, source: byte(pair) })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(letter, letter, fc.boolean()).map(([one, other, negated]) => ({
      body: `${negated ? '!' : ''}(${one}|${other})`,
      source: negated ? `(?!${byte(one)}|${byte(other)})[^]` : `(?:${byte(one)}|${byte(other)})`,
    })),
  },
);
const gap = fc.oneof(
  fc.constant({ body: '*', source: '[^]*' }),
  fc.nat(5).map((low) => ({ body: `{${low}-}`, source: `[^]{${low},}` })),
  fc.integer({ min: 1, max: 5 }).map((high) => ({ body: `{-${high}}`, source: `[^]{0,${high}}` })),
  fc.tuple(fc.nat(4), fc.integer({ min: 1, max: 4 })).map(([low, more]) => ({
    body: `{${low}-${low + more}}`,
    source: `[^]{${low},${low + more}}`,
  })),
);
const part = fc
  .tuple(fc.array(token, { maxLength: 4 }), literalToken, literalToken, fc.array(token, { maxLength: 6 }))
  .map(([before, one, two, after]) => [...before, one, two, ...after]);
const bodyArbitrary = fc
  .tuple(part, fc.array(fc.tuple(gap, part), { maxLength: 3 }))
  .map(([first, rest]) => [...first, ...rest.flatMap(([between, next]) => [between, ...next])])
  .map((tokens) => ({
    body: tokens.map((each) => each.body).join(''),
    source: tokens.map((each) => each.source).join(''),
  }))
  .filter(({ body }) => body.length >= 6);
const textArbitrary = fc
  .array(fc.constantFrom('a', 'a', 'a', 'b', 'b', 'c', 'd'), { minLength: 6, maxLength: 60 })
  .map((letters) => letters.join(''));

describe('SignatureScan agrees with a naive matcher', () => {
  test('on random bodies in random texts', () => {
    fc.assert(
      fc.property(bodyArbitrary, textArbitrary, ({ body, source }, text) => {
        const found = namesOf(scanAll(testEngine({ ndb: [`Sig:0:*:${body}`] }), text)).length > 0;
        expect(found).toBe(new RegExp(source).test(text));
      }),
      { numRuns: 1500 },
    );
  });

  test('on random bodies at random offsets', () => {
    fc.assert(
      fc.property(
        bodyArbitrary,
        textArbitrary,
        fc.nat(20),
        fc.nat(6),
        ({ body, source }, text, offset, shift) => {
          const engine = testEngine({
            ndb: [`0:0:${offset},${shift}:${body}`, `1:0:EOF-${offset},${shift}:${body}`],
          });
          const startsIn = (first: number): boolean =>
            Array.from({ length: shift + 1 }, (_none, index) => first + index).some(
              (start) => start < text.length && new RegExp(`^[^]{${start}}(?:${source})`).test(text),
            );
          const expected = [startsIn(offset), offset <= text.length && startsIn(text.length - offset)];
          const names = namesOf(scanAll(engine, text));
          expect([names.includes('0'), names.includes('1')]).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('SignatureScan across windows', () => {
  const MIB = 1 << 20;
  const engine = testEngine({
    ndb: [
      `Long:0:*:${hex('a literal run that is long')}`,
      `Short:0:*:${hex('QRST')}??${hex('UV')}`,
      `Tiny:0:*:${hex('^~')}??${hex('~')}`,
      `Gap:0:*:${hex('first part')}{1000000-1048000}${hex('second part')}`,
    ],
  });

  test.each([-30, -27, -26, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4])(
    'finds what lies %d bytes from the seam',
    (distance) => {
      for (const memoryOffset of [0, 1, 2, 3]) {
        const bytes = Buffer.alloc(2 * MIB + 100 + memoryOffset, '.').subarray(memoryOffset);
        bytes.write('a literal run that is long', MIB + distance, 'latin1');
        bytes.write('QRST-UV', 2 * MIB + distance, 'latin1');
        bytes.write('^~-~', MIB + 60 + distance, 'latin1');
        expect([...namesOf(scanAll(engine, bytes))].sort()).toEqual(['Long', 'Short', 'Tiny']);
      }
    },
  );

  test('finds runs at any distance from the seam when neighbouring windows are aligned differently', () => {
    for (let distance = -10; distance <= 4; distance++) {
      const bytes = Buffer.alloc(MIB + 100, '.');
      bytes.write('a literal run that is long', MIB + distance, 'latin1');
      let reads = 0;
      const input = {
        sizeBytes: bytes.length,
        read: (offset: number, length: number): Uint8Array => {
          const shifted = Buffer.alloc(length + 8);
          const at = ((reads++ * 3) % 4) + 1;
          bytes.copy(shifted, at, offset, offset + length);
          return shifted.subarray(at, at + length);
        },
      };
      expect(namesOf(scanAll(engine, input))).toEqual(['Long']);
    }
  });

  test('follows a bounded gap over two windows, and keeps to its bounds', () => {
    for (const [between, expected] of [
      [999_999, []],
      [1_000_000, ['Gap']],
      [1_048_000, ['Gap']],
      [1_048_001, []],
    ] as const) {
      const text = Buffer.concat([
        Buffer.alloc(700_000, '.'),
        Buffer.from('first part'),
        Buffer.alloc(between, '.'),
        Buffer.from('second part'),
      ]);
      expect(namesOf(scanAll(engine, text))).toEqual(expected);
    }
  });
});

describe('SignatureScan under attack', () => {
  test('stops at the deadline inside one window of nothing but near misses', () => {
    const engine = testEngine({ ndb: [`Sig:0:*:${hex('qzxjkvbpwygm'.repeat(250))}62`] });
    let looks = 0;
    const budget = testBudget({ deadlineAtMs: 10 }, () => looks++);
    const text = Buffer.alloc(1 << 20, 'qzxjkvbpwygm');
    const report = engine.scan(bytesInput(text), { allMatch: true, budget });
    expect(report.verdict).toEqual({ kind: 'incomplete', reason: 'timeLimit' });
    expect(looks).toBeLessThan(13);
  });

  test('stops at the deadline inside a search for a signature with gaps', () => {
    const engine = testEngine({ ndb: ['Sig:0:*:61616161{5000-6000}6161{3-7}6162*6163'] });
    let looks = 0;
    const budget = testBudget({ deadlineAtMs: 4 }, () => looks++);
    const report = engine.scan(bytesInput(Buffer.alloc(1 << 20, 'a')), { allMatch: true, budget });
    expect(report.verdict).toEqual({ kind: 'incomplete', reason: 'timeLimit' });
  });
});

describe('SignatureScan and byte comparisons', () => {
  const engine = testEngine({
    ldb: [
      `Body;Engine:81-255,Target:0;0&1;${hex('length=')};0(>>7#db2#>10)`,
      `Self;Engine:81-255,Target:0;0&1;${hex('length=')};1(>>7#db2#>10)`,
      `Nobody;Engine:81-255,Target:0;0&1;${hex('length=')};9(>>7#db2#>10)`,
    ],
  });
  test('count from the match of a body, and hold behind nothing else', () => {
    expect(namesOf(scanAll(engine, '..length=42 bytes'))).toEqual(['Body']);
    expect(namesOf(scanAll(engine, '..length=09 bytes'))).toEqual([]);
  });
});
