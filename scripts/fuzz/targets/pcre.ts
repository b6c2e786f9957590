import { compilePcre } from '@portcullis/scanner-daemon/dist/src/engine/builtin/pcre/compile-pcre.js';
import { PcreMachine } from '@portcullis/scanner-daemon/dist/src/engine/builtin/pcre/pcre-machine.js';
import { demand } from '../fuzz-error.js';
import { realSignatures } from './real-signatures.js';
import { bytesOf, type DecoderTarget } from './target.js';

const REAL_COUNT = 150;
const COMPILE_MAX_MS = 2000;
const SEARCH_MAX_MS = 300;
/** What a search may take past its time: it asks for it every hundred thousand steps. */
const SLACK_MS = 2000;
const LIMITS = { matchLimit: 100_000, recursionLimit: 2000 };
const SUBJECT =
  'function abc123(){var x="eval(unescape(%u9090));";return x}\r\n<script>aaaaaaaaaaaaaaab</script>\0\xff';

const WRITTEN = [
  '/(a+)+b/',
  '/(?:(a|ab)(c|bcd)(d*))\\1/i',
  '/(?<=x|yy)a(?!b)\\K[^a-z]{2,5}?/s',
  '/(?<q>[ab])x(?P=q)(?(q)c|d)/',
  '/^(?>[[:alpha:]]+|\\d++)$/mx',
  '/(?i)A(?-i)b(?#c)\\Qa.b\\E\\x{41}\\o{101}\\cA\\R/',
  '/(?(?=a)ab|cd)*/U',
] as const;
const PIECES = [
  ...[
    '(',
    ')',
    '(?:',
    '(?=',
    '(?!',
    '(?<=',
    '(?<!',
    '(?>',
    '(?i)',
    '(?<n>',
    '(?(1)',
    '(?P=n)',
    '(*F)',
    '(?R)',
  ],
  ...['[', ']', '[^', '[[:alpha:]]', '|', '*', '+', '?', '*?', '++', '{0}', '{2,}', '{1,65535}', '{65535}'],
  ...[
    '\\1',
    '\\12',
    '\\b',
    '\\B',
    '\\A',
    '\\z',
    '\\Z',
    '\\G',
    '\\K',
    '\\R',
    '\\C',
    '\\N',
    '\\Q',
    '\\E',
    '\\pL',
  ],
  ...['.', '^', '$', '\\xff', '\\x{100}', '\\0', '\\d', '\\W', '-', 'a', '/', '\n', '\\', '/i', '/gsmxAEUr'],
];

/**
 * Regular expressions of logical signatures: `/expression/flags`, and behind a newline what is searched. Compiled,
 * and run within the limits of clamd.conf.
 */
export function createPcreTarget(): DecoderTarget {
  const machine = new PcreMachine();
  return {
    name: 'pcre',
    corpus: bytesOf(...[...WRITTEN, ...realExpressions()].map((expression) => `${expression}\n${SUBJECT}`)),
    dictionary: bytesOf(...PIECES),
    check(input) {
      const { pattern, flags, subject } = partsOf(input);
      const beganAtMs = performance.now();
      const compilation = compilePcre(pattern, flags);
      const compiledAtMs = performance.now();
      demand(compiledAtMs - beganAtMs < COMPILE_MAX_MS, 'an expression compiles in little time');
      if (compilation.kind !== 'program') return;
      const outcome = machine.search(compilation.program, subject, 0, {
        ...LIMITS,
        mayContinue: () => performance.now() - compiledAtMs < SEARCH_MAX_MS,
      });
      demand(
        performance.now() - compiledAtMs < SEARCH_MAX_MS + SLACK_MS,
        'a search ends when its time is up',
      );
      if (outcome !== 'found') return;
      const { matchStart, matchEnd } = machine;
      demand(isPlace(matchStart, subject) && isPlace(matchEnd, subject), 'what is found lies in the subject');
    },
  };
}

function partsOf(input: Buffer): { pattern: string; flags: string; subject: Buffer } {
  const newline = input.indexOf(0x0a);
  const expression = input.toString('latin1', 0, newline === -1 ? input.length : newline);
  const end = expression.lastIndexOf('/');
  return {
    pattern: expression.slice(expression.startsWith('/') ? 1 : 0, end > 0 ? end : undefined),
    flags: end > 0 ? expression.slice(end + 1) : '',
    subject: newline === -1 ? Buffer.from(SUBJECT, 'latin1') : input.subarray(newline + 1),
  };
}

function isPlace(offset: number, { length }: Buffer): boolean {
  return Number.isInteger(offset) && offset >= 0 && offset <= length;
}

/** The part of a line from its first regular expression on, where that is the last subsignature. */
const EXPRESSION = /;[^/;]*(\/.*\/[a-zA-Z]*)$/;

function realExpressions(): readonly string[] {
  const [lines = []] = realSignatures([
    { file: 'main.ldb', count: REAL_COUNT, isWanted: (line) => EXPRESSION.test(line) },
  ]);
  return lines.flatMap((line) => EXPRESSION.exec(line)?.[1] ?? []);
}
