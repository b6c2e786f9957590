import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openNative } from '@portcullis/shared/native';
import { ReplyCollector } from './daemon-connection.js';
import type { Connect } from './daemon-connection.js';
import { createTcpConnect } from './tcp-connection.js';
import { createUnixConnect } from './unix-connection.js';

const bodyBytes = 3_000_000;

/** Answers with the number of bytes when it has them all, in two pieces; closes at once at a first byte of `x`. */
function serve(socket: Socket): void {
  let gotBytes = 0;
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    if (gotBytes === 0 && bytes[0] === 0x78) socket.destroy();
    gotBytes += bytes.length;
    if (gotBytes < bodyBytes) return;
    const text = `got ${gotBytes}`;
    gotBytes = 0;
    socket.write(text);
    setTimeout(() => socket.write('\0'), 5);
  });
}

describe('connections of the load generator', () => {
  const directory = mkdtempSync(join(tmpdir(), 'bench-connections-'));
  const socketPath = join(directory, 's.sock');
  const servers: Server[] = [];
  const connects: Connect[] = [];

  beforeAll(async () => {
    for (const address of [{ path: socketPath }, { port: 0, host: '127.0.0.1' }]) {
      const server = createServer(serve);
      servers.push(server);
      await new Promise<void>((resolve) => {
        server.listen(address, resolve);
      });
      const bound = server.address();
      connects.push(
        bound === null || typeof bound === 'string'
          ? createUnixConnect(openNative(), socketPath)
          : createTcpConnect(bound.port),
      );
    }
  });

  afterAll(() => {
    for (const server of servers) server.close();
    rmSync(directory, { recursive: true });
  });

  test('send: parts larger than the socket buffer arrive whole, request after request, and the reply is put together', async () => {
    expect(connects).toHaveLength(2);
    for (const connect of connects) {
      let settle: (reply: string) => void = () => undefined;
      const connection = connect({
        onReply: (reply) => {
          settle(reply);
        },
        onFailure: (why) => {
          settle(`failed: ${why}`);
        },
      });
      for (let round = 0; round < 2; round += 1) {
        const reply = new Promise((resolve) => {
          settle = resolve;
        });
        connection.send([Buffer.alloc(10), Buffer.alloc(bodyBytes - 10)]);
        expect(await reply).toBe(`got ${bodyBytes}`);
      }
      connection.close();
    }
  });

  test('onFailure: is told once when the daemon closes the connection', async () => {
    for (const connect of connects) {
      const told: string[] = [];
      await new Promise<void>((resolve) => {
        const connection = connect({
          onReply: () => undefined,
          onFailure: (why) => {
            told.push(why);
            resolve();
          },
        });
        connection.send([Buffer.from('x')]);
      });
      expect(told).toHaveLength(1);
    }
  });
});

test('ReplyCollector: cuts at each NUL however the bytes come, and refuses what has no end', () => {
  const replies: string[] = [];
  const collector = new ReplyCollector((reply) => replies.push(reply));
  for (const piece of ['1: stre', 'am: OK\x002: stream: OK\x00', '3: ', 'x\0'])
    collector.push(Buffer.from(piece));
  expect(replies).toEqual(['1: stream: OK', '2: stream: OK', '3: x']);
  expect(() => {
    collector.push(Buffer.alloc(70_000, 0x61));
  }).toThrow('without an end');
});
