import { describe, expect, test } from '@jest/globals';
import { CommandDecoder, InstreamDecoder } from '@portcullis/shared';
import { createContentSource } from '../file-content.js';
import { frameInstream, makeContent, stampBytes, stampRequest } from './request-content.js';
import type { InstreamFrame } from './request-content.js';

// Made once: each is megabytes of random numbers.
const source = createContentSource(3);
const otherSource = createContentSource(4);

/** What the daemon's own decoders make of a frame. */
function receive({ head, tail }: InstreamFrame): {
  readonly body: Buffer;
  readonly endings: readonly string[];
} {
  const commands = new CommandDecoder();
  commands.push(tail === undefined ? head : Buffer.concat([head, tail]));
  expect(commands.next()).toMatchObject({ kind: 'command', command: { verb: 'INSTREAM' } });
  const body: Buffer[] = [];
  const endings: string[] = [];
  for (const event of new InstreamDecoder(0).push(commands.take())) {
    if (event.kind === 'chunk') body.push(Buffer.from(event.bytes));
    else endings.push(event.kind);
  }
  return { body: Buffer.concat(body), endings };
}

describe('frameInstream', () => {
  test('frameInstream: contents of every size arrive whole, with one end', () => {
    for (const sizeBytes of [68, 4096, 65_536, 65_537, 300_000]) {
      const content = makeContent(source, 1, Math.max(128, sizeBytes)).subarray(0, sizeBytes);
      const { body, endings } = receive(frameInstream(content));
      expect(endings).toEqual(['end']);
      expect(body.equals(content)).toBe(true);
    }
  });

  test('frameInstream: what is stamped is the beginning of the content, small or large', () => {
    for (const sizeBytes of [4096, 200_000]) {
      const frame = frameInstream(makeContent(source, 1, sizeBytes));
      stampRequest(frame.head, frame.stampOffset, 'request 5 of client 3, run 9');
      const { body } = receive(frame);
      expect(body).toHaveLength(sizeBytes);
      expect(body.subarray(0, 29).toString('latin1')).toBe('request 5 of client 3, run 9 ');
      expect(body[stampBytes - 1]).toBe(0x0a);
    }
  });
});

describe('makeContent', () => {
  test('makeContent: the same source and index give the same bytes, other ones others', () => {
    const content = makeContent(source, 0, 100_000);
    expect(makeContent(source, 0, 100_000).equals(content)).toBe(true);
    expect(makeContent(otherSource, 0, 100_000).equals(content)).toBe(false);
    expect(makeContent(source, 1, 4096).equals(makeContent(source, 0, 4096))).toBe(false);
  });

  test('makeContent: a large content begins with noise and goes on with text', () => {
    const content = makeContent(source, 0, 200_000);
    const printable = (from: number) => {
      const piece = content.subarray(from, from + 60_000);
      return piece.filter((byte) => byte === 0x0a || (byte >= 0x20 && byte < 0x7f)).length / piece.length;
    };
    expect(printable(0)).toBeLessThan(0.6);
    expect(printable(65_536)).toBe(1);
  });
});
