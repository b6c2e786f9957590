import { expect, test } from '@jest/globals';
import { WOULD_BLOCK } from '../native/native-api.js';
import type { ReadyEvents, TcpAddress } from '../native/native-api.js';
import { codeOf } from './native-under-test.js';
import type { NativeUnderTest } from './native-under-test.js';

const ANY_PORT: TcpAddress = { family: 'inet', address: '127.0.0.1', port: 0 };
const ACCEPT_MAX_MS = 5_000;

/** The part of the contract about TCP; called inside a `describe`. */
export function tcpContract(current: () => NativeUnderTest): void {
  const accept = async (listener: number): Promise<number> => {
    const startedAtMs = performance.now();
    for (;;) {
      const fd = current().native.sockets.accept(listener);
      if (fd !== WOULD_BLOCK || performance.now() - startedAtMs > ACCEPT_MAX_MS) return fd;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };

  test('a TCP connection: both ends know both addresses, and bytes go both ways', async () => {
    const { native, connectTcp } = current();
    const { sockets, files } = native;
    const listener = sockets.listenTcp(ANY_PORT, 4);
    const at = sockets.localAddress(listener);
    expect(at).toMatchObject({ family: 'inet', address: '127.0.0.1' });
    expect(at.port).toBeGreaterThan(0);
    expect(sockets.describe(listener)).toEqual({ family: 'inet', type: 'stream', isListening: true });
    expect(sockets.accept(listener)).toBe(WOULD_BLOCK);
    const client = connectTcp(at);
    const server = await accept(listener);
    expect(sockets.localAddress(server)).toEqual(at);
    expect(sockets.peerAddress(client)).toEqual(at);
    expect(sockets.peerAddress(server)).toEqual(sockets.localAddress(client));
    expect(sockets.send(server, Buffer.from('hello'))).toBe(5);
    const into = Buffer.alloc(5);
    expect([files.read(client, into), into.toString()]).toEqual([5, 'hello']);
    for (const fd of [listener, client, server]) files.close(fd);
  });

  test('listenTcp: EADDRINUSE for a port that is taken, EINVAL for what is no address of its family', () => {
    const { sockets, files } = current().native;
    const listener = sockets.listenTcp(ANY_PORT, 4);
    const at = sockets.localAddress(listener);
    const listen = (change: Partial<TcpAddress>): unknown =>
      codeOf(() => sockets.listenTcp({ ...at, ...change }, 4));
    expect([
      listen({}),
      listen({ address: '0.0.0.0' }),
      listen({ address: '::1' }),
      listen({ address: '127.0.0.1\0' }),
      listen({ family: 'inet6' }),
      listen({ port: 65_536 }),
      listen({ port: -1 }),
    ]).toEqual(['EADDRINUSE', 'EADDRINUSE', 'EINVAL', 'EINVAL', 'EINVAL', 'EINVAL', 'EINVAL']);
    files.close(listener);
    files.close(sockets.listenTcp(at, 4));
  });

  test('a TCP listener has no peer, an AF_UNIX socket no TCP to tune', () => {
    const { sockets, files } = current().native;
    const options = { keepAlive: { idleSeconds: 20, intervalSeconds: 1, probesMax: 10 } };
    const listener = sockets.listenTcp(ANY_PORT, 4);
    expect(codeOf(() => sockets.peerAddress(listener))).toBe('ENOTCONN');
    sockets.tuneTcp(listener, options);
    const unix = sockets.createUnix();
    expect(
      codeOf(() => {
        sockets.tuneTcp(unix, options);
      }),
    ).toBe('ENOTSUP');
    expect(codeOf(() => sockets.localAddress(unix))).toBe('EAFNOSUPPORT');
    for (const fd of [listener, unix]) files.close(fd);
  });

  test('an empty send tells a TCP client that is there', async () => {
    const { native, connectTcp } = current();
    const { sockets, files } = native;
    const listener = sockets.listenTcp(ANY_PORT, 4);
    const client = connectTcp(sockets.localAddress(listener));
    const server = await accept(listener);
    sockets.shutdownWrite(client);
    expect(sockets.send(server, Buffer.alloc(0))).toBe(0);
    for (const fd of [listener, client, server]) files.close(fd);
  });

  /** Waits, bounded, until the poller says anything about the fd. */
  const whenReady = async (fd: number): Promise<ReadyEvents | 'timeout'> => {
    const { poller } = current().native;
    return await new Promise((resolve) => {
      const timer = setTimeout(() => {
        done('timeout');
      }, ACCEPT_MAX_MS);
      const handle = poller.watch(fd, { readable: false, writable: true }, (ready) => {
        done(ready);
      });
      const done = (outcome: ReadyEvents | 'timeout'): void => {
        clearTimeout(timer);
        handle.close();
        resolve(outcome);
      };
    });
  };

  const whenReadable = async (fd: number, into: Buffer): Promise<string> => {
    const startedAtMs = performance.now();
    for (;;) {
      const got = current().native.files.read(fd, into);
      if (got !== WOULD_BLOCK) return into.toString('latin1', 0, got);
      if (performance.now() - startedAtMs > ACCEPT_MAX_MS) return 'timeout';
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };

  test('connectTcp: a connection comes about, without an error, and carries bytes', async () => {
    const { sockets, files } = current().native;
    const listener = sockets.listenTcp(ANY_PORT, 4);
    const client = sockets.createTcp('inet');
    const outcome = sockets.connectTcp(client, sockets.localAddress(listener));
    expect(['connected', 'inProgress']).toContain(outcome);
    expect(await whenReady(client)).toMatchObject({ readable: false, writable: true });
    expect(sockets.connectError(client)).toBeUndefined();
    const server = await accept(listener);
    expect(sockets.peerAddress(server)).toEqual(sockets.localAddress(client));
    expect(sockets.send(client, Buffer.from('hello'))).toBe(5);
    const into = Buffer.alloc(5);
    expect(await whenReadable(server, into)).toBe('hello');
    for (const fd of [listener, client, server]) files.close(fd);
  });

  test('connectTcp: a port where nobody listens is ECONNREFUSED, told once', async () => {
    const { sockets, files } = current().native;
    const listener = sockets.listenTcp(ANY_PORT, 4);
    const at = sockets.localAddress(listener);
    files.close(listener);
    const client = sockets.createTcp('inet');
    expect(sockets.connectTcp(client, at)).toBe('inProgress');
    expect(await whenReady(client)).toMatchObject({ readable: true });
    expect(sockets.connectError(client)).toMatchObject({ code: 'ECONNREFUSED' });
    expect(sockets.connectError(client)).toBeUndefined();
    files.close(client);
  });

  test('connectTcp: what is no address of its family never leaves the host', () => {
    const { sockets, files } = current().native;
    const client = sockets.createTcp('inet');
    const connect = (at: TcpAddress): unknown => codeOf(() => sockets.connectTcp(client, at));
    expect([
      connect({ family: 'inet', address: '::1', port: 1 }),
      connect({ family: 'inet', address: '127.0.0.1', port: 65_536 }),
    ]).toEqual(['EINVAL', 'EINVAL']);
    files.close(client);
    expect(codeOf(() => sockets.connectError(client))).toBe('EBADF');
  });
}
