import { messageOf } from '@portcullis/shared';
import { OwnedFd } from '@portcullis/shared/native';
import { FakeNative } from '@portcullis/shared/testing';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { AcceptLoop } from './accept-loop.js';
import type { ListenerDeps } from './listener.js';
import { adoptTcp, listenTcp } from './tcp-listener.js';
import type { Transport } from './transport.js';
import { TurnEnd } from './turn-end.js';

const LISTEN = {
  localSocketPath: undefined,
  localSocketGroup: undefined,
  localSocketMode: undefined,
  fixStaleSocket: true,
  tcpPort: 0,
  tcpAddresses: ['127.0.0.1'],
  backlogMax: 5,
};

let native: FakeNative;
let said: string[];
let deps: ListenerDeps;

beforeEach(() => {
  // Readiness of the fake is told by setImmediate, which stays real.
  jest.useFakeTimers({ doNotFake: ['setImmediate'] });
  native = new FakeNative();
  said = [];
  const nothing = (): void => undefined;
  deps = {
    native,
    turnEnd: new TurnEnd(),
    sendBufTimeoutMs: 1000,
    log: {
      scanned: nothing,
      notScanned: nothing,
      violation: nothing,
      streamTooLong: nothing,
      clientClosed: nothing,
      listener: (_, text) => said.push(text),
      fault: (error, what) => said.push(`${what}: ${messageOf(error)}`),
    },
  };
});

afterEach(() => {
  jest.useRealTimers();
  expect([native.openFdCount, native.poller.openHandles]).toEqual([0, 0]);
});

/** Long enough for what the poller has to say. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

function open() {
  const fd = native.sockets.listenTcp({ family: 'inet', address: '127.0.0.1', port: 0 }, 5);
  const at = native.sockets.localAddress(fd);
  const accepted: OwnedFd[] = [];
  const loop = new AcceptLoop(new OwnedFd(native.files, fd), deps, {
    label: 'TCP',
    welcome: (socket) => accepted.push(socket),
  });
  const clients: number[] = [];
  return {
    loop,
    accepted,
    connect: () => clients.push(native.connectTcp(at)),
    close: () => {
      loop.close();
      loop.close();
      for (const socket of accepted) socket.close();
      for (const client of clients) native.files.close(client);
    },
  };
}

describe('AcceptLoop', () => {
  test('while it is paused, connections wait in the backlog', async () => {
    const { loop, accepted, connect, close } = open();
    loop.pause();
    loop.pause();
    connect();
    connect();
    await settle();
    expect(accepted).toHaveLength(0);
    loop.resume();
    await settle();
    expect(accepted).toHaveLength(2);
    close();
  });

  test('out of descriptors: it tries again, and says so once in five seconds, with a count', async () => {
    const { accepted, connect, close } = open();
    for (let n = 0; n < 30; n += 1) native.failNext('accept', 'EMFILE');
    connect();
    for (let n = 0; n < 31; n += 1) {
      await settle();
      jest.advanceTimersByTime(200);
    }
    await settle();
    expect(said).toEqual([
      'TCP: accept() failed: accept: EMFILE',
      'TCP: accept() failed (25 times): accept: EMFILE',
    ]);
    expect(accepted).toHaveLength(1);
    close();
  });

  test('trying again does not undo a pause that the server asked for', async () => {
    const { loop, accepted, connect, close } = open();
    native.failNext('accept', 'EMFILE');
    connect();
    await settle();
    loop.pause();
    jest.advanceTimersByTime(1000);
    await settle();
    expect(accepted).toHaveLength(0);
    loop.resume();
    await settle();
    expect(accepted).toHaveLength(1);
    close();
  });

  test('and the server does not undo the rest after a failure', async () => {
    const { loop, accepted, connect, close } = open();
    native.failNext('accept', 'ENFILE');
    connect();
    await settle();
    loop.pause();
    loop.resume();
    await settle();
    expect(accepted).toHaveLength(0);
    jest.advanceTimersByTime(200);
    await settle();
    expect(accepted).toHaveLength(1);
    close();
  });

  test.each(['ECONNABORTED', 'EPROTO', 'ENETUNREACH'] as const)(
    'a connection that failed while it waited (%s) does not hold up the next',
    async (code) => {
      const { accepted, connect, close } = open();
      native.failNext('accept', code);
      connect();
      await settle();
      expect([accepted.length, said]).toEqual([1, []]);
      close();
    },
  );
});

describe('listenTcp', () => {
  async function welcomed(address: string, prepare: () => void = () => undefined): Promise<string[]> {
    const transports: Transport[] = [];
    const [listener] = await listenTcp(0, { ...LISTEN, tcpAddresses: [address] }, deps, (transport) =>
      transports.push(transport),
    );
    const { port } = listener!;
    const family = address.includes(':') ? 'inet6' : 'inet';
    const client = native.connectTcp({ family, address, port });
    prepare();
    await settle();
    listener?.close();
    native.files.close(client);
    for (const transport of transports) transport.destroy();
    return transports.map(({ peerName }) => peerName);
  }

  test('clients have an address and a port, those of IPv6 are called local', async () => {
    expect(await welcomed('127.0.0.1')).toEqual([expect.stringMatching(/^127\.0\.0\.1@\d+$/)]);
    expect(await welcomed('::1')).toEqual(['local']);
  });

  test('a client that is gone before it was accepted is closed', async () => {
    const names = await welcomed('127.0.0.1', () => {
      native.failNext('peerAddress', 'ENOTCONN');
    });
    expect(names).toEqual([]);
  });

  test('an address that cannot be bound is said and left out', async () => {
    native.failNext('listenTcp', 'EADDRINUSE');
    const config = { ...LISTEN, tcpAddresses: ['127.0.0.1', '::1'] };
    const listeners = await listenTcp(3310, config, deps, () => undefined);
    expect(listeners.map(({ port }) => port)).toEqual([3310]);
    expect(said).toEqual([
      'TCP: Cannot bind to [127.0.0.1]:3310: listenTcp: EADDRINUSE',
      'TCP: Bound to [::1]:3310',
      'TCP: Setting connection queue length to 5',
    ]);
    for (const listener of listeners) listener.close();
  });

  test('a socket that was passed keeps its queue length, and need not be tuned', async () => {
    const at = { family: 'inet', address: '127.0.0.1', port: 3310 } as const;
    const fd = native.sockets.listenTcp(at, 0);
    native.failNext('listen', 'EINVAL');
    native.failNext('tuneTcp', 'ENOPROTOOPT');
    const transports: Transport[] = [];
    const listener = adoptTcp(fd, deps, (transport) => transports.push(transport));
    expect(listener.port).toBe(3310);
    listener.pause();
    const first = native.connectTcp(at);
    expect(() => native.connectTcp(at)).toThrow('ECONNREFUSED');
    listener.resume();
    await settle();
    expect(transports).toHaveLength(1);
    listener.close();
    transports[0]?.destroy();
    native.files.close(first);
  });
});
