import { readdirSync } from 'node:fs';
import { connect as connectTo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chunk, sendAll, TcpClient, UnixClient } from './raw-client.js';
import type { TestClient } from './raw-client.js';
import { openFdCount, startHarness, until } from './server-harness.js';
import type { Harness } from './server-harness.js';

let harness: Harness;
let fdsBefore: number;

beforeEach(async () => {
  fdsBefore = openFdCount();
  harness = await startHarness();
});

afterEach(async () => {
  await harness.stop();
  await until(() => openFdCount() <= fdsBefore, 'as few open descriptors as before');
});

function connect(): UnixClient {
  return new UnixClient(harness.native, harness.socketPath);
}

describe('INSTREAM over its limit', () => {
  test.each(['unix', 'tcp'] as const)('a %s client that goes on sending reads the reason', async (kind) => {
    const body = Buffer.concat([
      Buffer.from('zINSTREAM\0'),
      chunk(65_535),
      chunk(65_535),
      Buffer.alloc(3_000_000),
    ]);
    let client: TestClient;
    if (kind === 'unix') {
      const unix = connect();
      await sendAll(unix, body);
      client = unix;
    } else {
      client = new TcpClient(harness.server.tcpPorts[0] ?? 0);
      client.send(body);
    }
    expect(await client.toEnd()).toBe('INSTREAM size limit exceeded. ERROR\0');
  });

  test.each(['unix', 'tcp'] as const)(
    'a %s client that sends 64 MiB more before it reads sees the reason and no reset',
    async (kind) => {
      const port = harness.server.tcpPorts[0] ?? 0;
      const socket =
        kind === 'unix' ? connectTo({ path: harness.socketPath }) : connectTo({ port, host: '127.0.0.1' });
      const errors: string[] = [];
      socket.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code ?? error.message));
      socket.write(Buffer.concat([Buffer.from('zINSTREAM\0'), chunk(65_535), chunk(65_535)]));
      const piece = chunk(65_536);
      for (let sent = 0; sent < 1024 && errors.length === 0; sent += 1) {
        await new Promise((resolve) => socket.write(piece, resolve));
      }
      let heard = '';
      socket.on('data', (bytes) => (heard += bytes.toString('latin1')));
      await new Promise((resolve) => socket.once('end', resolve).once('close', resolve));
      socket.destroy();
      expect({ heard, errors }).toEqual({ heard: 'INSTREAM size limit exceeded. ERROR\0', errors: [] });
      await until(() => harness.server.connections === 0);
    },
    20_000,
  );

  test('a client that never stops sending is cut off', async () => {
    const client = connect();
    client.send('zINSTREAM\0');
    client.send(chunk(65_535));
    client.send(chunk(65_535));
    await client.toHear('exceeded');
    const flood = Buffer.alloc(65_536);
    const startedAtMs = performance.now();
    for (;;) {
      try {
        client.trySend(flood);
      } catch {
        break;
      }
      await new Promise((resolve) => setImmediate(resolve));
      if (performance.now() - startedAtMs > 15_000) throw new Error('it was never cut off');
    }
    client.close();
  });

  test('exactly the limit is taken, through the disk', async () => {
    const client = connect();
    await sendAll(
      client,
      Buffer.concat([Buffer.from('zINSTREAM\0'), chunk(50_000), chunk(50_000), Buffer.alloc(4)]),
    );
    expect(await client.toEnd()).toBe('stream: OK\0');
    expect(readdirSync(harness.directory)).toEqual(['clamd.sock']);
  });
});
