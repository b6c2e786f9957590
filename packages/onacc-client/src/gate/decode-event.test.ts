import { describe, expect, test } from '@jest/globals';
import { constants } from '@portcullis/shared/native';
import fc from 'fast-check';
import { decodeEvent } from './decode-event.js';

function record(mask: number, fd = 7, changes: (bytes: Buffer) => void = () => undefined): Buffer {
  const bytes = Buffer.alloc(constants.FAN_EVENT_METADATA_LEN);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt8(constants.FANOTIFY_METADATA_VERSION, 4);
  bytes.writeUInt16LE(bytes.length, 6);
  bytes.writeUInt32LE(mask, 8);
  bytes.writeInt32LE(fd, 16);
  bytes.writeInt32LE(4242, 20);
  changes(bytes);
  return bytes;
}

describe('decodeEvent', () => {
  test.each([
    ['OPEN_PERM', record(constants.FAN_OPEN_PERM), { kind: 'permission', fd: 7, pid: 4242 }],
    ['OPEN_EXEC_PERM', record(constants.FAN_OPEN_EXEC_PERM), { kind: 'permission', fd: 7, pid: 4242 }],
    ['OPEN', record(constants.FAN_OPEN), { kind: 'opened', fd: 7, pid: 4242, afterWrite: false }],
    [
      'OPEN and CLOSE_WRITE merged',
      record(constants.FAN_OPEN | constants.FAN_CLOSE_WRITE),
      { kind: 'opened', fd: 7, pid: 4242, afterWrite: true },
    ],
    ['CLOSE_WRITE', record(constants.FAN_CLOSE_WRITE), { kind: 'closedAfterWrite', fd: 7, pid: 4242 }],
    ['no descriptor', record(constants.FAN_OPEN_PERM, -24), { kind: 'noDescriptor', errno: 24, pid: 4242 }],
    ['overflow', record(constants.FAN_Q_OVERFLOW, -1), { kind: 'overflow' }],
    ['a mask nobody asked for', record(0x1), { kind: 'malformed', reason: 'mask 0x1', fd: 7 }],
    [
      'another version',
      record(constants.FAN_OPEN_PERM, 7, (bytes) => bytes.writeUInt8(2, 4)),
      { kind: 'malformed', reason: 'unknown metadata version', fd: 7 },
    ],
    [
      'a wrong length',
      record(constants.FAN_OPEN_PERM, 7, (bytes) => bytes.writeUInt32LE(48, 0)),
      { kind: 'malformed', reason: 'event length', fd: 7 },
    ],
    ['a short record', Buffer.alloc(23), { kind: 'malformed', reason: 'short record', fd: -1 }],
  ])('%s', (_, bytes, expected) => {
    expect(decodeEvent(bytes)).toEqual(expected);
  });

  test('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 64 }),
        (bytes) => decodeEvent(Buffer.from(bytes)).kind.length > 0,
      ),
    );
  });
});
