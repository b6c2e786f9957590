import { messageOf } from '@portcullis/shared';
import type { PatternApi, PosixPattern } from '@portcullis/shared/native';

/** Only this much of a path is tested (behaviour 1.10). */
const TESTED_BYTES_MAX = 512;
const SLASH = 0x2f;

export type ExcludePatterns =
  | { readonly kind: 'test'; readonly isExcluded: (path: Uint8Array) => boolean }
  | { readonly kind: 'refused'; readonly pattern: string; readonly reason: string };

/**
 * ExcludePath: POSIX extended regular expressions, case-sensitive, unanchored, over the bytes of the path. A pattern
 * that ends in `/` is tested against the path with a `/` behind it, that of a file too (behaviour 1.10).
 *
 * A bad pattern is refused and named. clamd 1.4.6 ignores it without a word, and so scans what was to be left alone.
 */
export function compileExcludePatterns(patterns: readonly string[], compiler: PatternApi): ExcludePatterns {
  const compiled: { pattern: PosixPattern; wantsSlash: boolean }[] = [];
  for (const pattern of patterns) {
    try {
      compiled.push({
        pattern: compiler.compile(Buffer.from(pattern, 'utf8')),
        wantsSlash: pattern.endsWith('/'),
      });
    } catch (error) {
      return { kind: 'refused', pattern, reason: messageOf(error) };
    }
  }
  const withSlash = Buffer.alloc(TESTED_BYTES_MAX + 1);
  return {
    kind: 'test',
    isExcluded(path) {
      if (compiled.length === 0) return false;
      const text = path.subarray(0, TESTED_BYTES_MAX);
      withSlash.set(text, 0);
      withSlash[text.byteLength] = SLASH;
      const slashed = withSlash.subarray(0, text.byteLength + 1);
      return compiled.some(({ pattern, wantsSlash }) => pattern.matches(wantsSlash ? slashed : text));
    },
  };
}
