import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CommandDecoder } from './command-decoder.js';
import {
  FILDES_NOTICE_BYTE,
  encodeChunkHeader,
  encodeCommand,
  encodePathCommand,
  encodeStreamEnd,
} from './command-encoder.js';
import { COMMAND_MAX_BYTES, COMMAND_VERBS, takesPath } from './command.js';

const PLAIN = COMMAND_VERBS.filter((verb) => !takesPath(verb));
const WITH_PATH = COMMAND_VERBS.filter(takesPath);

describe('encodeCommand', () => {
  test.each(PLAIN)('%s is what the decoder reads', (verb) => {
    if (takesPath(verb)) throw new Error('filtered above');
    expect(encodeCommand(verb).toString()).toBe(`z${verb}\0`);
    const decoder = new CommandDecoder();
    decoder.push(encodeCommand(verb));
    expect(decoder.next()).toEqual({ kind: 'command', command: { verb }, framing: 'z', terminator: '\0' });
  });
});

describe('encodePathCommand', () => {
  test('any path without a NUL comes back byte for byte', () => {
    const path = fc
      .uint8Array({ maxLength: 200 })
      .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0)));
    fc.assert(
      fc.property(fc.constantFrom(...WITH_PATH), path, (verb, given) => {
        const decoder = new CommandDecoder();
        decoder.push(encodePathCommand(verb, given));
        expect(decoder.next()).toMatchObject({ kind: 'command', command: { verb, path: given } });
        expect(decoder.next()).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });

  test('refuses a path with a NUL', () => {
    expect(() => encodePathCommand('SCAN', Buffer.from('/a\0b'))).toThrow(
      expect.objectContaining({ code: 'PATH_HAS_NUL' }),
    );
  });

  test('refuses the first command that clamd would drop, and takes the last that it would not', () => {
    const longest = COMMAND_MAX_BYTES - 'zSCAN \0'.length;
    expect(encodePathCommand('SCAN', Buffer.alloc(longest, 'a'))).toHaveLength(COMMAND_MAX_BYTES);
    expect(() => encodePathCommand('SCAN', Buffer.alloc(longest + 1, 'a'))).toThrow(
      expect.objectContaining({ code: 'COMMAND_TOO_LONG' }),
    );
  });
});

describe('encodeChunkHeader', () => {
  test('is four bytes, big-endian', () => {
    expect(encodeChunkHeader(1)).toEqual(Buffer.of(0, 0, 0, 1));
    expect(encodeChunkHeader(0x0102_0304)).toEqual(Buffer.of(1, 2, 3, 4));
    expect(encodeChunkHeader(0xffff_ffff)).toEqual(Buffer.of(255, 255, 255, 255));
    expect(encodeStreamEnd()).toEqual(Buffer.of(0, 0, 0, 0));
  });

  test.each([0, -1, 1.5, 0x1_0000_0000, Number.NaN])('refuses %p', (lengthBytes) => {
    expect(() => encodeChunkHeader(lengthBytes)).toThrow('not the length of a chunk');
  });
});

test('the two values of the FILDES byte', () => {
  expect(FILDES_NOTICE_BYTE).toBe(0x50);
});
