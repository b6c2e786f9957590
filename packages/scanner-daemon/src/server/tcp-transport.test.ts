import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { OUTPUT_MAX_BYTES } from './server-config.js';
import { TcpTransport } from './tcp-transport.js';
import type { CloseReason } from './transport.js';
import { TurnEnd } from './turn-end.js';

const STALL_MS = 3000;
/** More than the kernel takes for a client that does not read. */
const BIG_REPLY_BYTES = OUTPUT_MAX_BYTES;

interface Accepted {
  readonly transport: TcpTransport;
  readonly closed: Promise<CloseReason>;
}

let server: Server;
let clients: Socket[];

beforeEach(async () => {
  clients = [];
  server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  for (const client of clients) client.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** A client that reads nothing yet, and the transport at the other end. */
async function connectPair(stallMs = STALL_MS): Promise<Accepted & { client: Socket }> {
  const accepted = new Promise<Accepted>((resolve) => {
    server.once('connection', (socket) => {
      const transport = new TcpTransport(socket, { turnEnd: new TurnEnd(), stallMs });
      const closed = new Promise<CloseReason>((onClosed) => {
        transport.start({
          onBytes: () => undefined,
          onEnd: () => undefined,
          onDrained: () => undefined,
          onClosed,
        });
      });
      resolve({ transport, closed });
    });
  });
  const { port } = server.address() as AddressInfo; // A TCP server's address is one.
  const client = connect(port, '127.0.0.1').pause();
  clients.push(client);
  return { ...(await accepted), client };
}

function readToEnd(client: Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    client.on('data', (chunk: Buffer) => (bytes += chunk.length));
    client.on('end', () => {
      resolve(bytes);
    });
    client.on('error', reject);
    client.resume();
  });
}

describe('TcpTransport', () => {
  test('end: a client that reads late gets all of a reply that the kernel did not take at once', async () => {
    const { transport, client, closed } = await connectPair();
    transport.send(Buffer.alloc(BIG_REPLY_BYTES));
    transport.end();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await readToEnd(client)).toBe(BIG_REPLY_BYTES);
    expect(await closed).toBe('ended');
  }, 20_000);

  test('end: a client that never reads is dropped after SendBufTimeout', async () => {
    const { transport, closed } = await connectPair(100);
    const startedAtMs = performance.now();
    transport.send(Buffer.alloc(BIG_REPLY_BYTES));
    transport.end();
    expect(await closed).toBe('stalled');
    expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(99);
  }, 20_000);

  test('sends replies of several turns in order, and closes behind the last one', async () => {
    const { transport, client, closed } = await connectPair();
    let heard = '';
    client.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    for (const reply of ['one\0', 'two\0', 'three\0']) {
      transport.send(Buffer.from(reply));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(transport.peerGone()).toBe(false);
    transport.end();
    expect(await closed).toBe('ended');
    await readToEnd(client);
    expect(heard).toBe('one\0two\0three\0');
    expect(transport.peerGone()).toBe(true);
  }, 20_000);

  test('endAfterDraining: what the client still sends does not reset the reply', async () => {
    const { transport, client, closed } = await connectPair();
    transport.send(Buffer.from('too long\0'));
    transport.endAfterDraining(STALL_MS);
    client.write(Buffer.alloc(1024 * 1024));
    expect(await readToEnd(client)).toBe('too long\0'.length);
    client.end();
    expect(await closed).toBe('ended');
  }, 20_000);
});
