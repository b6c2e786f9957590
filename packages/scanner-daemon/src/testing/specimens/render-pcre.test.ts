import { describe, expect, test } from '@jest/globals';
import { PcreMatcher } from '../../engine/builtin/pcre/pcre-matcher.js';
import { renderPcre } from './render-pcre.js';

const matcher = new PcreMatcher();

describe('strings for regular expressions', () => {
  test.each([
    ['abc', ''],
    ['a(b|cd)+e', ''],
    ['^x[0-9]{3,5}y$', 'm'],
    ['\\bword\\b', 'i'],
    ['(?P<q>[a-z]{4})-(?P=q)-\\1', ''],
    ['foo(?!bar)..', 's'],
    ['(?<=key=)[A-F]{8}', ''],
    ['[^\\x00-\\x7f]{2}', ''],
  ])('/%s/%s', (pattern, flags) => {
    const rendered = renderPcre({ pattern, flags }, matcher);
    expect(rendered && Buffer.from(rendered.bytes).toString('latin1')).toMatch(
      new RegExp(pattern.replaceAll('(?P<', '(?<').replace('(?P=q)', '\\k<q>'), flags),
    );
  });

  test('has none for what matches nothing', () => {
    expect(renderPcre({ pattern: 'a(?!.)b', flags: 's' }, matcher)).toBeUndefined();
  });

  test('has none for what is no expression', () => {
    expect(renderPcre({ pattern: 'a(', flags: '' }, matcher)).toBeUndefined();
  });
});
