import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { NameTableBuilder, nameOf } from '../names/name-table.js';
import { HashDatabaseBuilder } from './hash-database-builder.js';
import type { HashFileOptions, NamedLine } from './hash-file-reader.js';
import { acceptance, failOnMalformed } from './testing/read-lines.js';

const OPTIONS: HashFileOptions = { origin: 'official', onMalformed: failOnMalformed };
const MD5 = 'd41d8cd98f00b204e9800998ecf8427e';

function namesIn(pieces: Iterable<Uint8Array>, options: Partial<HashFileOptions> = {}): string[] {
  const names = new NameTableBuilder();
  new HashDatabaseBuilder(names).addFile('file', pieces, { ...OPTIONS, ...options });
  const { count } = names;
  const table = names.finish();
  return Array.from({ length: count }, (_, id) => nameOf(table, id));
}

describe('HashFileReader', () => {
  test('reads the same lines however the file is cut', () => {
    const line = fc
      .tuple(fc.nat(1_000_000), fc.constantFrom('\n', '\r\n', '\n#a comment\n'))
      .map(([number, end]) => `${MD5}:${number + 1}:Name-${number}${end}`);
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 30 }),
        (lines, lengths) => {
          const content = Buffer.from(lines.join(''));
          const pieces: Uint8Array[] = [];
          for (let start = 0, turn = 0; start < content.length; turn++) {
            const end = start + lengths[turn % lengths.length]!;
            // A copy that is spoilt once it was taken would show whether the reader holds on to it.
            pieces.push(Uint8Array.from(content.subarray(start, end)));
            start = end;
          }
          const spoiling = (function* () {
            for (const piece of pieces) {
              yield piece;
              piece.fill(0x21);
            }
          })();
          expect(namesIn(spoiling)).toEqual(lines.map((text) => /Name-\d+/.exec(text)![0]));
        },
      ),
    );
  });

  test('names the line that is malformed, comments counted', () => {
    const builder = new HashDatabaseBuilder(new NameTableBuilder());
    const content = Buffer.from(`${MD5}:1:T\n#\n${MD5}:1\n`);
    for (const pieces of [[content], [content.subarray(0, 40), content.subarray(40)]]) {
      expect(() => {
        builder.addFile('file', pieces, OPTIONS);
      }).toThrow('line 3: wrong number of fields');
    }
  });

  test('takes lines as long as clamscan does', () => {
    const withLength = (length: number): string => `${MD5}:1:`.padEnd(length, 'n');
    expect(acceptance('file', `${withLength(8190)}\n`)).toBe(1);
    expect(acceptance('file', withLength(8191))).toBe(1);
    expect(acceptance('file', `${withLength(8191)}\n`)).toBe('malformed');
    expect(acceptance('file', withLength(8192))).toBe('malformed');
    expect(acceptance('file', withLength(100_000))).toBe('malformed');
  });

  test('leaves out what is ignored, whose hash may be anything', () => {
    const seen: NamedLine[] = [];
    const content = Buffer.from(`#\nzz:1:One\r\n${MD5}:1:Two\nzz:1:Old:1:2\n`, 'latin1');
    const isIgnored = (line: NamedLine): boolean => {
      seen.push({ ...line, line: Uint8Array.from(line.line) });
      return line.name === 'One';
    };
    expect(namesIn([content], { isIgnored })).toEqual(['Two']);
    expect(
      seen.map(({ name, lineNumber, line }) => [name, lineNumber, Buffer.from(line).toString()]),
    ).toEqual([
      ['One', 2, 'zz:1:One'],
      ['Two', 3, `${MD5}:1:Two`],
    ]);
  });

  test('an empty line in the middle is malformed, at the end of the file there is none', () => {
    expect(acceptance('file', `${MD5}:1:T\n`)).toBe(1);
    expect(acceptance('file', `${MD5}:1:T\n\n`)).toBe('malformed');
  });
});
