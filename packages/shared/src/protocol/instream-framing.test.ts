import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { byteByByte, randomCuts } from '../testing/random-cuts.js';
import { encodeChunkHeader, encodeStreamEnd } from './command-encoder.js';
import { InstreamDecoder } from './instream-framing.js';

interface Outcome {
  readonly body: string;
  readonly ending: 'end' | 'sizeLimit' | 'open';
  readonly rest: string;
}

/** Feeds a decoder; what is pushed after its end belongs to the next command, as in the server. */
function decodeAll(pieces: readonly Buffer[], streamMaxBytes: number): Outcome {
  const decoder = new InstreamDecoder(streamMaxBytes);
  const body: Buffer[] = [];
  const rest: Buffer[] = [];
  let ending: Outcome['ending'] = 'open';
  for (const piece of pieces) {
    if (ending === 'end') rest.push(piece);
    for (const event of decoder.push(piece)) {
      if (event.kind === 'chunk') body.push(event.bytes);
      else ending = event.kind;
      if (event.kind === 'end') rest.push(event.rest);
    }
  }
  return {
    body: Buffer.concat(body).toString('latin1'),
    ending,
    rest: Buffer.concat(rest).toString('latin1'),
  };
}

const chunk = (text: string): string => encodeChunkHeader(text.length).toString('latin1') + text;
const END = '\0\0\0\0';

// Name, bytes sent, StreamMaxLength, outcome.
const CASES: readonly (readonly [string, string, number, Outcome])[] = [
  ['an empty stream', END, 10, { body: '', ending: 'end', rest: '' }],
  ['two chunks', chunk('abc') + chunk('de') + END, 10, { body: 'abcde', ending: 'end', rest: '' }],
  ['what follows', `${chunk('abc')}${END}zPING\0`, 10, { body: 'abc', ending: 'end', rest: 'zPING\0' }],
  ['exactly the limit', chunk('abc') + chunk('de') + END, 5, { body: 'abcde', ending: 'end', rest: '' }],
  ['one byte past it', chunk('abc') + chunk('def') + END, 5, { body: 'abc', ending: 'sizeLimit', rest: '' }],
  ['a first chunk past it', chunk('abcdef') + END, 5, { body: '', ending: 'sizeLimit', rest: '' }],
  ['the largest length', `\xff\xff\xff\xffabc`, 5, { body: '', ending: 'sizeLimit', rest: '' }],
  ['a length alone, past it', '\0\0\0\x06', 5, { body: '', ending: 'sizeLimit', rest: '' }],
  ['the largest length, unlimited', `\xff\xff\xff\xffabc`, 0, { body: 'abc', ending: 'open', rest: '' }],
  ['no limit', chunk('a'.repeat(70_000)) + END, 0, { body: 'a'.repeat(70_000), ending: 'end', rest: '' }],
  ['a cut length', '\0\0\0', 5, { body: '', ending: 'open', rest: '' }],
  ['a cut chunk', '\0\0\0\x03ab', 5, { body: 'ab', ending: 'open', rest: '' }],
  [
    'chunks that look like ends',
    chunk(END) + chunk('\0') + END,
    9,
    { body: `${END}\0`, ending: 'end', rest: '' },
  ],
];

describe('InstreamDecoder: is the same however the upload is cut', () => {
  test.each(CASES)('%s', (_name, sent, streamMaxBytes, expected) => {
    const bytes = Buffer.from(sent, 'latin1');
    expect(decodeAll([bytes], streamMaxBytes)).toEqual(expected);
    expect(decodeAll(byteByByte(bytes), streamMaxBytes)).toEqual(expected);
    for (let seed = 1; seed <= 8; seed += 1)
      expect(decodeAll(randomCuts(bytes, seed), streamMaxBytes)).toEqual(expected);
  });
});

test('InstreamDecoder: chunks are views of what was pushed', () => {
  const packet = Buffer.from(chunk('abc') + END, 'latin1');
  const [first] = new InstreamDecoder(10).push(packet);
  expect(first?.kind === 'chunk' && first.bytes.buffer === packet.buffer).toBe(true);
});

test('InstreamDecoder: a finished decoder says nothing more', () => {
  for (const ending of [END, '\0\0\0\x09']) {
    const decoder = new InstreamDecoder(5);
    expect(decoder.push(Buffer.from(ending, 'latin1'))).toHaveLength(1);
    expect(decoder.push(Buffer.from(chunk('a'), 'latin1'))).toEqual([]);
  }
});

test('InstreamDecoder: arbitrary bytes never make it throw or pass on more than the limit', () => {
  const smallLengths = fc
    .array(fc.constantFrom(0, 0, 0, 1, 2, 255), { maxLength: 64 })
    .map((bytes) => Buffer.from(bytes));
  const noise = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(
      fc.array(fc.oneof(smallLengths, noise), { maxLength: 8 }),
      fc.integer({ min: 1, max: 40 }),
      (pieces, limit) => {
        const outcome = decodeAll(pieces, limit);
        expect(outcome.body.length).toBeLessThanOrEqual(limit);
        expect(decodeAll([Buffer.concat(pieces)], limit)).toEqual(outcome);
      },
    ),
    { numRuns: 300 },
  );
});

test('InstreamDecoder: what the encoder frames comes back', () => {
  const chunks = fc.array(
    fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(chunks, fc.nat(), (bodies, seed) => {
      const upload = bodies.flatMap((body) => [encodeChunkHeader(body.length), body]);
      const sent = Buffer.concat([...upload, encodeStreamEnd()]);
      const expected = { body: Buffer.concat(bodies).toString('latin1'), ending: 'end', rest: '' };
      expect(decodeAll(randomCuts(sent, seed), 0)).toEqual(expected);
    }),
    { numRuns: 100 },
  );
});
