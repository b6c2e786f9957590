import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { byteByByte, randomCuts } from '../testing/random-cuts.js';
import { CommandDecoder } from './command-decoder.js';
import { COMMAND_MAX_BYTES, COMMAND_VERBS, allowedInSession, takesPath } from './command.js';

/** A decoded outcome as one line of text, so that the table below can be read. */
function decodeAll(pieces: readonly Buffer[], decoder = new CommandDecoder()): string[] {
  const outcomes: string[] = [];
  for (const piece of pieces) {
    decoder.push(piece);
    for (let decoded = decoder.next(); decoded !== undefined; decoded = decoder.next()) {
      if (decoded.kind === 'overlong') outcomes.push('overlong');
      else if (decoded.kind === 'oldStyleInSession')
        outcomes.push(`old in session ${show(decoded.terminator)}`);
      else if (decoded.kind === 'unknown')
        outcomes.push(`unknown ${decoded.framing} ${show(decoded.terminator)}`);
      else {
        const { command, framing, terminator } = decoded;
        const path = 'path' in command ? ` [${command.path.toString('latin1')}]` : '';
        outcomes.push(`${command.verb}${path} ${framing} ${show(terminator)}`);
      }
    }
  }
  return outcomes;
}

const show = (terminator: string): string => (terminator === '\0' ? 'NUL' : 'LF');
const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

const PLAIN = COMMAND_VERBS.filter((verb) => !takesPath(verb));
const LONGEST_PATH = 'a'.repeat(COMMAND_MAX_BYTES - 'zSCAN \0'.length);

// Bytes sent on one connection, and what they are. None depends on where packets begin.
const PREFIXED_CASES: readonly (readonly [string, readonly string[]])[] = [
  ...PLAIN.map((verb) => [`z${verb}\0`, [`${verb} z NUL`]] as const),
  ...PLAIN.map((verb) => [`n${verb}\n`, [`${verb} n LF`]] as const),
  ...PLAIN.map((verb) => [`z${verb} \0`, ['unknown z NUL']] as const),
  ...COMMAND_VERBS.map((verb) => [`z${verb.toLowerCase()}\0`, ['unknown z NUL']] as const),
  ...COMMAND_VERBS.map((verb) => [`z${verb.slice(0, -1)}\0`, ['unknown z NUL']] as const),
  ['zSCAN /tmp/f\0', ['SCAN [/tmp/f] z NUL']],
  ['nSCAN /tmp/f\n', ['SCAN [/tmp/f] n LF']],
  ['zCONTSCAN /tmp/f\0', ['CONTSCAN [/tmp/f] z NUL']],
  ['zMULTISCAN /tmp/f\0', ['MULTISCAN [/tmp/f] z NUL']],
  ['zALLMATCHSCAN /tmp/f\0', ['ALLMATCHSCAN [/tmp/f] z NUL']],
  ['zSCANX/tmp/f\0', ['SCAN [/tmp/f] z NUL']],
  ['zSCAN \0', ['SCAN [] z NUL']],
  ['zSCAN\0', ['unknown z NUL']],
  ['zALLMATCHSCAN\0', ['unknown z NUL']],
  ['zSCAN   a b  \0', ['SCAN [  a b  ] z NUL']],
  ['nSCAN  a b  \n', ['SCAN [ a b  ] n LF']],
  ['zSCAN /tmp/a\nb\r\0', ['SCAN [/tmp/a\nb\r] z NUL']],
  ['zSCAN /tmp/\xff\xfe\0', ['SCAN [/tmp/\xff\xfe] z NUL']],
  ['zVERSIONCOMMANDSX\0', ['unknown z NUL']],
  ['zDETSTATSCLEARED\0', ['unknown z NUL']],
  ['zRAWSCAN /tmp/f\0', ['unknown z NUL']],
  ['zSTREAM\0', ['unknown z NUL']],
  ['zSESSION\0', ['unknown z NUL']],
  ['zFD 3\0', ['unknown z NUL']],
  ['zPING\n\0', ['unknown z NUL']],
  ['z PING\0', ['unknown z NUL']],
  ['z\0', ['unknown z NUL']],
  ['n\n', ['unknown n LF']],
  ['n\r\n', ['unknown n LF']],
  ['nPING\r\n', ['PING n LF']],
  ['nPING\r\r\n', ['PING n LF']],
  ['nSCAN /tmp/f\r\n', ['SCAN [/tmp/f] n LF']],
  ['nSCAN\r\n', ['unknown n LF']],
  ['nPING \r\n', ['unknown n LF']],
  // A NUL ends an n command like a C string, but only once its line is complete (observed on clamd 1.4.6).
  ['nPING\0', []],
  ['zIDSESSION\0nPING\0nVERSION\n', ['IDSESSION z NUL', 'PING n LF', 'VERSION n LF']],
  ['zIDSESSION\0nPING\r\0nVERSION\n', ['IDSESSION z NUL', 'PING n LF', 'VERSION n LF']],
  ['nSCAN\0/tmp/f\n', ['unknown n LF']],
  // Outside a session one command a connection is served.
  ['zPING\0zVERSION\0', ['PING z NUL']],
  ['zNONSENSE\0zIDSESSION\0', ['unknown z NUL']],
  ['zPING', []],
  ['nPING\r', []],
  ['need help?', []],
  ['zIDSESSION\0nPING\nzPING\0nEND\n', ['IDSESSION z NUL', 'PING n LF', 'PING z NUL', 'END n LF']],
  ['nIDSESSION\nnPING\r\nnVERSION\r\n', ['IDSESSION n LF', 'PING n LF', 'VERSION n LF']],
  ['zIDSESSION\0zNONSENSE\0zPING\0', ['IDSESSION z NUL', 'unknown z NUL', 'PING z NUL']],
  [`zSCAN ${LONGEST_PATH}\0`, [`SCAN [${LONGEST_PATH}] z NUL`]],
  [`zSCAN ${LONGEST_PATH}a\0`, ['overlong']],
  [`nSCAN ${LONGEST_PATH}\n`, [`SCAN [${LONGEST_PATH}] n LF`]],
  [`nSCAN ${LONGEST_PATH}a\nnPING\n`, ['overlong']],
  [`zSCAN ${LONGEST_PATH}`, []],
  [`zSCAN ${LONGEST_PATH}a`, []],
  [`zSCAN ${LONGEST_PATH}aa`, ['overlong']],
  [
    `zIDSESSION\0zPING\0zSCAN ${LONGEST_PATH}\0zSCAN ${LONGEST_PATH}a\0zPING\0`,
    ['IDSESSION z NUL', 'PING z NUL', `SCAN [${LONGEST_PATH}] z NUL`, 'overlong'],
  ],
];

describe('CommandDecoder: prefixed commands are the same however they are cut', () => {
  test.each(PREFIXED_CASES.map(([sent, expected]) => [label(sent), sent, expected] as const))(
    '%s',
    (_label, sent, expected) => {
      const bytes = bytesOf(sent);
      expect(decodeAll([bytes])).toEqual(expected);
      expect(decodeAll(byteByByte(bytes))).toEqual(expected);
      for (let seed = 1; seed <= 8; seed += 1) expect(decodeAll(randomCuts(bytes, seed))).toEqual(expected);
      expect(decodeAll(randomCuts(bytes, 9, 3000))).toEqual(expected);
    },
  );
});

const OLD_CASES: readonly (readonly [string, readonly string[]])[] = [
  ...[
    'QUIT',
    'SHUTDOWN',
    'RELOAD',
    'SELFCHECK',
    'PING',
    'VERSION',
    'FILDES',
    'DETSTATS',
    'DETSTATSCLEAR',
  ].map((verb) => [`${verb}\n`, [`${verb} old LF`]] as const),
  ...['VERSIONCOMMANDS', 'END', 'STATS', 'IDSESSION', 'INSTREAM', 'ALLMATCHSCAN /tmp/f'].map(
    (sent) => [`${sent}\n`, ['unknown old LF']] as const,
  ),
  ['SCAN /tmp/f\n', ['SCAN [/tmp/f] old LF']],
  ['SCAN /tmp/f', ['SCAN [/tmp/f] old LF']],
  ['CONTSCAN /tmp/f\n', ['CONTSCAN [/tmp/f] old LF']],
  ['MULTISCAN /tmp/f\n', ['MULTISCAN [/tmp/f] old LF']],
  ['SCAN \n', ['SCAN [] old LF']],
  ['SCAN\n', ['unknown old LF']],
  ['SCAN', ['unknown old LF']],
  ['PING', ['PING old LF']],
  ['PING\r', ['PING old LF']],
  ['PING\r\r\n', ['PING old LF']],
  ['PING\0', ['PING old LF']],
  ['PING\r\0\n', ['PING old LF']],
  ['SCAN /tmp/f\0junk', ['SCAN [/tmp/f] old LF']],
  ['SCAN\0/tmp/f\n', ['unknown old LF']],
  ['FILDESx', ['unknown old LF']],
  ['\n', ['unknown old LF']],
  ['\r\n', ['unknown old LF']],
  ['\0', ['unknown old LF']],
  ['\0PING', ['unknown old LF']],
  ['ping', ['unknown old LF']],
  [' PING\n', ['unknown old LF']],
];

describe('CommandDecoder: an old-style command is one packet', () => {
  test.each(OLD_CASES.map(([sent, expected]) => [label(sent), sent, expected] as const))(
    '%s',
    (_label, sent, expected) => {
      expect(decodeAll([bytesOf(sent)])).toEqual(expected);
    },
  );

  test('two packets are never put together', () => {
    expect(decodeAll([bytesOf('PI'), bytesOf('NG')])).toEqual(['unknown old LF']);
  });

  test('an HTTP request is unknown', () => {
    const decoder = new CommandDecoder();
    decoder.push(bytesOf('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    expect(decoder.next()).toEqual({ kind: 'unknown', framing: 'old', terminator: '\n' });
  });

  test('only the first 4104 bytes of a packet count, and the rest is no garbage', () => {
    const decoder = new CommandDecoder();
    decoder.push(bytesOf(`SCAN /${'a'.repeat(6000)}\nmore`));
    expect(decoder.next()).toMatchObject({
      command: { path: bytesOf(`/${'a'.repeat(COMMAND_MAX_BYTES - 6)}`) },
    });
    expect(decoder.pendingBytes).toBe(0);
  });
});

describe('CommandDecoder: what stands behind a command', () => {
  // Bytes of garbage as clamd 1.4.6 counted them, except for the CR that it counts wrongly itself.
  test.each([
    ['SCAN /tmp/f\njunk', 4],
    ['SCAN /tmp/f\n\n', 1],
    ['SCAN /tmp/f\r\n\r\n', 2],
    ['SCAN /tmp/f\0junk', 0],
    ['SCAN /tmp/f\0junk\nmore', 4],
    ['zSCAN /tmp/f\0junk', 4],
    ['nSCAN /tmp/f\0zz\n', 3],
    ['nSCAN /tmp/f\r\n', 0],
  ])('%j leaves %i bytes', (sent, pendingBytes) => {
    const decoder = new CommandDecoder();
    decoder.push(bytesOf(sent));
    expect(decoder.next()?.kind).toBe('command');
    expect(decoder.pendingBytes).toBe(pendingBytes);
  });

  test.each(['zFILDES\0', 'nFILDES\n', 'nFILDES\r\n', 'FILDES\n', 'FILDES\0'])(
    '%j is followed by its dummy byte',
    (sent) => {
      for (const pieces of [[bytesOf(`${sent}\x07`)], [bytesOf(sent), bytesOf('\x07')]]) {
        const decoder = new CommandDecoder();
        decoder.push(pieces[0]!);
        expect(decoder.next()).toMatchObject({ kind: 'command', command: { verb: 'FILDES' } });
        if (pieces[1] !== undefined) {
          expect(decoder.takeByte()).toBeUndefined();
          decoder.push(pieces[1]);
        }
        expect(decoder.takeByte()).toBe(7);
        expect(decoder.takeByte()).toBeUndefined();
      }
    },
  );

  test('pipelined FILDES commands and dummy bytes are told apart, even when the dummy byte is a z', () => {
    const decoder = new CommandDecoder();
    for (const piece of byteByByte(bytesOf('zIDSESSION\0'))) decoder.push(piece);
    expect(decoder.next()?.kind).toBe('command');
    decoder.push(bytesOf('zFILDES\0zzFILDES\0\0zPING\0'));
    expect(decoder.next()).toMatchObject({ command: { verb: 'FILDES' } });
    expect(decoder.takeByte()).toBe(0x7a);
    expect(decoder.next()).toMatchObject({ command: { verb: 'FILDES' } });
    expect(decoder.takeByte()).toBe(0);
    expect(decoder.next()).toMatchObject({ command: { verb: 'PING' } });
    expect(decoder.next()).toBeUndefined();
  });

  test('the head of an upload is taken in one piece, without a copy', () => {
    const packet = bytesOf('zINSTREAM\0\0\0\0\x03abc');
    const decoder = new CommandDecoder();
    decoder.push(packet);
    expect(decoder.next()).toMatchObject({ command: { verb: 'INSTREAM' } });
    const head = decoder.take();
    expect(head).toEqual(bytesOf('\0\0\0\x03abc'));
    expect(head.buffer).toBe(packet.buffer);
    expect(decoder.take()).toHaveLength(0);
    expect(decoder.pendingBytes).toBe(0);
  });

  test('take(n) takes no more than n', () => {
    const decoder = new CommandDecoder();
    decoder.push(bytesOf('zINSTREAM\0abcdef'));
    decoder.next();
    expect(decoder.take(2)).toEqual(bytesOf('ab'));
    expect(decoder.take(0)).toHaveLength(0);
    expect(decoder.take(99)).toEqual(bytesOf('cdef'));
  });
});

describe('CommandDecoder: old style inside a session', () => {
  test('is refused with the terminator of the command before', () => {
    expect(decodeAll([bytesOf('zIDSESSION\0'), bytesOf('PING\n'), bytesOf('zPING\0')])).toEqual([
      'IDSESSION z NUL',
      'old in session NUL',
    ]);
    expect(decodeAll([bytesOf('zIDSESSION\0nPING\n'), bytesOf('\r\n')])).toEqual([
      'IDSESSION z NUL',
      'PING n LF',
      'old in session LF',
    ]);
  });

  test('is not seen behind another command until the next packet', () => {
    const decoder = new CommandDecoder();
    const head = bytesOf(`zIDSESSION\0zPING\0P${'x'.repeat(60_000)}`);
    expect(decodeAll([head], decoder)).toEqual(['IDSESSION z NUL', 'PING z NUL']);
    expect(decoder.pendingBytes).toBeLessThanOrEqual(COMMAND_MAX_BYTES);
    expect(decodeAll([bytesOf('n')], decoder)).toEqual(['old in session NUL']);
  });

  test('is seen at once in what an upload left over', () => {
    const decoder = new CommandDecoder();
    decodeAll([bytesOf('zIDSESSION\0zINSTREAM\0')], decoder);
    expect(decodeAll([bytesOf('PING\n')], decoder)).toEqual(['old in session NUL']);
  });
});

describe('CommandDecoder: bounds', () => {
  test('is finished after an overlong command', () => {
    const decoder = new CommandDecoder();
    expect(decodeAll([Buffer.alloc(5000, 'z')], decoder)).toEqual(['overlong']);
    expect(decodeAll([bytesOf('zPING\0')], decoder)).toEqual([]);
    expect(decoder.pendingBytes).toBe(0);
  });

  test('a caller that pushes and never pulls does not make it grow', () => {
    const decoder = new CommandDecoder();
    for (let at = 0; at < 100; at += 1) {
      decoder.push(Buffer.alloc(3000, 'zPING\0'));
      expect(decoder.pendingBytes).toBeLessThanOrEqual(COMMAND_MAX_BYTES + 3000);
    }
    expect(decodeAll([bytesOf('zPING\0')], decoder)).toEqual(['overlong']);
  });

  test('garbage behind the one command of a connection is not kept without end', () => {
    const decoder = new CommandDecoder();
    expect(decodeAll([bytesOf(`zPING\0${'x'.repeat(60_000)}`)], decoder)).toEqual(['PING z NUL']);
    expect(decoder.pendingBytes).toBe(COMMAND_MAX_BYTES);
  });

  test.each([1, 2000])('hold() copies what is unread, %i commands of it, out of the packet', (commands) => {
    const decoder = new CommandDecoder();
    const packet = Buffer.from(`zIDSESSION\0${'zPING\0'.repeat(commands)}nVERS`, 'latin1');
    decoder.push(packet);
    expect(decoder.next()).toMatchObject({ command: { verb: 'IDSESSION' } });
    decoder.hold();
    packet.fill(0xdd);
    decoder.hold();
    for (let n = 0; n < commands; n += 1) expect(decoder.next()).toMatchObject({ command: { verb: 'PING' } });
    expect(decoder.next()).toBeUndefined();
    decoder.push(Buffer.from('ION\n'));
    expect(decoder.next()).toMatchObject({ command: { verb: 'VERSION' }, framing: 'n' });
  });

  test('holds none of the packet once next() answered undefined, and a path is a copy', () => {
    const packet = bytesOf('zSCAN /tmp/f\0zPI');
    const decoder = new CommandDecoder();
    decodeAll([bytesOf('zIDSESSION\0')], decoder);
    decoder.push(packet);
    const scan = decoder.next();
    expect(decoder.next()).toBeUndefined();
    packet.fill('#');
    decoder.push(bytesOf('NG\0'));
    expect(scan).toMatchObject({ command: { verb: 'SCAN', path: bytesOf('/tmp/f') } });
    expect(decoder.next()).toMatchObject({ command: { verb: 'PING' } });
  });

  test('arbitrary bytes never make it throw or keep more than one command', () => {
    const token = fc.constantFrom(
      'zIDSESSION\0',
      'zPING\0',
      'nSCAN /x\r\n',
      'zFILDES\0',
      'SCAN /x',
      'n',
      'z',
      '\0',
      '\n',
    );
    const piece = fc.oneof(
      token.map(bytesOf),
      fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
      fc.integer({ min: 0, max: 9000 }).map((length) => Buffer.alloc(length, 'a')),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const decoder = new CommandDecoder();
        for (const bytes of pieces) {
          decodeAll([bytes], decoder);
          expect(decoder.pendingBytes).toBeLessThanOrEqual(COMMAND_MAX_BYTES);
        }
      }),
      { numRuns: 300 },
    );
  });
});

test('allowedInSession: exactly the eight commands of behaviour 1.6', () => {
  expect(COMMAND_VERBS.filter(allowedInSession)).toEqual([
    'SCAN',
    'PING',
    'VERSIONCOMMANDS',
    'VERSION',
    'END',
    'FILDES',
    'STATS',
    'INSTREAM',
  ]);
});

test('COMMAND_VERBS: the order VERSIONCOMMANDS prints', () => {
  expect(COMMAND_VERBS.join(' ')).toBe(
    'SCAN QUIT RELOAD SELFCHECK PING CONTSCAN VERSIONCOMMANDS VERSION END SHUTDOWN MULTISCAN FILDES STATS IDSESSION INSTREAM DETSTATSCLEAR DETSTATS ALLMATCHSCAN',
  );
});

function label(sent: string): string {
  return JSON.stringify(sent.length > 60 ? `${sent.slice(0, 40)}… ${sent.length} bytes` : sent);
}
