import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { byteByByte, randomCuts } from '../testing/random-cuts.js';
import { CommandDecoder } from './command-decoder.js';
import { encodeChunkHeader, encodeCommand, encodePathCommand, encodeStreamEnd } from './command-encoder.js';
import { COMMAND_MAX_BYTES, COMMAND_VERBS, allowedInSession, takesPath } from './command.js';
import { InstreamDecoder } from './instream-framing.js';

/** Serves a connection as far as bytes go: commands, the byte of FILDES, the chunks of INSTREAM. One text a thing seen. */
function serve(pieces: readonly Buffer[], streamMaxBytes: number): string[] {
  const decoder = new CommandDecoder();
  const seen: string[] = [];
  let upload: InstreamDecoder | undefined;
  let body = '';
  let awaitsByte = false;

  const step = (): boolean => {
    if (awaitsByte) {
      const byte = decoder.takeByte();
      if (byte === undefined) return false;
      seen.push(`byte ${byte}`);
      awaitsByte = false;
      return true;
    }
    if (upload !== undefined) {
      const bytes = decoder.take();
      for (const event of upload.push(bytes)) {
        if (event.kind === 'chunk') {
          body += event.bytes.toString('latin1');
          continue;
        }
        seen.push(`${event.kind} ${body}`);
        upload = undefined;
        // Past its limit a connection is over.
        if (event.kind === 'sizeLimit') return false;
        decoder.push(event.rest);
      }
      return bytes.length > 0 && upload === undefined;
    }
    const decoded = decoder.next();
    if (decoded === undefined) return false;
    if (decoded.kind !== 'command') {
      seen.push(decoded.kind);
      return true;
    }
    const { command } = decoded;
    seen.push(
      `${decoded.framing} ${command.verb}${'path' in command ? command.path.toString('latin1') : ''}`,
    );
    awaitsByte = command.verb === 'FILDES';
    if (command.verb === 'INSTREAM') {
      upload = new InstreamDecoder(streamMaxBytes);
      body = '';
    }
    return true;
  };

  for (const piece of pieces) {
    decoder.push(piece);
    while (step());
    if (seen.at(-1)?.startsWith('sizeLimit') === true) return seen;
  }
  return seen;
}

/** An old-style command is where a packet begins, so whether it is seen is the one thing that may hang on the cuts. */
function withoutOldStyle(seen: readonly string[]): readonly string[] {
  return seen.filter((what) => what !== 'oldStyleInSession');
}

const SESSION_VERBS = COMMAND_VERBS.filter(allowedInSession);
const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

interface Said {
  readonly sent: readonly Buffer[];
  readonly seen: readonly string[];
}

/** One whole command of a session with what follows it, and what a decoder must make of it. */
const request: fc.Arbitrary<Said> = fc
  .record({
    verb: fc.constantFrom(...SESSION_VERBS),
    path: bytes(60).map((path) => Buffer.from(path.filter((byte) => byte !== 0))),
    chunks: fc.array(
      bytes(40).filter(({ length }) => length > 0),
      { maxLength: 3 },
    ),
    byte: fc.nat(255),
  })
  .map(({ verb, path, chunks, byte }) => {
    if (takesPath(verb)) {
      return { sent: [encodePathCommand(verb, path)], seen: [`z ${verb}${path.toString('latin1')}`] };
    }
    const head = { sent: [encodeCommand(verb)], seen: [`z ${verb}`] };
    if (verb === 'FILDES')
      return { sent: [...head.sent, Buffer.of(byte)], seen: [...head.seen, `byte ${byte}`] };
    if (verb !== 'INSTREAM') return head;
    const framed = chunks.flatMap((chunk) => [encodeChunkHeader(chunk.length), chunk]);
    const body = Buffer.concat(chunks).toString('latin1');
    return { sent: [...head.sent, ...framed, encodeStreamEnd()], seen: [...head.seen, `end ${body}`] };
  });

describe('a session', () => {
  test('whatever a client encodes is decoded as it was meant, however it is cut', () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 12 }), fc.nat(), (requests, seed) => {
        const sent = Buffer.concat([encodeCommand('IDSESSION'), ...requests.flatMap((each) => each.sent)]);
        const expected = ['z IDSESSION', ...requests.flatMap((each) => each.seen)];
        for (const pieces of [[sent], byteByByte(sent), randomCuts(sent, seed)]) {
          expect(serve(pieces, 0)).toEqual(expected);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('arbitrary bytes mean the same however they are cut', () => {
    const token = fc.constantFrom(
      ...[
        'zPING\0',
        'nPING\n',
        'nSCAN /x\r\n',
        'zFILDES\0',
        'zINSTREAM\0',
        'nINSTREAM\n',
        'zEND\0',
        'zNONSENSE\0',
      ],
      ...['z', 'n', '\0', '\n', '\0\0\0\x02', '\0\0\0\0', '\xff\xff\xff\xff', 'zSCAN '],
    );
    const piece = fc.oneof(
      { weight: 4, arbitrary: token.map((text) => Buffer.from(text, 'latin1')) },
      { weight: 1, arbitrary: bytes(20) },
      {
        weight: 1,
        arbitrary: fc.integer({ min: 4000, max: 4200 }).map((length) => Buffer.alloc(length, 'a')),
      },
    );
    const opening = fc.constantFrom('zIDSESSION\0', 'nIDSESSION\n', 'z', 'n', 'zPI', 'nINSTREAM\n');
    fc.assert(
      fc.property(
        opening,
        fc.array(piece, { maxLength: 16 }),
        fc.nat(),
        fc.nat(40),
        (first, pieces, seed, limit) => {
          const sent = Buffer.concat([Buffer.from(first, 'latin1'), ...pieces]);
          const whole = withoutOldStyle(serve([sent], limit));
          expect(withoutOldStyle(serve(byteByByte(sent), limit))).toEqual(whole);
          expect(withoutOldStyle(serve(randomCuts(sent, seed, 100), limit))).toEqual(whole);
        },
      ),
      { numRuns: 400 },
    );
  });
});

describe('CommandDecoder', () => {
  test('never holds more than one command, whatever it is fed and however it is taken from', () => {
    const action = fc.oneof(
      bytes(5000).map((fed) => ({ kind: 'push' as const, fed })),
      fc.constant({ kind: 'next' as const }),
      fc.constant({ kind: 'takeByte' as const }),
      fc.nat(6000).map((count) => ({ kind: 'take' as const, count })),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const decoder = new CommandDecoder();
        for (const each of actions) {
          if (each.kind === 'push') decoder.push(each.fed);
          else if (each.kind === 'next') while (decoder.next() !== undefined);
          else if (each.kind === 'takeByte') decoder.takeByte();
          else expect(decoder.take(each.count).length).toBeLessThanOrEqual(each.count);
          // One packet more than the bound, before anything is taken from it.
          expect(decoder.pendingBytes).toBeLessThanOrEqual(COMMAND_MAX_BYTES + 5000);
        }
        while (decoder.next() !== undefined);
        expect(decoder.pendingBytes).toBeLessThanOrEqual(COMMAND_MAX_BYTES);
      }),
      { numRuns: 200 },
    );
  });
});
