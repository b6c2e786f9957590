import { MARKER } from '../../daemon-process.js';
import { bytewise, chunk, halfClose, hear, LAST_CHUNK, lengthWord, pause, row } from '../script.js';
import type { Script, Step, Topic } from '../script.js';

const HELLO = chunk('hello') + LAST_CHUNK;

/** Both styles of the command, for one upload. */
function inBoth(name: string, upload: readonly Step[], options: Partial<Script> = {}): Script[] {
  return [
    row(`${name}, z`, ['zINSTREAM\0', ...upload], options),
    row(`${name}, n`, ['nINSTREAM\n', ...upload], options),
  ];
}

const MARKED = `some text, ${MARKER}, some more`;

const SPLIT: readonly Script[] = [
  ...inBoth('command first', [pause, HELLO]),
  ...inBoth('infected', [chunk(MARKED) + LAST_CHUNK]),
  row('all in one packet', [`zINSTREAM\0${HELLO}`]),
  row('all byte by byte', [bytewise(`zINSTREAM\0${HELLO}`)]),
  row('infected byte by byte', [bytewise(`nINSTREAM\n${chunk(MARKED)}${LAST_CHUNK}`)]),
  row('chunks of one byte', [`zINSTREAM\0${MARKED.replace(/./g, (byte) => chunk(byte))}${LAST_CHUNK}`]),
  row('signature across two chunks', [
    `zINSTREAM\0${chunk(MARKED.slice(0, 20))}${chunk(MARKED.slice(20))}${LAST_CHUNK}`,
  ]),
  row('length in two packets', [`zINSTREAM\0${HELLO.slice(0, 2)}`, pause, HELLO.slice(2)]),
  row('length in four packets', ['zINSTREAM\0', bytewise(HELLO.slice(0, 4)), HELLO.slice(4)]),
  row('chunk in two packets', [`zINSTREAM\0${HELLO.slice(0, 7)}`, pause, HELLO.slice(7)]),
  row('last chunk in two packets', [`zINSTREAM\0${HELLO.slice(0, -2)}`, pause, HELLO.slice(-2)]),
  row('chunk of 100,000 bytes', [`zINSTREAM\0${chunk('b'.repeat(100_000))}${LAST_CHUNK}`]),
  row('hundred chunks of 10,000 bytes', [`zINSTREAM\0${chunk('c'.repeat(10_000)).repeat(100)}${LAST_CHUNK}`]),
  row('infected at the end of 2 MB', [
    `zINSTREAM\0${chunk('d'.repeat(50_000)).repeat(40)}`,
    chunk(MARKED) + LAST_CHUNK,
  ]),
  row('over TCP', [`zINSTREAM\0${HELLO}`], { over: 'tcp' }),
  row('infected over TCP', [`nINSTREAM\n${chunk(MARKED)}${LAST_CHUNK}`], { over: 'tcp' }),
  row('byte by byte over TCP', [bytewise(`zINSTREAM\0${HELLO}`)], { over: 'tcp' }),
];

const ENDS: readonly Script[] = [
  ...inBoth('nothing at all', [LAST_CHUNK]),
  row('nothing, behind half-close', [`zINSTREAM\0${LAST_CHUNK}`, halfClose]),
  row('bytes behind the end', [`zINSTREAM\0${HELLO}zPING\0`]),
  row('bytes behind the end of nothing', [`nINSTREAM\n${LAST_CHUNK}xx`]),
  row('bytes later than the end', [`nINSTREAM\n${chunk(MARKED)}${LAST_CHUNK}`, pause, 'nPING\n']),
  row('half-close behind the end', [`zINSTREAM\0${HELLO}`, halfClose]),
  row('half-close behind the command', ['zINSTREAM\0', halfClose]),
  row('half-close in the length', [`zINSTREAM\0${HELLO.slice(0, 3)}`, halfClose]),
  row('half-close in a chunk', [`nINSTREAM\n${HELLO.slice(0, 6)}`, halfClose]),
  row('half-close between chunks', [`nINSTREAM\n${chunk('hello')}`, halfClose]),
  row('half-close in a chunk over TCP', [`nINSTREAM\n${HELLO.slice(0, 6)}`, halfClose], { over: 'tcp' }),
  row('no end of it', [`zINSTREAM\0${chunk('hello')}`]),
  row('old style', ['INSTREAM\n', pause, HELLO]),
  row('old style in one packet', [`INSTREAM\n${HELLO}`]),
  row('n with CRLF', ['nINSTREAM\r\n', pause, HELLO]),
];

const SHORT: Partial<Script> = { conf: 'tight' };

/** With StreamMaxLength 1000. */
const LIMIT: readonly Script[] = [
  ...inBoth('exactly the limit', [chunk('a'.repeat(1000)) + LAST_CHUNK], SHORT),
  ...inBoth('one byte over the limit', [chunk('a'.repeat(1001)) + LAST_CHUNK], SHORT),
  row('the limit in two chunks', [`zINSTREAM\0${chunk('a'.repeat(500)).repeat(2)}${LAST_CHUNK}`], SHORT),
  row(
    'over it with the second chunk',
    [`zINSTREAM\0${chunk('a'.repeat(500))}${chunk('a'.repeat(501))}`],
    SHORT,
  ),
  row('over it with the length alone', [`nINSTREAM\n${lengthWord(1001)}`], SHORT),
  row('over it after the limit', [`nINSTREAM\n${chunk('a'.repeat(1000))}`, pause, chunk('b')], SHORT),
  row('length of 2 GiB', [`zINSTREAM\0${lengthWord(0x8000_0000)}`], SHORT),
  row('length of 4 GiB less one', [`zINSTREAM\0${lengthWord(0xffff_ffff)}`], SHORT),
  row('length of 4 GiB less one and the usual limit', [`zINSTREAM\0${lengthWord(0xffff_ffff)}`]),
  row(
    'over it, much more follows',
    [`zINSTREAM\0${lengthWord(300_000)}${'e'.repeat(300_000)}${LAST_CHUNK}`],
    SHORT,
  ),
  row('over it, then half-close', [`zINSTREAM\0${chunk('a'.repeat(1001))}`, halfClose], SHORT),
  row('over it over TCP', [`zINSTREAM\0${chunk('a'.repeat(1001))}`], { ...SHORT, over: 'tcp' }),
  row('infected within it', [`zINSTREAM\0${chunk(MARKED)}${LAST_CHUNK}`], SHORT),
  row('infected and over it', [`zINSTREAM\0${chunk(MARKED)}${chunk('a'.repeat(1000))}`], SHORT),
];

const IN_SESSIONS: readonly Script[] = [
  row('number and terminator of its own command', [
    `zIDSESSION\0nPING\nnINSTREAM\n${chunk(MARKED)}${LAST_CHUNK}`,
    hear('FOUND'),
    'zEND\0',
  ]),
  row('nothing at all in a session', [`zIDSESSION\0zINSTREAM\0${LAST_CHUNK}`, hear('OK'), 'zPING\0zEND\0']),
  row('two uploads in one packet', [`zIDSESSION\0zINSTREAM\0${HELLO}zINSTREAM\0${HELLO}zEND\0`], {
    sorted: true,
  }),
  row('half-close between chunks in a session', [`zIDSESSION\0zINSTREAM\0${chunk('hello')}`, halfClose]),
];

/** INSTREAM (behaviour 1.8). */
export const INSTREAM: Topic = {
  name: 'instream',
  scripts: [...SPLIT, ...ENDS, ...LIMIT, ...IN_SESSIONS],
};
