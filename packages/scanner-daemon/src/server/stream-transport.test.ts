import { connect, type Socket } from 'node:net';
import { openNative, OwnedFd } from '@portcullis/shared/native';
import { FakeNative } from '@portcullis/shared/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AcceptLoop } from './accept-loop.js';
import { OUTPUT_MAX_BYTES } from './server-config.js';
import { StreamTransport } from './stream-transport.js';
import type { CloseReason } from './transport.js';
import { TurnEnd } from './turn-end.js';

const STALL_MS = 3000;
/** More than the kernel takes for a client that does not read. */
const BIG_REPLY_BYTES = OUTPUT_MAX_BYTES;
/** The kernel takes it at once, for a client that takes less. */
const MEDIUM_REPLY_BYTES = 1024 * 1024;
const TEST_MAX_MS = 20_000;

interface Accepted {
  readonly transport: StreamTransport;
  readonly closed: Promise<CloseReason>;
  readonly ended: Promise<void>;
}

const native = openNative();
let listener: AcceptLoop;
let port: number;
let stallMs: number;
let accepted: Promise<Accepted>;
let clients: Socket[];

beforeEach(() => {
  clients = [];
  stallMs = STALL_MS;
  const fd = native.sockets.listenTcp({ family: 'inet', address: '127.0.0.1', port: 0 }, 5);
  ({ port } = native.sockets.localAddress(fd));
  accepted = new Promise((resolve) => {
    const deps = { native, turnEnd: new TurnEnd(), sendBufTimeoutMs: stallMs, log: NO_LOG };
    listener = new AcceptLoop(new OwnedFd(native.files, fd), deps, {
      label: 'TCP',
      welcome: (socket) => {
        resolve(startOn(native, socket));
      },
    });
  });
});

afterEach(() => {
  for (const client of clients) client.destroy();
  listener.close();
});

const nothing = (): void => undefined;
const NO_LOG = {
  scanned: nothing,
  notScanned: nothing,
  violation: nothing,
  streamTooLong: nothing,
  clientClosed: nothing,
  listener: nothing,
  fault: nothing,
};

function startOn(system: ConstructorParameters<typeof StreamTransport>[0], socket: OwnedFd): Accepted {
  const options = { peerName: 'somebody', losesUnread: true, turnEnd: new TurnEnd(), stallMs };
  const transport = new StreamTransport(system, socket, options);
  let onEnd = nothing;
  const ended = new Promise<void>((resolve) => (onEnd = resolve));
  const closed = new Promise<CloseReason>((onClosed) => {
    transport.start({ onBytes: nothing, onEnd, onDrained: nothing, onClosed });
  });
  return { transport, closed, ended };
}

/** A client that reads nothing yet, and the transport at the other end. */
async function connectPair(): Promise<Accepted & { client: Socket }> {
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).pause();
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

const pauseMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('StreamTransport over TCP', () => {
  test(
    'end: a client that reads late gets all of a reply that the kernel did not take at once',
    async () => {
      const { transport, client, closed } = await connectPair();
      transport.send(Buffer.alloc(BIG_REPLY_BYTES));
      transport.end();
      await pauseMs(100);
      expect(await readToEnd(client)).toBe(BIG_REPLY_BYTES);
      expect(await closed).toBe('ended');
    },
    TEST_MAX_MS,
  );

  test(
    'end: a client that never reads is dropped after SendBufTimeout',
    async () => {
      stallMs = 100;
      const { transport, closed } = await connectPair();
      const startedAtMs = performance.now();
      transport.send(Buffer.alloc(BIG_REPLY_BYTES));
      transport.end();
      expect(await closed).toBe('stalled');
      expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(99);
    },
    TEST_MAX_MS,
  );

  test(
    'sends replies of several turns in order, and closes behind the last one',
    async () => {
      const { transport, client, closed } = await connectPair();
      let heard = '';
      client.on('data', (chunk: Buffer) => (heard += chunk.toString()));
      for (const reply of ['one\0', 'two\0', 'three\0']) {
        transport.send(Buffer.from(reply));
        await pauseMs(20);
      }
      expect(transport.peerGone()).toBe(false);
      transport.end();
      expect(await closed).toBe('ended');
      await readToEnd(client);
      expect(heard).toBe('one\0two\0three\0');
      expect(transport.peerGone()).toBe(true);
    },
    TEST_MAX_MS,
  );

  test(
    'endAfterDraining: what the client still sends does not reset the reply',
    async () => {
      const { transport, client, closed } = await connectPair();
      transport.send(Buffer.from('too long\0'));
      transport.endAfterDraining(STALL_MS);
      client.write(Buffer.alloc(1024 * 1024));
      expect(await readToEnd(client)).toBe('too long\0'.length);
      client.end();
      expect(await closed).toBe('ended');
    },
    TEST_MAX_MS,
  );

  test(
    'end: what the client sent behind its command does not cost it the reply',
    async () => {
      const { transport, client, closed } = await connectPair();
      transport.pause();
      client.write(Buffer.alloc(64 * 1024));
      await pauseMs(100);
      transport.send(Buffer.alloc(MEDIUM_REPLY_BYTES));
      transport.end();
      await pauseMs(100);
      expect(await readToEnd(client)).toBe(MEDIUM_REPLY_BYTES);
      client.end();
      expect(await closed).toBe('ended');
    },
    TEST_MAX_MS,
  );

  test(
    'end: with nothing unread the socket closes at once, whether or not the client does',
    async () => {
      const { transport, client, closed } = await connectPair();
      transport.send(Buffer.from('OK\0'));
      transport.end();
      expect(await closed).toBe('ended');
      expect(await readToEnd(client)).toBe('OK\0'.length);
    },
    TEST_MAX_MS,
  );

  test(
    'peerGone: not when the client half-closed, and it still gets its answer',
    async () => {
      const { transport, client, closed, ended } = await connectPair();
      client.end();
      await ended;
      expect(transport.peerGone()).toBe(false);
      transport.send(Buffer.from('OK\0'));
      transport.end();
      expect(await readToEnd(client)).toBe('OK\0'.length);
      expect(await closed).toBe('ended');
    },
    TEST_MAX_MS,
  );

  test(
    'peerGone: when the client broke off, also while nothing is read from it',
    async () => {
      const { transport, client } = await connectPair();
      transport.pause();
      client.resetAndDestroy();
      await pauseMs(100);
      expect(transport.peerGone()).toBe(true);
      transport.destroy();
    },
    TEST_MAX_MS,
  );

  test(
    'a client that breaks off while its reply waits is let go at once, not after SendBufTimeout',
    async () => {
      stallMs = 60_000;
      const { transport, client, closed } = await connectPair();
      transport.pause();
      transport.send(Buffer.alloc(BIG_REPLY_BYTES));
      await pauseMs(100);
      client.resetAndDestroy();
      expect(await closed).toBe('gone');
    },
    TEST_MAX_MS,
  );
});

test('a Unix client that breaks off while its reply waits is let go, too', async () => {
  const fake = new FakeNative();
  fake.disk.makeDirectory('/run');
  const { sockets, files } = fake;
  const server = sockets.createUnix();
  sockets.bindUnix(server, '/run/s');
  sockets.listen(server, 1);
  const client = sockets.createUnix();
  sockets.connectUnix(client, '/run/s');
  stallMs = 60_000;
  const { transport, closed } = startOn(fake, new OwnedFd(files, sockets.accept(server)));
  transport.pause();
  transport.send(Buffer.alloc(1024 * 1024));
  sockets.send(client, Buffer.from('unread'));
  await pauseMs(20);
  files.close(client);
  expect(await closed).toBe('gone');
  files.close(server);
  expect([fake.openFdCount, fake.poller.openHandles]).toEqual([0, 0]);
});
