import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { NameTableBuilder, nameOf, originOf } from './name-table.js';
import type { SignatureOrigin } from './name-table.js';

const origin = fc.constantFrom<SignatureOrigin>('official', 'unofficial');

describe('NameTable', () => {
  test('gives names back by id, with a suffix for those of unsigned files', () => {
    const names = fc.array(fc.tuple(fc.string({ maxLength: 40 }), origin), { maxLength: 60 });
    fc.assert(
      fc.property(names, (entries) => {
        const builder = new NameTableBuilder();
        const ids = entries.map(([name, from]) =>
          builder.add(Buffer.from(name, 'utf8').toString('latin1'), from),
        );
        expect(builder.count).toBe(entries.length);
        const table = builder.finish();
        for (const [index, [name, from]] of entries.entries()) {
          expect(originOf(table, ids[index]!)).toBe(from);
          expect(nameOf(table, ids[index]!)).toBe(from === 'official' ? name : `${name}.UNOFFICIAL`);
        }
      }),
    );
  });

  test('takes names out of the middle of bytes', () => {
    const builder = new NameTableBuilder();
    const id = builder.addBytes({ bytes: Buffer.from('ab:Name:73'), start: 3, end: 7 }, 'official');
    expect(nameOf(builder.finish(), id)).toBe('Name');
  });

  test('shows what is not UTF-8 as U+FFFD, where clamscan 1.4.6 aborts', () => {
    const builder = new NameTableBuilder();
    const id = builder.add('T\u00e9', 'official');
    expect(nameOf(builder.finish(), id)).toBe('T\ufffd');
  });

  test('notes origins by range, not by name', () => {
    const builder = new NameTableBuilder();
    for (let index = 0; index < 1000; index++) builder.add('n', index < 500 ? 'official' : 'unofficial');
    expect(Array.from(builder.finish().originChanges)).toEqual([500]);
  });

  test('lies in shared memory', () => {
    const builder = new NameTableBuilder();
    builder.add('n', 'unofficial');
    for (const array of Object.values(builder.finish()) as Uint8Array[]) {
      expect(Object.prototype.toString.call(array.buffer)).toBe('[object SharedArrayBuffer]');
    }
  });
});
