import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeInotifyEvents } from './decode-inotify-events.js';

function record(watch: number, mask: number, name: string, padding = 1): Buffer {
  const field = name === '' ? Buffer.alloc(0) : Buffer.concat([Buffer.from(name), Buffer.alloc(padding)]);
  const header = Buffer.alloc(16);
  header.writeInt32LE(watch, 0);
  header.writeUInt32LE(mask, 4);
  header.writeUInt32LE(field.length, 12);
  return Buffer.concat([header, field]);
}

describe('decodeInotifyEvents', () => {
  test('reads records with and without names', () => {
    const bytes = Buffer.concat([
      record(1, 0x4000_0100, 'sub', 13),
      record(-1, 0x4000, ''),
      record(2, 0x400, ''),
    ]);
    expect(decodeInotifyEvents(bytes)).toEqual({
      events: [
        { watch: 1, mask: 0x4000_0100, name: Buffer.from('sub') },
        { watch: -1, mask: 0x4000, name: Buffer.alloc(0) },
        { watch: 2, mask: 0x400, name: Buffer.alloc(0) },
      ],
      truncatedAtBytes: undefined,
    });
  });

  test('a cut anywhere gives the whole records before it and says where the rest begins', () => {
    const first = record(1, 0x100, 'a');
    const both = Buffer.concat([first, record(2, 0x200, 'bcd')]);
    for (let cut = first.length + 1; cut < both.length; cut += 1) {
      const decoded = decodeInotifyEvents(both.subarray(0, cut));
      expect(decoded.events).toHaveLength(1);
      expect(decoded.truncatedAtBytes).toBe(first.length);
    }
    expect(decodeInotifyEvents(both.subarray(0, 7))).toEqual({ events: [], truncatedAtBytes: 0 });
  });

  test('a length beyond the end, and a name without NUL, do no harm', () => {
    const long = record(1, 0x100, 'a');
    long.writeUInt32LE(0xffff_ffff, 12);
    expect(decodeInotifyEvents(long)).toEqual({ events: [], truncatedAtBytes: 0 });
    expect(decodeInotifyEvents(record(1, 0x100, 'abc', 0)).events[0]?.name.toString()).toBe('abc');
  });

  test('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeInotifyEvents(Buffer.from(bytes));
      }),
    );
  });
});
