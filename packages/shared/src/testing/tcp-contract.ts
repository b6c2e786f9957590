import { expect, test } from '@jest/globals';
import { WOULD_BLOCK } from '../native/native-api.js';
import type { TcpAddress } from '../native/native-api.js';
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
}
