import { performance } from 'node:perf_hooks';
import { fixedMemory } from './libc.js';
import type { Libc } from './libc.js';
import type { PatternApi, PosixPattern } from './native-api.js';
import { PatternError, preparePattern } from './pattern-syntax.js';

// regex.h
const REG_EXTENDED = 1;
const REG_NOSUB = 8;
/** glibc's regex_t has 64 bytes on a 64-bit platform, musl's 56. */
const REGEX_BYTES = 256;
const REASON_BYTES = 256;

/** A path and the slash that some are tested with. */
const TEXT_BYTES_MAX = 4_097;
/** Each thread's. They live as long as the process; 35 KiB each is what hostile ones took. */
const PATTERNS_MAX = 1_000;
/**
 * What glibc learns of a pattern while it matches grows without a bound (2 KiB and more for each new state) and is
 * looked up in chains, so it is thrown away after so much text, and after a match that took too long.
 */
const FORGET_AFTER_BYTES = 16_384;
const SLOW_MATCH_MS = 1;

/**
 * regcomp(3) and regexec(3), which build their automaton as they go and do not backtrack: what a stranger writes
 * into a path costs time in proportion to its length.
 */
export function createPatternApi(libc: Libc): PatternApi {
  const text = fixedMemory(TEXT_BYTES_MAX + 1).view;
  // A configuration that is read again has the same ones.
  const compiled = new Map<string, PosixPattern>();
  return {
    compile(pattern) {
      const prepared = preparePattern(Buffer.from(pattern).toString('latin1'));
      const known = compiled.get(prepared);
      if (known !== undefined) return known;
      if (compiled.size >= PATTERNS_MAX) throw new PatternError(`More than ${PATTERNS_MAX} patterns`);
      const made = createPattern(libc, text, prepared);
      compiled.set(prepared, made);
      return made;
    },
  };
}

/** @param text - where a subject is laid down for the call, with room for a NUL behind it. */
function createPattern(libc: Libc, text: Buffer, pattern: string): PosixPattern {
  // Searching is left to the automaton: regexec itself would begin anew at every byte of the text.
  const source = Buffer.from(`^.*(${pattern})\0`, 'latin1');
  const regex = fixedMemory(REGEX_BYTES).view.fill(0);
  const compile = (): number => libc.regcomp(regex, source, REG_EXTENDED | REG_NOSUB);
  const refused = compile();
  if (refused !== 0) throw new PatternError(reasonOf(libc, refused, regex));
  // After a failed regcomp or a regfree there is nothing that regexec may see.
  let isCompiled = true;
  let testedBytes = 0;
  return {
    matches(subject) {
      isCompiled ||= compile() === 0;
      if (!isCompiled) return false;
      const lengthBytes = Math.min(subject.byteLength, TEXT_BYTES_MAX);
      text.set(lengthBytes === subject.byteLength ? subject : subject.subarray(0, lengthBytes), 0);
      text[lengthBytes] = 0;
      testedBytes += lengthBytes;
      const startMs = performance.now();
      const isMatch = libc.regexec(regex, text, 0, null, 0) === 0;
      if (testedBytes > FORGET_AFTER_BYTES || performance.now() - startMs > SLOW_MATCH_MS) {
        libc.regfree(regex);
        isCompiled = false;
        testedBytes = 0;
      }
      return isMatch;
    },
  };
}

/** regerror(3). */
function reasonOf(libc: Libc, code: number, regex: Buffer): string {
  const reason = Buffer.alloc(REASON_BYTES);
  libc.regerror(code, regex, reason, reason.length);
  return reason.toString('utf8', 0, reason.indexOf(0));
}
