import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compilePcre } from './compile-pcre.js';
import { PcreMachine } from './pcre-machine.js';

const LIMITS = { matchLimit: 100_000, recursionLimit: 2000, mayContinue: () => true };
const machine = new PcreMachine();

function find(pattern: string, text: string, flags = ''): string | undefined {
  const compilation = compilePcre(pattern, flags);
  if (compilation.kind !== 'program') throw new Error(compilation.reason);
  const outcome = machine.search(compilation.program, Buffer.from(text, 'latin1'), 0, LIMITS);
  return outcome === 'found' ? text.slice(machine.matchStart, machine.matchEnd) : undefined;
}

describe('expressions in the syntax of PCRE2', () => {
  test.each<[string, string, string, string | undefined]>([
    ['a.c', 'a\nc abc', '', 'abc'],
    ['a.c', 'a\nc', 's', 'a\nc'],
    ['LINE', 'line', 'i', 'line'],
    ['^b$', 'a\nb\nc', 'm', 'b'],
    ['b$', 'ab\n', '', 'b'],
    ['b$', 'ab\n', 'E', undefined],
    ['b\\z', 'ab\n', '', undefined],
    ['b\\Z', 'ab\n', '', 'b'],
    ['a b # c', 'ab', 'x', 'ab'],
    ['a+', 'aaa', 'U', 'a'],
    ['a+?', 'aaa', 'U', 'aaa'],
    ['a++a', 'aaa', '', undefined],
    ['(?>a+)a', 'aaa', '', undefined],
    ['(?>a|ab)c', 'abc', '', undefined],
    ['(?i)A(?-i)b', 'ab aB', '', 'ab'],
    ['(?i:A)b', 'ab', '', 'ab'],
    ['(?<q>[ab])x(?P=q)', 'axb bxb', '', 'bxb'],
    ['(?P<q>a)\\k<q>\\k{q}', 'aaa', '', 'aaa'],
    ['(a)(b)?\\2', 'a', '', undefined],
    ['(a)|b\\1', 'b', '', undefined],
    ['(a)\\1', 'aA', 'i', 'aA'],
    ['(?:(a)|b)*\\1', 'aba', '', 'aba'],
    ['(?=ab)a', 'ac ab', '', 'a'],
    ['a(?!b)', 'abac', '', 'a'],
    ['(?<!x)ab', 'xab ab', '', 'ab'],
    ['(?<=x|yy)ab', 'yab yyab', '', 'ab'],
    ['(?(?=a)ab|cd)', 'cd', '', 'cd'],
    ['(a)?(?(1)b|c)', 'ab', '', 'ab'],
    ['\\bab\\b', 'cab ab', '', 'ab'],
    ['a\\Kb', 'ab', '', 'b'],
    ['[]a]+', 'x]a]', '', ']a]'],
    ['[^]a]+', ']xa', '', 'x'],
    ['[[:alpha:]-]+', '1a-b2', '', 'a-b'],
    ['[\\x20-\\x22\\d]+', 'a !"7b', '', ' !"7'],
    ['[\\w-]+', ' a-b ', '', 'a-b'],
    ['\\x{41}\\x42\\103\\o{104}', 'ABCD', '', 'ABCD'],
    ['\\Qa.b\\E+', 'a.bb', '', 'a.bb'],
    ['a{2}', 'aaa', '', 'aa'],
    ['a{,2}', 'a{,2}', '', 'a{,2}'],
    ['a{1,}?b', 'aab', '', 'aab'],
    ['(?:ab){2,3}', 'abababab', '', 'ababab'],
    ['(?:ab){2,3}?', 'abababab', '', 'abab'],
    ['(?:)*a', 'a', '', 'a'],
    ['(?:a*)*b', 'aab', '', 'aab'],
    ['(a*)+', 'aab', '', 'aa'],
    ['\\R', '\r\n', '', '\r\n'],
    ['\\x80.\\xff', '\x80\xe9\xff', '', '\x80\xe9\xff'],
    ['\\xe9', '\xc9', 'i', undefined],
    ['[^\\xe9]', '\xc9', 'i', '\xc9'],
    ['\\s', '\xa0\x85\x0b', '', '\x0b'],
    ['x|(?#no)y', 'y', '', 'y'],
  ])('/%s/ in %j with flags %j finds %j', (pattern, text, flags, found) => {
    expect(find(pattern, text, flags)).toBe(found);
  });

  /** Each was shown to clamscan 1.4.6, which takes what is not supported here. */
  test.each([
    ['a(?R)?', 'unsupported'],
    ['(a)(?1)', 'unsupported'],
    ['(?P<n>a)(?P>n)', 'unsupported'],
    ['(?|(a)|(b))', 'unsupported'],
    ['(?C1)a', 'unsupported'],
    ['\\pL', 'unsupported'],
    ['\\p{Lu}', 'unsupported'],
    ['\\pplication', 'unsupported'],
    ['(?(DEFINE)a)', 'unsupported'],
    ['(?(R)a)', 'unsupported'],
    ['(?(R&n)a)(?<n>b)', 'unsupported'],
    ['(?Rx', 'malformed'],
    ['(?P<a-b>c)', 'malformed'],
    ['(?P=a b)', 'malformed'],
    ['(?-F)', 'malformed'],
    ['\\pr', 'malformed'],
    ['\\p1', 'malformed'],
    ['(?(a', 'malformed'],
    ['(?(=a)b)', 'malformed'],
    ['\\987', 'malformed'],
    ['\\81', 'malformed'],
    ['\\127', 'program'],
  ])('%s is %s', (pattern, kind) => {
    expect(compilePcre(pattern, '').kind).toBe(kind);
  });

  /** clamscan 1.4.6 takes 250 and refuses 251. */
  test.each(['(', '(?:', '(?='])('brackets %s may be 250 deep', (open) => {
    const nested = (depth: number): string => `${open.repeat(depth)}a${')'.repeat(depth)}`;
    expect(compilePcre(nested(250), '').kind).toBe('program');
    expect(compilePcre(nested(251), '').kind).toBe('malformed');
  });

  /** The same limit as in clamscan 1.4.6. */
  test('a look-behind goes back 65,535 bytes', () => {
    expect(compilePcre('(?<=a{65535})b', '').kind).toBe('program');
    expect(compilePcre('(?<=(?:a{1000}){66})b', '').kind).toBe('malformed');
  });

  test.each([
    ['many runs', '[^a]*'.repeat(6000), 'program'],
    [
      'many runs that can be left out, in brackets',
      `${'('.repeat(250)}${'a?'.repeat(15_000)}${')'.repeat(250)}`,
      'program',
    ],
    ['nothing, very often', '(?:(?:(?:){65535}){65535}){65535}', 'unsupported'],
    ['much', '(?:abcdefghij){65535}', 'unsupported'],
    ['a condition in a condition', `${'(?(?='.repeat(60)}a${')b|c)'.repeat(60)}`, 'unsupported'],
  ])('%s is compiled or given up in little time', (_, pattern, kind) => {
    const startedMs = performance.now();
    expect(compilePcre(pattern, '').kind).toBe(kind);
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });

  test('asks for the time where each start has thousands of groups to forget', () => {
    const compilation = compilePcre(`(?!)${'(a)'.repeat(8000)}`, '');
    if (compilation.kind !== 'program') throw new Error(compilation.reason);
    let asked = 0;
    const mayContinue = (): boolean => ++asked > 0;
    expect(
      machine.search(compilation.program, Buffer.alloc(20_000, 'a'), 0, { ...LIMITS, mayContinue }),
    ).toBe('none');
    expect(asked).toBeGreaterThan(10);
  });

  test('agrees with JavaScript where both mean the same', () => {
    const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '(?:a|b)', '(a)', '(b|ab)', '\\b');
    const repeat = fc.constantFrom('', '', '*', '+?', '?', '{1,2}', '*?', '??');
    const piece = fc.tuple(atom, repeat).map(([a, r]) => (a === '\\b' ? a : a + r));
    const pattern = fc
      .array(
        fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join('')),
        { maxLength: 3 },
      )
      .map((branches) => branches.join('|'));
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' '), maxLength: 12 });
    fc.assert(
      fc.property(pattern, text, (expression, subject) => {
        expect(find(expression, subject)).toBe(new RegExp(expression).exec(subject)?.[0]);
      }),
      { numRuns: 2000 },
    );
  });

  test('no text is a crash', () => {
    const text = fc.string({
      unit: fc.constantFrom(...Array.from('ab()[]{}|*+?\\^$.-,:=!<>P#1k2&')),
      maxLength: 20,
    });
    fc.assert(
      fc.property(text, (expression) => {
        const compilation = compilePcre(expression, '');
        if (compilation.kind === 'program')
          machine.search(compilation.program, Buffer.from('abab(ab)'), 0, LIMITS);
      }),
      { numRuns: 3000 },
    );
  });
});
