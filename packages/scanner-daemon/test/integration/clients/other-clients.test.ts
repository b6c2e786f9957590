import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createSite, EICAR, startDaemon, type DaemonProcess, type Site } from '../daemon-process.js';
import { EICAR_FOUND } from './client-tree.js';

let site: Site;
let daemon: DaemonProcess;
let eicar: string;
let clean: string;

beforeAll(async () => {
  site = await createSite();
  eicar = site.put('files/eicar', EICAR);
  clean = site.put('files/clean', 'nothing to see');
  daemon = await startDaemon(site);
}, 40_000);
afterAll(async () => {
  await daemon.stop();
  site.remove();
}, 20_000);

function word(lengthBytes: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(lengthBytes);
  return bytes;
}

/** Sends each piece in a packet of its own and reads to the end. */
function converse(
  target: string | number,
  pieces: readonly (string | Buffer)[],
  end: 'halfClose' | 'wait',
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = typeof target === 'string' ? connect(target) : connect(target, '127.0.0.1');
    socket.setNoDelay(true).setTimeout(20_000, () => socket.destroy(new Error('no reply')));
    const heard: Buffer[] = [];
    socket.on('data', (bytes: Buffer) => heard.push(bytes));
    socket.on('error', reject);
    socket.on('close', () => {
      resolve(Buffer.concat(heard).toString('latin1'));
    });
    const send = (at: number): void => {
      const piece = pieces[at];
      if (piece === undefined) {
        if (end === 'halfClose') socket.end();
        return;
      }
      socket.write(piece, () => setTimeout(send, 20, at + 1));
    };
    socket.on('connect', () => {
      send(0);
    });
  });
}

const found = `stream: ${EICAR_FOUND}`;
const body = Buffer.from(EICAR);
const half = 30;

// The habits of clients that are not installed here, from their sources' documentation (field-notes 2e and 6).
const HABITS: readonly (readonly [
  string,
  () => readonly (string | Buffer)[],
  'halfClose' | 'wait',
  () => string,
])[] = [
  ['Node modules and clamsmtp: no terminator', () => ['PING'], 'wait', () => 'PONG\n'],
  ['exim and Perl: a bare line', () => ['PING\n'], 'wait', () => 'PONG\n'],
  ['telnet: CR and LF', () => ['PING\r\n'], 'wait', () => 'PONG\n'],
  ['nc -N: half-closed behind the command', () => ['nPING\n'], 'halfClose', () => 'PONG\n'],
  [
    'nc -N: half-closed behind a scan',
    () => [`SCAN ${eicar}\n`],
    'halfClose',
    () => `${eicar}: ${EICAR_FOUND}\n`,
  ],
  ['amavis: CONTSCAN with a bare line', () => [`CONTSCAN ${clean}\n`], 'wait', () => `${clean}: OK\n`],
  ['freshclam: RELOAD without terminator', () => ['RELOAD'], 'wait', () => 'RELOADING\n'],
  [
    'PHP: nINSTREAM, each length and each chunk in its own packet',
    () => [
      'nINSTREAM\n',
      word(half),
      body.subarray(0, half),
      word(body.length - half),
      body.subarray(half),
      word(0),
    ],
    'wait',
    () => `${found}\n`,
  ],
  [
    'Go: nINSTREAM, one chunk, then the end',
    () => ['nINSTREAM\n', Buffer.concat([word(body.length), body]), word(0)],
    'wait',
    () => `${found}\n`,
  ],
  [
    'Java: all in one packet',
    () => [Buffer.concat([Buffer.from('zINSTREAM\0'), word(body.length), body, word(0)])],
    'wait',
    () => `${found}\0`,
  ],
  [
    'Python: half-closed behind the upload',
    () => ['zINSTREAM\0', Buffer.concat([word(body.length), body, word(0)])],
    'halfClose',
    () => `${found}\0`,
  ],
  [
    'rspamd: the end of the stream twice',
    () => ['nINSTREAM\n', Buffer.concat([word(body.length), body, word(0), word(0)])],
    'wait',
    () => `${found}\n`,
  ],
  [
    'Haraka: one session, two uploads',
    () => [
      'zIDSESSION\0',
      ...[0, 1].map(() => Buffer.concat([Buffer.from('zINSTREAM\0'), word(body.length), body, word(0)])),
      'zEND\0',
    ],
    'wait',
    () => `1: ${found}\0` + `2: ${found}\0`,
  ],
  ['a browser: HTTP', () => ['GET / HTTP/1.1\r\nHost: here\r\n\r\n'], 'wait', () => 'UNKNOWN COMMAND\n'],
];

describe.each(['unix', 'tcp'] as const)('habits of other clients over %s', (transport) => {
  test.each(HABITS)('%s', async (_name, pieces, end, reply) => {
    expect(await converse(transport === 'unix' ? site.socketPath : site.tcpPort, pieces(), end)).toBe(
      reply(),
    );
  });

  test('a load balancer: connects, sees that it is taken, goes', async () => {
    for (let times = 0; times < 50; times += 1) {
      await new Promise<void>((resolve, reject) => {
        const socket = transport === 'unix' ? connect(site.socketPath) : connect(site.tcpPort, '127.0.0.1');
        socket.on('connect', () => (transport === 'unix' ? socket.destroy() : socket.resetAndDestroy()));
        socket.on('close', () => {
          resolve();
        });
        socket.on('error', reject);
      });
    }
    expect(await converse(site.socketPath, [`SCAN ${join(site.root, 'files/clean')}`], 'wait')).toBe(
      `${clean}: OK\n`,
    );
  });
});
