import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { lexClamdConfig } from './lexer.js';
import type { OptionRow } from './option-row.js';
import { OPTION_TABLE } from './option-table.js';
import { parseBool, parseNumber, parseSize, parseString, SIZE_UNLIMITED } from './parse-value.js';
import { readClamdConfig } from './read-clamd-config.js';

const ROWS: readonly OptionRow[] = OPTION_TABLE;
const FACTORS = { '': 1n, K: 1024n, M: 1024n ** 2n, G: 1024n ** 3n } as const;

const blanks = fc.stringMatching(/^[ \t]{1,5}$/);
const someBlanks = fc.stringMatching(/^[ \t]{0,5}$/);
const noise = fc.oneof(
  fc.constantFrom('', '#', '# Foreground yes', '   # a comment', 'x', ' \t', '\t#\t"', '#Example'),
);
/** Text that means itself: no quote at its start, no `#`, no blank around it. */
const plainText = fc.stringMatching(/^[\w/.$-]([\w/.$ "-]{0,30}[\w/.$-])?$/);

function anyCase(text: string): fc.Arbitrary<string> {
  return fc.mixedCase(fc.constant(text));
}

/** What may stand behind an option, and what it must be read as. */
function valueOf(row: OptionRow): fc.Arbitrary<{ readonly text: string; readonly value: unknown }> {
  switch (row.type) {
    case 'bool':
      return fc.oneof(
        fc
          .constantFrom('yes', 'true', '1')
          .chain(anyCase)
          .map((text) => ({ text, value: true })),
        fc
          .constantFrom('no', 'false', '0')
          .chain(anyCase)
          .map((text) => ({ text, value: false })),
      );
    case 'number':
      return fc.nat(2 ** 31 - 1).map((value) => ({ text: String(value), value }));
    case 'size':
      return fc
        .record({ count: fc.nat(100_000), unit: fc.constantFrom('', 'K', 'M', 'G', 'k', 'm', 'g') })
        .map(({ count, unit }) => {
          const factor = FACTORS[unit.toUpperCase() as keyof typeof FACTORS]; // One of the four by construction.
          return { text: `${count}${unit}`, value: count === 0 ? SIZE_UNLIMITED : BigInt(count) * factor };
        });
    case 'string':
      return (row.values === undefined ? plainText : fc.constantFrom(...row.values).chain(anyCase)).map(
        (text) => ({
          text,
          value: text,
        }),
      );
  }
}

const directive = fc.constantFrom(...ROWS).chain((row) =>
  fc.record({
    row: fc.constant(row),
    given: valueOf(row),
    name: fc.constantFrom(row.name, row.longName ?? row.name),
    quoted: fc.boolean(),
    before: someBlanks,
    between: blanks,
    after: someBlanks,
  }),
);

describe('readClamdConfig', () => {
  test('reads what was written: the first value of an option, or all in order, whatever stands around them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(directive, fc.array(noise, { maxLength: 2 })), { maxLength: 12 }),
        (written) => {
          const lines = written.flatMap(([{ name, given, quoted, before, between, after }, around]) => {
            const text = quoted && !given.text.includes('"') ? `"${given.text}"` : given.text;
            return [...around, `${before}${name}${between}${text}${after}`];
          });
          const { settings, issues } = readClamdConfig(`${lines.join('\n')}\n`, 'f');
          expect(issues.filter(({ origin }) => origin === 'clamav')).toEqual([]);
          const expected = new Map<string, unknown[]>();
          for (const [{ row, given }] of written) {
            const values = expected.get(row.name) ?? [];
            if (row.multi || values.length === 0) expected.set(row.name, [...values, given.value]);
          }
          const read = [...settings.byName].map(
            ([name, all]) => [name, all.map(({ value }) => value)] as const,
          );
          expect(new Map<string, unknown[]>(read)).toEqual(expected);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('one bad line more is one error more, and names its line', () => {
    const good = fc.constantFrom(
      'Foreground yes',
      'LogTime no',
      '# comment',
      '',
      'MaxThreads 3',
      'LocalSocket /run/a',
    );
    const bad = fc.constantFrom(
      'Nonsense yes',
      'Foreground',
      'Foreground maybe',
      'LogFile "',
      'LogFile ""',
      'MaxThreads x',
    );
    fc.assert(
      fc.property(fc.array(good, { maxLength: 10 }), bad, fc.nat(), (lines, wrong, where) => {
        const at = where % (lines.length + 1);
        const text = [...lines.slice(0, at), wrong, ...lines.slice(at)].join('\n');
        const { config, issues } = readClamdConfig(text, 'f');
        expect(config).toBeUndefined();
        const errors = issues.filter(({ severity }) => severity === 'error');
        expect(errors.map(({ line }) => line)).toEqual([at + 1]);
      }),
      { numRuns: 200 },
    );
  });

  test('the largest file takes no longer than it should, even if made to', () => {
    const sizeBytes = 1024 ** 2;
    const worst = [
      'LogFile ' + '#'.repeat(900) + '\n',
      'a \t'.repeat(300) + '\n',
      '"\n',
      'ExcludePath a # b # c\n',
      '1\n\0',
    ];
    for (const line of worst) {
      const startedAtMs = performance.now();
      readClamdConfig(Buffer.alloc(sizeBytes, line), 'f');
      expect(performance.now() - startedAtMs).toBeLessThan(5000);
    }
  });
});

describe('lexClamdConfig', () => {
  test('any bytes give lines in order, and directives with a name and a value of at most a line', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '\n',
        ' ',
        '\t',
        '"',
        '#',
        '\0',
        '\r',
        'Name value\n',
        'Name "a" b" c\n',
        'x'.repeat(1100),
      ),
      fc.string({ unit: 'binary', maxLength: 20 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const bytes = Buffer.from(pieces.join(''), 'latin1');
        const lexed = [...lexClamdConfig(bytes, 'f')];
        const lineMax = bytes.length / 1023 + bytes.toString('latin1').split('\n').length;
        let lastLine = 0;
        for (const each of lexed) {
          const line = each.kind === 'directive' ? each.line : each.issue.line;
          expect(line).toBeGreaterThan(lastLine);
          lastLine = line ?? 0;
          if (each.kind === 'issue') continue;
          expect(each.name).not.toMatch(/[ \t\n\0]/);
          expect(each.name.length).toBeGreaterThan(0);
          expect(each.value.length).toBeGreaterThan(0);
          expect(each.name.length + each.value.length).toBeLessThan(1023);
          expect(each.value).not.toContain('\n');
        }
        expect(lastLine).toBeLessThanOrEqual(Math.ceil(lineMax));
      }),
      { numRuns: 300 },
    );
  });
});

describe('values', () => {
  test('every number is in 32 bits, every size from 1 to 2^63 - 1, and nothing throws', () => {
    const text = fc.oneof(
      fc.stringMatching(/^[0-9]{0,40}[KMGkmgT]?( *#.*)?$/),
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc.constantFrom('0', '00', '08', '010M', '9'.repeat(400), `${'9'.repeat(20)}G`),
    );
    fc.assert(
      fc.property(text, (given) => {
        const number = parseNumber(given);
        if (number.kind === 'value') {
          expect(Number(number.value) >= -(2 ** 31) && Number(number.value) < 2 ** 31).toBe(true);
        }
        const size = parseSize(given);
        if (size.kind === 'value') {
          const bytes = BigInt(String(size.value));
          expect(bytes >= 1n && bytes <= SIZE_UNLIMITED).toBe(true);
        }
        const bool = parseBool(given);
        if (bool.kind === 'value') expect(typeof bool.value).toBe('boolean');
        const string = parseString(given);
        if (string.kind === 'value') expect(String(string.value)).not.toMatch(/#/);
      }),
      { numRuns: 500 },
    );
  });
});
