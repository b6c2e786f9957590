import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeFidEvents } from './decode-fid-events.js';

const CREATE_DIRECTORY = 0x4000_0100;
const HANDLE = Buffer.from([0xfe, 0x80, 0x00, 0xff, 1, 2, 3, 4]);

/** One info record: header, fsid, handle, name, NULs up to a multiple of 4, as fanotify(7) lays it out. */
function record(name: Buffer, { type = 2, handle = HANDLE, handleType = 1 } = {}): Buffer {
  const head = Buffer.alloc(20);
  head.writeUInt8(type, 0);
  head.writeUInt32LE(handle.length, 12);
  head.writeInt32LE(handleType, 16);
  const unpadded = head.length + handle.length + name.length + 1;
  const tail = Buffer.alloc(1 + ((4 - (unpadded % 4)) % 4));
  const whole = Buffer.concat([head, handle, name, tail]);
  whole.writeUInt16LE(whole.length, 2);
  return whole;
}

function event(mask: number, ...records: Buffer[]): Buffer {
  const head = Buffer.alloc(24);
  const body = Buffer.concat(records);
  head.writeUInt32LE(24 + body.length, 0);
  head.writeUInt8(3, 4);
  head.writeUInt16LE(24, 6);
  head.writeUInt32LE(mask, 8);
  head.writeInt32LE(-1, 16);
  return Buffer.concat([head, body]);
}

function patched(bytes: Buffer, write: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes);
  write(copy);
  return copy;
}

const whole = event(CREATE_DIRECTORY, record(Buffer.from('docs')));

describe('decodeFidEvents', () => {
  test('reads directory, name and mask of an entry', () => {
    expect(decodeFidEvents(whole)).toEqual({
      events: [
        {
          kind: 'entry',
          mask: CREATE_DIRECTORY,
          isDirectory: true,
          directory: { type: 1, bytes: HANDLE },
          name: Buffer.from('docs'),
        },
      ],
      malformed: undefined,
    });
  });

  test('reads what a 6.18 kernel sends for mkdir a on ext4 (fsid and pid replaced)', () => {
    const sent = Buffer.from(
      '38000000030018000001004000000000ffffffff01000000' +
        '0200200011223344556677880800000001000000' +
        '2dc2200097ad240d' +
        '61000000',
      'hex',
    );
    const { events, malformed } = decodeFidEvents(sent);
    expect(malformed).toBeUndefined();
    expect(events).toMatchObject([{ kind: 'entry', isDirectory: true, name: Buffer.from('a') }]);
  });

  test('keeps the bytes of a name that is no UTF-8', () => {
    const name = Buffer.from([0x66, 0xff, 0xfe]);
    expect(decodeFidEvents(event(0x100, record(name))).events).toMatchObject([{ name, isDirectory: false }]);
  });

  test('owns what it returns: the read buffer may be used again', () => {
    const bytes = Buffer.from(whole);
    const { events } = decodeFidEvents(bytes);
    bytes.fill(0);
    expect(events).toMatchObject([{ name: Buffer.from('docs'), directory: { bytes: HANDLE } }]);
  });

  test('passes over records of other types', () => {
    const other = record(Buffer.from('x'), { type: 4 });
    expect(decodeFidEvents(event(0x100, other, record(Buffer.from('y')))).events).toMatchObject([
      { name: Buffer.from('y') },
    ]);
    expect(decodeFidEvents(event(0x100, other)).events).toEqual([{ kind: 'unnamed', mask: 0x100 }]);
  });

  test('reports a queue overflow, which has no records', () => {
    expect(decodeFidEvents(event(0x4000)).events).toEqual([{ kind: 'overflow' }]);
  });

  test('takes an empty handle and one of 128 bytes', () => {
    for (const handle of [Buffer.alloc(0), Buffer.alloc(128, 7)]) {
      const { events } = decodeFidEvents(event(0x100, record(Buffer.from('n'), { handle })));
      expect(events).toMatchObject([{ directory: { bytes: handle } }]);
    }
  });

  test('reads nothing from nothing', () => {
    expect(decodeFidEvents(Buffer.alloc(0))).toEqual({ events: [], malformed: undefined });
  });

  const faults: [string, Buffer, string][] = [
    ['metadata cut short', whole.subarray(0, 23), 'truncated'],
    ['another version', patched(whole, (copy) => copy.writeUInt8(2, 4)), 'version'],
    ['an event of length 0', patched(whole, (copy) => copy.writeUInt32LE(0, 0)), 'eventLength'],
    [
      'an event longer than the read',
      patched(whole, (copy) => copy.writeUInt32LE(0xffff_ffff, 0)),
      'truncated',
    ],
    ['metadata shorter than 24', patched(whole, (copy) => copy.writeUInt16LE(8, 6)), 'eventLength'],
    [
      'metadata longer than its event',
      patched(whole, (copy) => copy.writeUInt16LE(0xffff, 6)),
      'eventLength',
    ],
    ['a record of length 0', patched(whole, (copy) => copy.writeUInt16LE(0, 26)), 'recordLength'],
    ['a record longer than its event', patched(whole, (copy) => copy.writeUInt16LE(500, 26)), 'recordLength'],
    [
      'a record without room for a handle',
      patched(whole, (copy) => copy.writeUInt16LE(12, 26)),
      'recordLength',
    ],
    [
      'a handle of 129 bytes',
      event(1, record(Buffer.from('n'), { handle: Buffer.alloc(129) })),
      'handleLength',
    ],
    [
      'a handle longer than its record',
      patched(whole, (copy) => copy.writeUInt32LE(100, 36)),
      'handleLength',
    ],
    ['an empty name', event(1, record(Buffer.alloc(0))), 'name'],
    ['a name without a NUL', event(1, Buffer.from(record(Buffer.from('abc')).fill(0x61, 28))), 'name'],
  ];
  test.each(faults)('calls %s malformed and keeps the event before it', (_name, bytes, reason) => {
    const first = event(0x100, record(Buffer.from('first')));
    const { events, malformed } = decodeFidEvents(Buffer.concat([first, bytes]));
    expect(malformed).toEqual({ reason, offsetBytes: first.length });
    expect(events).toHaveLength(1);
  });

  test('finds in any prefix of a read exactly the events that are whole', () => {
    const names = ['a', 'bb', 'ccc', 'dddd', 'é'].map((name) => event(0x100, record(Buffer.from(name))));
    const all = Buffer.concat(names);
    let ends = 0;
    for (let cut = 0; cut <= all.length; cut += 1) {
      const { events, malformed } = decodeFidEvents(all.subarray(0, cut));
      const sum = names.slice(0, ends + 1).reduce((bytes, one) => bytes + one.length, 0);
      if (ends < names.length && cut === sum) ends += 1;
      expect(events).toHaveLength(ends);
      expect(malformed === undefined).toBe(
        cut === names.slice(0, ends).reduce((bytes, one) => bytes + one.length, 0),
      );
    }
  });

  test('answers random bytes and random damage with an outcome, never with an exception', () => {
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(damage, fc.uint8Array({ maxLength: 200 }), (changes, garbage) => {
        const bytes = patched(whole, (copy) => {
          for (const [at, value] of changes) copy.writeUInt8(value, at);
        });
        for (const tried of [bytes, Buffer.from(garbage), Buffer.concat([whole, garbage])]) {
          const { events } = decodeFidEvents(tried);
          expect(events.length).toBeLessThanOrEqual(tried.length / 24);
        }
      }),
    );
  });
});
