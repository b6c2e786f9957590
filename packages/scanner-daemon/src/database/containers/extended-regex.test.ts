import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileFileName, FileNameSearch } from '../../engine/builtin/file-name-expression.js';
import { translateExtendedRegex } from './extended-regex.js';

/** Each was put into a `.cdb` line and shown to clamscan 1.4.6. */
const ACCEPTED = [
  'a)',
  'a{255}',
  'a{1,}',
  'a{,3}',
  'a{',
  '{',
  '[]]',
  '[^]]',
  '[a-]',
  '[-a]',
  '[[.a.]-z]',
  '[[=a=]]',
  '\\.',
  '\\(',
  '\\)',
  '\\{',
  '[\\]',
  '[a\\]',
  '()',
  '(())',
  '$*',
  'a$*',
  '$',
  '^',
  '^^',
  '$$',
  '(^a)',
  '(a$)',
  '(a^b)',
  '\\<',
  '\\>',
  '.',
  '.*.*',
  '((a)*)*',
  '(a*)*',
  '(a*)+',
  'a{1}{',
  'a{1}a{2}',
  '(a){2}',
  '(){2}',
  '(a|b)*',
  '(?i)a',
  'a}b',
  '}',
  'a]b',
  ']',
  '[[]',
  '[[a]',
  '[a[]',
  '[.a.]',
  '\x80',
  '[\x80-\xff]',
  '[\xff-a]',
  'a{01}',
  '\xe9',
  '[a-[.z.]]',
  '[%--]',
  '(a))',
  '())',
];
const REFUSED = [
  '(a',
  'a||b',
  '|a',
  '(|a)',
  '(a|)',
  '^*',
  '^+a',
  '(*a)',
  '(+)',
  'a{2}{3}',
  'a{256}',
  'a{0}',
  'a{1,2',
  'a{1a}',
  '{1}',
  'a*{2}',
  'a+*',
  'a?+',
  '[a',
  '[]a',
  '[]',
  '[^]',
  '[z-a]',
  '[a-c-e]',
  '[--/]',
  '[[.zz.]]',
  '[[.]',
  '\\',
  'a\\',
  'a**',
  'x^*',
  '^{2}',
  '|',
  'a|b|',
  '(?:a)',
  'a??',
  'a*?',
  'a{3}?',
  '[a-\xff]',
  'a{1,2,3}',
  'a{2,1}',
  'a{1,256}',
  'a{65535}',
  '[[.a]',
  '[---]',
  '[a--]',
  '**',
  '*a',
  '(*)',
];

function matches(pattern: string, text: string): boolean | undefined {
  const translated = translateExtendedRegex(pattern);
  if (translated === undefined) return undefined;
  const compilation = compileFileName(translated.source, translated.ignoresCase);
  if (compilation.kind !== 'program') throw new Error(compilation.reason);
  return new FileNameSearch().isFound(compilation.program, Buffer.from(text, 'latin1'));
}

describe('translateExtendedRegex', () => {
  test.each(ACCEPTED)('takes %j, as clamscan does', (pattern) => {
    expect(matches(pattern, 'text')).toBeDefined();
  });

  test.each(REFUSED)('refuses %j, as clamscan does', (pattern) => {
    expect(translateExtendedRegex(pattern)).toBeUndefined();
  });

  // The entries of the archives that clamscan was shown.
  test.each([
    ['foobar', 'foobar', true],
    ['FOOBAR', 'foobar', false],
    ['(?i)FOOBAR', 'foobar', true],
    ['ooBa', 'dir/FooBar.txt', true],
    ['^FooBar', 'dir/FooBar.txt', false],
    ['^dir/', 'dir/FooBar.txt', true],
    ['\\d', 'second.exe', true],
    ['\\w', 'second.exe', false],
    ['\\n', 'second.exe', true],
    ['\\bfoo', 'foobar', false],
    ['fo+.ar$', 'foobar', true],
    ['\\.exe$', 'second.exe', true],
    ['o{2}', 'foobar', true],
    ['(sec|xyz)ond', 'second.exe', true],
    ['f(o)\\1', 'foobar', false],
    ['[^a-z]ar', 'dir/FooBar.txt', true],
    ['[^a-z]ar', 'foobar', false],
    ['[[.a.]]', 'foobar', true],
    ['[a\\]]', 'foobar', false],
    ['[]f]oo', 'foobar', true],
    ['a$r', 'foobar', false],
    ['a^r', 'foobar', false],
    ['()', 'foobar', true],
  ])('%j finds something in %j: %s', (pattern, name, found) => {
    expect(matches(pattern, name)).toBe(found);
  });

  test('makes an expression that compiles of whatever it accepts', () => {
    const pieces = fc.constantFrom(...'ab(){}[]|*+?^$.\\-:12,=/\xff'.split(''), '[.', '.]', '{1,2}', '(?i)');
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        matches(parts.join(''), 'ab12');
      }),
      { numRuns: 2000 },
    );
  });
});
