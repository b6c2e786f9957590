import { performance } from 'node:perf_hooks';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fixedMemory, bindLibc } from './libc.js';
import { preparePattern } from './pattern-syntax.js';
import { createPatternApi } from './posix-patterns.js';

const compile = (pattern: string) => createPatternApi(bindLibc()).compile(Buffer.from(pattern, 'latin1'));
const matches = (pattern: string, text: string): boolean =>
  compile(pattern).matches(Buffer.from(text, 'latin1'));

/** A stranger's choice of letters: never twice the same. */
function randomText(letters: string, length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed * 2_654_435_761 + 1;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = letters.charCodeAt((state >>> 16) % letters.length);
  }
  return bytes;
}

describe('preparePattern, as clamd 1.4.6 was seen to read it', () => {
  test.each([
    ['/(.)\\1$', '/a1', true],
    ['/(.)\\1$', '/aa', false],
    ['/\\w$', '/w', true],
    ['/\\w$', '/a', false],
    ['/\\bq$', '/bq', true],
    ['/\\d$', '/5', false],
    ['/[[:<:]]q$', '/q', true],
    ['/\\<q$', '/q', true],
    ['/\\<q$', '/<q', false],
    ['/()q$', '/q', true],
    ['a)$', '/a)', true],
    ['a)$', '/a', false],
    ['/a{,3}$', '/a{,3}', true],
    ['/a{,3}$', '/a', false],
    ['/a{$', '/a{', true],
    ['/a{1,255}$', '/aa', true],
    ['/[[.q.]]$', '/q', true],
    ['[[=q=]]$', '/q', true],
    ['/q^r', '/q^r', false],
    ['[]x]', '/]', true],
    ['[^]/x]', '/]', false],
    ['[\\d]', '/\\', true],
  ])('%s on %s', (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  test.each([
    ['(', 'Unmatched ( or \\('],
    ['[a', 'Unmatched ['],
    ['[[:a]', 'Unmatched ['],
    ['a\\', 'Trailing backslash'],
    ['(?=a)', 'Invalid preceding regular expression'],
    ['*a', 'Invalid preceding regular expression'],
    ['a**', 'Invalid preceding regular expression'],
    ['a{2}{3}', 'Invalid preceding regular expression'],
    ['a{1,300}', 'Invalid content of \\{\\}'],
    ['a{2,1}', 'Invalid content of \\{\\}'],
    ['a{1', 'Invalid content of \\{\\}'],
    ['a||b', 'Empty expression'],
    ['(|a)', 'Empty expression'],
    ['(a|)', 'Empty expression'],
    ['', 'Empty expression'],
    ['a\0b', 'NUL'],
  ])('refuses %j', (pattern, reason) => {
    expect(() => compile(pattern)).toThrow(reason);
  });
});

describe('preparePattern, bounds', () => {
  test.each([
    ['counts in counts', '((a{1,255}){1,255}){1,255}', 'Too big'],
    ['a plus doubles what is under it', `${'('.repeat(18)}a+${')+'.repeat(18)}`, 'Too big'],
    ['open counts', '(a{200,}){6}', 'Too big'],
    ['alternatives', `(${'a|'.repeat(5)}a){200}`, 'Too big'],
    ['loops over nothing behind an anchor', `^${'(a*)*'.repeat(40)}y`, 'Too many repetitions'],
    ['the same by a count', '^((a*)*){40}y', 'Too many repetitions'],
    ['optional parts of nothing', '(a*)*((){0,5}(a*)*){0,5}b', 'Too many repetitions'],
    ['length', 'a'.repeat(1_024), 'Longer than 1023 bytes'],
  ])('refuses at once: %s', (_what, pattern, reason) => {
    expect(() => compile(pattern)).toThrow(reason);
  });

  test('accepts what a line of clamd.conf can hold: letters, groups, the largest count', () => {
    expect(matches('a'.repeat(1_023), 'a'.repeat(1_023))).toBe(true);
    expect(matches(`${'('.repeat(511)}a${')'.repeat(511)}`, 'a')).toBe(true);
    expect(matches('^([^/]{255}/){3}$', `${'x'.repeat(255)}/`.repeat(3))).toBe(true);
    expect(matches('^/home/(.*/)*(.*/)*(.*/)*(.*/)*cache$', '/home/a/b/cache')).toBe(true);
  });
});

describe('createPatternApi', () => {
  test('no text takes long: the path that hung a backtracking matcher, and automata that grow with each text', () => {
    const texts = Array.from({ length: 100 }, (_, seed) => randomText('ab', 512, seed));
    const startMs = performance.now();
    expect(matches('^/home/(.*/)*cache$', `/home/${'a/'.repeat(250)}x`)).toBe(false);
    for (const pattern of ['(a|b)*a(a|b){20}c', '(a|b)*a(a|b){250}c', '(a*)*(a*)*(a*)*$x']) {
      const compiled = compile(pattern);
      expect(texts.some((text) => compiled.matches(text))).toBe(false);
    }
    // It takes 2 s; regexec alone needed 5 s for the third of these texts, and more for each further one.
    expect(performance.now() - startMs).toBeLessThan(20_000);
  });

  test('what was learned is thrown away now and then, and the answers stay the same', () => {
    const compiled = compile('^(/[^/]+)+/cache[0-9]$');
    for (let turn = 0; turn < 2_000; turn += 1) {
      expect(compiled.matches(Buffer.from(`/home/user${turn}/cache${turn % 10}`))).toBe(true);
      expect(compiled.matches(Buffer.from(`/home/user${turn}/cache${turn}/x`))).toBe(false);
    }
  });

  test('more than 4,097 bytes of a text are not tested', () => {
    expect(matches('x', `${'a'.repeat(4_096)}x`)).toBe(true);
    expect(matches('x', `${'a'.repeat(4_097)}x`)).toBe(false);
  });

  test('refuses more than 1,000 patterns, the same one counting once', () => {
    const patterns = createPatternApi(bindLibc());
    for (let count = 0; count < 1_000; count += 1) patterns.compile(Buffer.from(`a${count}`));
    expect(patterns.compile(Buffer.from('a7')).matches(Buffer.from('a7'))).toBe(true);
    expect(() => patterns.compile(Buffer.from('b'))).toThrow('More than 1000 patterns');
  });

  test('agrees with a plain regexec of what was prepared, and no pattern of bytes breaks it', () => {
    const libc = bindLibc();
    const regex = fixedMemory(256).view;
    const piece = fc.constantFrom(
      ...'ab/^$.*+?|()[]{},12\\:='.split(''),
      'a|b',
      '(a*)',
      '[^a]',
      '{1,2}',
      '.*',
    );
    const pattern = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
    const text = fc.array(fc.constantFrom(...'ab/12{,}'.split('')), { maxLength: 12 });
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 4 }), (source, texts) => {
        let prepared: string;
        try {
          prepared = preparePattern(source);
        } catch {
          return;
        }
        regex.fill(0);
        const isGood = libc.regcomp(regex, Buffer.from(`${prepared}\0`), 1 | 8) === 0;
        const api = createPatternApi(libc);
        if (!isGood) {
          expect(() => api.compile(Buffer.from(source))).toThrow();
          return;
        }
        const compiled = api.compile(Buffer.from(source));
        for (const letters of texts) {
          const subject = letters.join('');
          const plain = libc.regexec(regex, Buffer.from(`${subject}\0`), 0, null, 0) === 0;
          expect({ source, subject, matches: compiled.matches(Buffer.from(subject)) }).toEqual({
            source,
            subject,
            matches: plain,
          });
        }
        libc.regfree(regex);
      }),
      { numRuns: 3_000 },
    );
  });
});
