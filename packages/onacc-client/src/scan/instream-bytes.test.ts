import { expect, test } from '@jest/globals';
import { CommandDecoder, InstreamDecoder } from '@portcullis/shared';
import fc from 'fast-check';
import { InstreamBytes } from './instream-bytes.js';

/** A file whose length is another one at every reading: what is there is a function of the offset. */
class RestlessFile {
  lengthBytes: number;
  readonly #steps: readonly number[];
  #reads = 0;

  constructor(steps: readonly number[]) {
    this.#steps = steps;
    this.lengthBytes = steps[0] ?? 0;
  }

  readonly readAt = (_fd: number, into: Uint8Array, offset: number): number => {
    this.lengthBytes = this.#steps[this.#reads % this.#steps.length] ?? 0;
    this.#reads += 1;
    const got = Math.max(0, Math.min(into.length, this.lengthBytes - offset));
    for (let index = 0; index < got; index += 1) into[index] = (offset + index) % 251;
    return got;
  };
}

/** Sends everything in pieces of the given sizes and has the daemon's decoder read it. */
function upload(stream: InstreamBytes, options: { pieces: readonly number[]; cutAt?: number }) {
  const commands = new CommandDecoder();
  const decoder = new InstreamDecoder(0);
  const received: Buffer[] = [];
  let ended = false;
  let isInStream = false;
  let rest = 0;
  stream.begin();
  let outcome = stream.readOn(0);
  for (let turn = 0; !stream.isOver; turn += 1) {
    expect(turn).toBeLessThan(100_000);
    if (turn === options.cutAt) stream.end();
    if (stream.isHungry) outcome = stream.readOn(0);
    const piece = stream.unsent.subarray(0, options.pieces[turn % options.pieces.length]);
    let bytes = Buffer.from(piece);
    stream.sent(piece.length);
    if (!isInStream) {
      commands.push(bytes);
      const command = commands.next();
      if (command === undefined) continue;
      expect(command).toMatchObject({ kind: 'command', command: { verb: 'INSTREAM' } });
      isInStream = true;
      bytes = Buffer.from(commands.take());
    }
    for (const event of decoder.push(bytes)) {
      if (event.kind === 'chunk') received.push(Buffer.from(event.bytes));
      else if (event.kind === 'end') [ended, rest] = [true, event.rest.length];
    }
  }
  return { content: Buffer.concat(received), outcome, ended, rest };
}

test('InstreamBytes: a file that grows and shrinks, a socket that takes what it likes, a cut at any moment: valid framing', () => {
  const lengths = fc.array(fc.integer({ min: 0, max: 300_000 }), { minLength: 1, maxLength: 8 });
  const pieces = fc.array(fc.integer({ min: 1, max: 80_000 }), { minLength: 1, maxLength: 6 });
  const cutAt = fc.option(fc.nat(40), { nil: undefined });
  fc.assert(
    fc.property(lengths, pieces, cutAt, (steps, sizes, cut) => {
      // One piece of a byte a turn would take for ever; the sizes are cycled through.
      const file = new RestlessFile(steps);
      const stream = new InstreamBytes(file, 250_000);
      const { content, ended, rest } = upload(stream, {
        pieces: [...sizes, 70_000],
        ...(cut === undefined ? {} : { cutAt: cut }),
      });
      expect(ended).toBe(true);
      expect(rest).toBe(0);
      expect(content.length).toBeLessThanOrEqual(250_000);
      expect(content.every((byte, at) => byte === at % 251)).toBe(true);
      // The next stream knows nothing of this one.
      const calm = new RestlessFile([1_000]);
      const next = upload(new InstreamBytes(calm, 1_000), { pieces: [7] });
      expect(next).toMatchObject({ ended: true, outcome: 'read' });
      expect(next.content).toHaveLength(1_000);
    }),
    { numRuns: 60 },
  );
});

test('InstreamBytes: a small file is one send, its end included', () => {
  const stream = new InstreamBytes(new RestlessFile([5]), Infinity);
  stream.begin();
  stream.readOn(0);
  expect(stream.unsent.toString('latin1')).toBe('zINSTREAM\0\0\0\0\x05\x00\x01\x02\x03\x04\0\0\0\0');
});

test.each([
  [100_000, 'read', 100_000],
  [100_001, 'tooLarge', 65_536],
])('InstreamBytes: %d bytes with a limit of 100,000: %s', (length, outcome, sentBytes) => {
  const result = upload(new InstreamBytes(new RestlessFile([length]), 100_000), { pieces: [9_999] });
  expect(result).toMatchObject({ outcome, ended: true });
  expect(result.content).toHaveLength(sentBytes);
});

test('InstreamBytes: a reading that fails leaves what was read before it, and the stream can be ended', () => {
  let reads = 0;
  const file = new RestlessFile([200_000]);
  const stream = new InstreamBytes(
    {
      readAt: (fd, into, offset) => {
        reads += 1;
        if (reads === 2) throw new Error('EIO');
        return file.readAt(fd, into, offset);
      },
    },
    Infinity,
  );
  stream.begin();
  stream.readOn(0);
  stream.sent(stream.unsent.length);
  expect(() => stream.readOn(0)).toThrow('EIO');
  stream.end();
  expect(stream.unsent).toEqual(Buffer.alloc(4));
});
