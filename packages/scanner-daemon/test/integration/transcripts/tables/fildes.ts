import { GARBAGE_RACE, bytewise, halfClose, hear, pause, row, withFds } from '../script.js';
import type { Difference, FdKind, Script, Topic } from '../script.js';

const S = 'zIDSESSION\0';

/** Of every kind, in both layouts and in a session. */
function ofEveryKind(): Script[] {
  const kinds: readonly FdKind[] = [
    ...(['clean', 'infected', 'empty', 'deleted', 'directory', 'fifo', 'socket'] as const),
    ...(['device', 'proc', 'writeOnly', 'pathOnly'] as const),
  ];
  return kinds.flatMap((kind) => [
    row(`${kind}: command and byte in one message`, [withFds('zFILDES\0\0', kind)], {
      differs: unreadable(kind, 'fd[N]', '\0'),
    }),
    row(`${kind}: byte in a message of its own`, ['nFILDES\n', pause, withFds('x', kind)], {
      differs: unreadable(kind, 'fd[N]', '\n'),
    }),
    row(`${kind}: in a session`, [S, withFds('zFILDES\0\0', kind), hear('fd['), 'zPING\0zEND\0'], {
      differs: unreadable(kind, '1: fd[N]', '\x002: PONG\0'),
    }),
  ]);
}

/** What cannot be read has not been scanned. */
function unreadable(kind: FdKind, name: string, rest: string): Difference | undefined {
  if (kind !== 'writeOnly' && kind !== 'pathOnly') return undefined;
  return {
    received: `${name}: Can't read file ERROR${rest}`,
    because: 'an unreadable descriptor is not clean (behaviour 1.7, 1.14)',
  };
}

const ALONE: readonly Script[] = [
  row('old style with LF', [withFds('FILDES\nx', 'infected')]),
  row('old style with CRLF', [withFds('FILDES\r\nx', 'infected')]),
  row('old style, byte later', ['FILDES\n', pause, withFds('x', 'infected')]),
  row('old style without LF in one message', [withFds('FILDESx', 'clean')]),
  row('old style without LF, byte later', ['FILDES', pause, withFds('x', 'clean')], {
    differs: {
      received: 'fd[N]: OK\n',
      because: 'the packet was a whole command (behaviour 1.2), so its descriptor is scanned like any other',
    },
  }),
  row('n with CRLF', [withFds('nFILDES\r\nx', 'infected')], {
    ...GARBAGE_RACE,
    differs: {
      received: 'fd[N]: Test.Eicar.UNOFFICIAL FOUND\n',
      because: 'CRLF is accepted; clamd counts it wrong (behaviour 1.2)',
    },
  }),
  row('command byte by byte', [bytewise('zFILDES\0'), pause, withFds('x', 'infected')]),
  row('descriptor with the command, byte later', [withFds('zFILDES\0', 'clean'), pause, 'x']),
  row('the same in n', [withFds('nFILDES\n', 'clean'), pause, 'x']),
  row('descriptor with half a command', [withFds('zFIL', 'clean'), pause, 'DES\0x']),
  row('descriptor with half a command in n', [withFds('nFIL', 'clean'), pause, 'DES\nx']),
  row('byte without a descriptor', ['zFILDES\0x']),
  row('byte without a descriptor in n', ['nFILDES\nx']),
  row('byte without a descriptor in old style', ['FILDES\nx']),
  row('byte without a descriptor, later', ['zFILDES\0', pause, 'x']),
  row('descriptor after the byte', ['zFILDES\0x', pause, withFds('y', 'clean')]),
  row('command only', ['zFILDES\0']),
  row('command, then half-close', ['zFILDES\0', halfClose]),
  row('half-close behind the descriptor', [withFds('zFILDES\0x', 'infected'), halfClose]),
  row('bytes behind the byte', [withFds('zFILDES\0xgarbage', 'clean')], GARBAGE_RACE),
  row('bytes behind the byte of an infected file', [withFds('nFILDES\nxnPING\n', 'infected')], GARBAGE_RACE),
  row('two descriptors', [withFds('zFILDES\0x', 'clean', 'infected')]),
  row('two descriptors, byte in a message of its own', [
    'zFILDES\0',
    pause,
    withFds('x', 'clean', 'infected'),
  ]),
  row('three descriptors', [withFds('zFILDES\0x', 'clean', 'clean', 'clean')]),
  row('ten descriptors', [withFds('zFILDES\0x', ...Array.from({ length: 10 }, () => 'clean' as const))]),
  row('over TCP', ['zFILDES\0x'], { over: 'tcp' }),
];

/** A descriptor where none belongs. Not with SCAN: whether clamd complains of it depends on which of its threads is first. */
const STRAY: readonly Script[] = [
  row('with PING', [withFds('zPING\0', 'clean')]),
  row('with PING in old style', [withFds('PING\n', 'clean')]),
  row('with VERSION', [withFds('nVERSION\n', 'clean')]),
  row('with an unknown command', [withFds('zBLAH\0', 'clean')]),
  row('with INSTREAM', [withFds('zINSTREAM\0', 'clean'), pause, '\0\0\0\0']),
  row('with a chunk', ['nINSTREAM\n', pause, withFds('\0\0\0\0', 'clean')]),
  row('with IDSESSION', [withFds(S, 'clean')]),
  row('with half a PING', [withFds('zPI', 'clean'), pause, 'NG\0']),
  row('two with PING', [withFds('zPING\0', 'clean', 'clean')]),
  row('three with PING', [withFds('zPING\0', 'clean', 'clean', 'clean')]),
];

const IN_SESSIONS: readonly Script[] = [
  row('several, one after another', [
    S,
    withFds('zFILDES\0x', 'clean'),
    hear('1: '),
    withFds('zFILDES\0x', 'infected'),
    hear('2: '),
    withFds('nFILDES\nx', 'empty'),
    hear('3: '),
    'zEND\0',
  ]),
  row(
    'several at once',
    [
      S,
      withFds('zFILDES\0x', 'clean'),
      withFds('zFILDES\0x', 'infected'),
      withFds('zFILDES\0x', 'clean'),
      'zEND\0',
    ],
    { sorted: true },
  ),
  row('command and byte in messages of their own', [
    `${S}zFILDES\0`,
    withFds('x', 'clean'),
    hear('1: '),
    'nFILDES\n',
    withFds('x', 'infected'),
    hear('2: '),
    'zPING\0',
  ]),
  row('session and command in one message', [withFds(`${S}zFILDES\0x`, 'clean')]),
  row('a command behind the byte', [S, pause, withFds('zFILDES\0xzPING\0', 'clean')], { sorted: true }),
  row('bytes behind the byte in a session', [`${S}zFILDES\0`, pause, withFds('xyz', 'clean')]),
  row('no descriptor', [`${S}zFILDES\0x`]),
  row('no descriptor, more commands', [`${S}zPING\0nFILDES\nxzPING\0`]),
  row('two in a session', [S, pause, withFds('zFILDES\0x', 'clean', 'clean')]),
  row('three in a session', [S, pause, withFds('zFILDES\0x', 'clean', 'clean', 'clean')]),
  row('descriptor with the command', [S, pause, withFds('zFILDES\0', 'clean'), pause, 'x']),
  row('descriptor with the command in n', [S, pause, withFds('nFILDES\n', 'clean'), pause, 'x']),
  row('descriptor with the command after PING', [
    `${S}nPING\n`,
    pause,
    withFds('zFILDES\0', 'clean'),
    pause,
    'x',
  ]),
  row('of a session begun in n', ['nIDSESSION\n', pause, withFds('nFILDES\n', 'clean'), pause, 'x']),
  row('with PING in a session', [S, pause, withFds('zPING\0', 'clean')]),
  row('with two PINGs in a session', [S, pause, withFds('zPING\0nPING\n', 'clean')]),
  row('with PING in n after a PING', [S, pause, 'zPING\0', pause, withFds('nPING\n', 'clean')]),
  row('with an unknown command in a session', [S, pause, withFds('zBLAH\0', 'clean')]),
  row('with END', [S, pause, withFds('zEND\0', 'clean')]),
  row('with half a PING in a session', ['nIDSESSION\n', pause, withFds('zPI', 'clean')]),
  row('two with PING in a session', [S, pause, withFds('zPING\0', 'clean', 'clean'), pause, 'zPING\0']),
  row('with a chunk in a session', [`${S}nINSTREAM\n`, pause, withFds('\0\0\0\0', 'clean')]),
  row('with half a chunk in a session', [`${S}zINSTREAM\0`, pause, withFds('\0\0\0\x05a', 'clean')]),
];

/** FILDES and descriptors at large (behaviour 1.7). */
export const FILDES: Topic = {
  name: 'fildes',
  scripts: [...ofEveryKind(), ...ALONE, ...STRAY, ...IN_SESSIONS],
};
