import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { byteByByte, randomCuts } from '../testing/random-cuts.js';
import type { Terminator } from './command.js';
import { ReplyDecoder, type DecodedReply } from './reply-decoder.js';
import {
  encodeBareError,
  encodeBareWord,
  encodeDetection,
  encodePathMessage,
  encodePathWord,
} from './reply-encoder.js';
import type { Reply } from './reply.js';

function decodeAll(
  pieces: readonly Buffer[],
  decoder = new ReplyDecoder({ terminator: '\0' }),
): DecodedReply[] {
  return pieces.flatMap((piece) => decoder.push(piece));
}

const reply = (body: Reply, sessionId?: number): DecodedReply =>
  sessionId === undefined ? { kind: 'reply', reply: body } : { kind: 'reply', sessionId, reply: body };
const clean = (name: string): Reply => ({ kind: 'clean', name });
const infected = (name: string, signatureName: string): Reply => ({ kind: 'infected', name, signatureName });
const word = (text: string): Reply => ({ kind: 'word', text });
const error = (message: string, name?: string): Reply =>
  name === undefined ? { kind: 'error', message } : { kind: 'error', name, message };

// One line without its terminator, and what it says.
const LINES: readonly (readonly [string, DecodedReply])[] = [
  ['12: fd[14]: OK', reply(clean('fd[14]'), 12)],
  ['1: fd[0]: OK', reply(clean('fd[0]'), 1)],
  ['999999999: fd[123456789]: OK', reply(clean('fd[123456789]'), 999_999_999)],
  ['1000000000: fd[14]: OK', reply(clean('fd[14]'), 1_000_000_000)],
  ['12: fd[1234567890]: OK', reply(clean('fd[1234567890]'), 12)],
  ['12: fd[014]: OK', reply(clean('fd[014]'), 12)],
  ['9007199254740991: fd[14]: OK', reply(clean('fd[14]'), Number.MAX_SAFE_INTEGER)],
  ['9007199254740992: fd[14]: OK', reply(clean('9007199254740992: fd[14]'))],
  ['99999999999999999: fd[14]: OK', reply(clean('99999999999999999: fd[14]'))],
  ['012: fd[14]: OK', reply(clean('012: fd[14]'))],
  ['0: fd[14]: OK', reply(clean('fd[14]'), 0)],
  ['-1: fd[14]: OK', reply(clean('-1: fd[14]'))],
  [': fd[14]: OK', reply(clean(': fd[14]'))],
  ['fd[14]: OK', reply(clean('fd[14]'))],
  ['12: fd[]: OK', reply(clean('fd[]'), 12)],
  ['12: fd[14]: OKAY', reply(word('fd[14]: OKAY'), 12)],
  ['12: fd[14]: OK ', reply(word('fd[14]: OK '), 12)],
  ['12: fd[14]: ok', reply(word('fd[14]: ok'), 12)],
  ['12: fd[14]:OK', reply(word('fd[14]:OK'), 12)],
  ['12: fd[14]: x: OK', reply(word('fd[14]: x: OK'), 12)],
  ['12: fd[14]: Some.Sig-1.UNOFFICIAL FOUND', reply(infected('fd[14]', 'Some.Sig-1.UNOFFICIAL'), 12)],
  ['12: fd[14]: a name: with spaces FOUND', reply(infected('fd[14]', 'a name: with spaces'), 12)],
  ['12: fd[14]:  FOUND', reply(infected('fd[14]', ''), 12)],
  ['12: fd[14]: Not a regular file ERROR', reply(error('Not a regular file', 'fd[14]'), 12)],
  ['stream: OK', reply(clean('stream'))],
  ['3: stream: Sig FOUND', reply(infected('stream', 'Sig'), 3)],
  ['stream: Exceeded time limit ERROR', reply(error('Exceeded time limit', 'stream'))],
  ['/srv/a: b: OK', reply(clean('/srv/a: b'))],
  ['/srv/x FOUND: OK', reply(clean('/srv/x FOUND'))],
  ['/srv/OK: Sig FOUND', reply(infected('/srv/OK', 'Sig'))],
  ['/srv/é: Sig FOUND', reply(infected('/srv/é', 'Sig'))],
  ['/srv/x: Access denied. ERROR', reply(error('Access denied.', '/srv/x'))],
  [
    '/srv/x: File path check failure: Permission denied. ERROR',
    reply(error('Permission denied.', '/srv/x: File path check failure')),
  ],
  ['/srv/x: Excluded', reply(word('/srv/x: Excluded'))],
  ['Error processing command. ERROR', reply(error('Error processing command.'))],
  ['5: No file descriptor received. ERROR', reply(error('No file descriptor received.'), 5)],
  [
    '5: PROTOCOL ERROR: ancillary data sent without FILDES. ERROR',
    reply(error('PROTOCOL ERROR: ancillary data sent without FILDES.'), 5),
  ],
  ['ENGINE VERSION MISMATCH: A != B. ERROR', reply(error('ENGINE VERSION MISMATCH: A != B.'))],
  ['PONG', reply(word('PONG'))],
  ['2: PONG', reply(word('PONG'), 2)],
  ['COMMAND UNAVAILABLE', reply(word('COMMAND UNAVAILABLE'))],
  ['UNKNOWN COMMAND', reply(word('UNKNOWN COMMAND'))],
  ['OK', reply(word('OK'))],
  ['FOUND', reply(word('FOUND'))],
  ['ERROR', reply(word('ERROR'))],
  ['Sig FOUND', reply(word('Sig FOUND'))],
  ['', reply(word(''))],
  [
    '1: ClamAV 1.4.6/27123/Sat Nov 21 20:44:46 2026',
    reply(word('ClamAV 1.4.6/27123/Sat Nov 21 20:44:46 2026'), 1),
  ],
];

describe.each<Terminator>(['\0', '\n'])('ReplyDecoder: a line ended by %j', (terminator) => {
  test.each(LINES)('%j', (line, expected) => {
    const bytes = Buffer.from(`${line}${terminator}7: PONG${terminator}`);
    const decoded = [expected, reply(word('PONG'), 7)];
    const decode = (pieces: readonly Buffer[]): DecodedReply[] =>
      decodeAll(pieces, new ReplyDecoder({ terminator }));
    expect(decode([bytes])).toEqual(decoded);
    expect(decode(byteByByte(bytes))).toEqual(decoded);
    for (let seed = 1; seed <= 8; seed += 1) expect(decode(randomCuts(bytes, seed))).toEqual(decoded);
  });
});

describe('ReplyDecoder: COMMAND READ TIMED OUT in a z session', () => {
  const sent = Buffer.from('1: fd[9]: OK\0COMMAND READ TIMED OUT\n');
  const expected = [reply(clean('fd[9]'), 1), reply(word('COMMAND READ TIMED OUT'))];

  test('is recognised although it ends in a line feed', () => {
    expect(decodeAll([sent])).toEqual(expected);
    expect(decodeAll(byteByByte(sent))).toEqual(expected);
  });

  test('is an ordinary line in n framing', () => {
    const bytes = Buffer.from('COMMAND READ TIMED OUT\n1: PONG\n');
    const decoder = new ReplyDecoder({ terminator: '\n' });
    expect(decodeAll([bytes], decoder)).toEqual([
      reply(word('COMMAND READ TIMED OUT')),
      reply(word('PONG'), 1),
    ]);
  });

  test('is not seen in the middle of a reply', () => {
    const text = 'x COMMAND READ TIMED OUT\ny';
    expect(decodeAll([Buffer.from(`${text}\0`)])).toEqual([reply(word(text))]);
  });
});

test('ReplyDecoder: STATS in a z session is one word of many lines', () => {
  const text = 'POOLS: 1\n\nSTATE: VALID PRIMARY\nEND';
  expect(decodeAll([Buffer.from(`1: ${text}\0`)])).toEqual([reply(word(text), 1)]);
});

describe('ReplyDecoder: bounds', () => {
  test('a line of exactly the bound is taken, one byte more finishes it', () => {
    const fits = Buffer.from(`${'a'.repeat(100)}\0`);
    const over = Buffer.from(`${'a'.repeat(101)}\0PONG\0`);
    for (const cut of [(bytes: Buffer) => [bytes], byteByByte]) {
      const decoder = new ReplyDecoder({ terminator: '\0', lineMaxBytes: 100 });
      expect(decodeAll(cut(fits), decoder)).toEqual([reply(word('a'.repeat(100)))]);
      expect(decodeAll(cut(over), decoder)).toEqual([{ kind: 'overlong' }]);
      expect(decodeAll([Buffer.from('PONG\0')], decoder)).toEqual([]);
      expect(decoder.pendingBytes).toBe(0);
    }
  });

  test('the bound is clamd’s own by default, and holds for the common line too', () => {
    expect(decodeAll([Buffer.from(`${'a'.repeat(5120)}\0`)])).toHaveLength(1);
    expect(decodeAll([Buffer.from(`${'a'.repeat(5121)}\0`)])).toEqual([{ kind: 'overlong' }]);
    const narrow = new ReplyDecoder({ terminator: '\0', lineMaxBytes: 12 });
    expect(decodeAll([Buffer.from('1: fd[14]: OK\0')], narrow)).toEqual([{ kind: 'overlong' }]);
  });

  test('holds none of the caller’s memory after push', () => {
    const decoder = new ReplyDecoder({ terminator: '\0' });
    const head = Buffer.from('4: PO');
    decoder.push(head);
    head.fill('#');
    expect(decoder.push(Buffer.from('NG\0'))).toEqual([reply(word('PONG'), 4)]);
  });

  test('bytes left from a longer line are never read as part of a shorter one', () => {
    const decoder = new ReplyDecoder({ terminator: '\0' });
    decodeAll(byteByByte(Buffer.from('12: fd[14]: OK')), decoder);
    decoder.push(Buffer.from('\0'));
    expect(decodeAll(byteByByte(Buffer.from('34: fd[1')), decoder)).toEqual([]);
    expect(decodeAll([Buffer.from('5]: OK\0')], decoder)).toEqual([reply(clean('fd[15]'), 34)]);
  });

  test('arbitrary bytes never make it throw or keep more than one line, and cuts change nothing', () => {
    const token = fc.constantFrom(
      '1: ',
      'fd[3]',
      ': OK',
      ' FOUND',
      ' ERROR',
      '\0',
      '\n',
      'COMMAND READ TIMED OUT\n',
    );
    const piece = fc.oneof(
      token.map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), fc.nat(), (pieces, seed) => {
        const decoder = new ReplyDecoder({ terminator: '\0', lineMaxBytes: 80 });
        const decoded: DecodedReply[] = [];
        for (const bytes of pieces) {
          decoded.push(...decoder.push(bytes));
          expect(decoder.pendingBytes).toBeLessThanOrEqual(80);
        }
        const recut = new ReplyDecoder({ terminator: '\0', lineMaxBytes: 80 });
        expect(decodeAll(randomCuts(Buffer.concat(pieces), seed), recut)).toEqual(decoded);
      }),
      { numRuns: 300 },
    );
  });
});

describe('reply encoder: what it writes comes back', () => {
  const text = fc.stringMatching(/^[\w./-]{1,40}$/);
  const frame = fc.record({
    terminator: fc.constantFrom<Terminator>('\0', '\n'),
    sessionId: fc.option(fc.maxSafeNat(), { nil: undefined }),
  });

  test('for every shape, session id and terminator', () => {
    fc.assert(
      fc.property(fc.record({ name: text, said: text, frame, asBuffer: fc.boolean() }), (given) => {
        const { said, frame: around } = given;
        const path = `/${given.name}`;
        const name = given.asBuffer ? Buffer.from(path) : path;
        const decoder = new ReplyDecoder({ terminator: around.terminator });
        const decoded = decodeAll(
          [
            encodePathWord(name, 'OK', around),
            encodeDetection(name, said, around),
            encodePathMessage(name, said, around),
            encodeBareError(`the ${said}`, around),
            encodeBareWord(`the ${said}`, around),
          ],
          decoder,
        );
        const expected = [
          clean(path),
          infected(path, said),
          error(said, path),
          error(`the ${said}`),
          word(`the ${said}`),
        ];
        expect(decoded).toEqual(expected.map((body) => reply(body, around.sessionId)));
      }),
      { numRuns: 100 },
    );
  });
});
