import { describe, expect, test } from '@jest/globals';
import { openNative } from '@portcullis/shared/native';
import fc from 'fast-check';
import { compileExcludedPaths } from './excluded-paths.js';
import type { ExcludedPathsOptions } from './excluded-paths.js';
import { isBelow } from './mark-plan.js';

const { patterns: patternApi } = openNative();

function excludes(patterns: readonly string[], options?: ExcludedPathsOptions) {
  return compileExcludedPaths(patterns, patternApi, options);
}

describe('compileExcludedPaths', () => {
  test('excludes nothing without patterns', () => {
    expect(excludes([])('/srv')).toBe(false);
  });

  test('an absolute path excludes that directory and everything below it, and no other', () => {
    const isExcluded = excludes(['/srv/no']);
    for (const path of ['/srv/no', '/srv/no/below', '/srv/no/a/b/c']) expect(isExcluded(path)).toBe(true);
    for (const path of ['/', '/srv', '/srv/nosuffix', '/srv/xno', '/x/srv/no']) {
      expect(isExcluded(path)).toBe(false);
    }
  });

  test('dots, blanks and slashes at the end do not make an expression of a path', () => {
    const isExcluded = excludes(['/home/a/.cache/', '/srv//my files/./x']);
    expect(isExcluded('/home/a/.cache')).toBe(true);
    expect(isExcluded('/home/a/xcache')).toBe(false);
    expect(isExcluded('/srv/my files/x/y')).toBe(true);
  });

  test('an expression excludes every directory it is found in, with everything below', () => {
    const isExcluded = excludes(['^/home/[^/]+/mail$']);
    expect(isExcluded('/home/a/mail')).toBe(true);
    // The expression itself is not found in these.
    expect(isExcluded('/home/a/mail/new/1')).toBe(true);
    expect(isExcluded('/home/a/mailbox')).toBe(false);
    expect(isExcluded('/home/a/b/mail')).toBe(false);
  });

  test('what is no absolute path is an expression, too, and is not anchored', () => {
    const isExcluded = excludes(['node_modules', 'cache/']);
    expect(isExcluded('/srv/app/node_modules/x')).toBe(true);
    expect(isExcluded('/srv/cache')).toBe(true);
    expect(isExcluded('/srv/cached')).toBe(false);
  });

  test('an absolute path with metacharacters is its own name as well as an expression', () => {
    const isExcluded = excludes(['/srv/c+d']);
    expect(isExcluded('/srv/c+d')).toBe(true);
    expect(isExcluded('/srv/ccd')).toBe(true);
    expect(isExcluded('/srv/cd/x')).toBe(true);
  });

  test.each(['/srv/(no', '[a', 'a**', '*'])('%s is refused and the option is named', (pattern) => {
    let refusal: unknown;
    try {
      excludes(['/fine', pattern]);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({
      code: 'EXCLUDE_PATH',
      message: expect.stringContaining(`OnAccessExcludePath ${pattern}: `),
    });
  });

  test('exact paths are never expressions', () => {
    const isExcluded = excludes([], { exactPaths: ['/srv/(no', '/srv/c+d/'] });
    expect(isExcluded('/srv/(no/x')).toBe(true);
    expect(isExcluded('/srv/c+d')).toBe(true);
    expect(isExcluded('/srv/ccd')).toBe(false);
  });

  test('an include path in an excluded directory is not excluded, nor what lies below it', () => {
    const isExcluded = excludes(['/t/no', 'deep$'], { includePaths: ['/t', '/t/no/below', '/deep'] });
    expect(isExcluded('/t/no')).toBe(true);
    expect(isExcluded('/t/no/other')).toBe(true);
    expect(isExcluded('/t/no/below')).toBe(false);
    expect(isExcluded('/t/no/below/x')).toBe(false);
    expect(isExcluded('/t/no/below/deep/x')).toBe(true);
    expect(isExcluded('/deep')).toBe(false);
  });

  test('what cannot be a path is protected', () => {
    const isExcluded = excludes(['x']);
    expect(isExcluded('x')).toBe(false);
    expect(isExcluded(`/${'x'.repeat(5_000)}`)).toBe(false);
  });

  test('gives the same answer however many were asked for in between', () => {
    const isExcluded = excludes(['/srv/no', '/d7$']);
    for (let index = 0; index < 20_000; index += 1) {
      expect(isExcluded(`/srv/no/d${index}`)).toBe(true);
      expect(isExcluded(`/srv/yes/d${index}`)).toBe(index === 7);
    }
  });

  test('for plain paths it is the same as: equal to one of them, or below', () => {
    const name = fc.constantFrom('a', 'b', 'ab', '.a');
    const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => `/${names.join('/')}`);
    fc.assert(
      fc.property(fc.array(path, { maxLength: 3 }), fc.array(path, { maxLength: 10 }), (excluded, asked) => {
        const isExcluded = excludes(excluded);
        for (const one of asked) {
          expect(isExcluded(one)).toBe(excluded.some((other) => one === other || isBelow(one, other)));
        }
      }),
    );
  });
});
