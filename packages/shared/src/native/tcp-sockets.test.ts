import { describe, expect, test } from '@jest/globals';
import { codeOf } from '../testing/native-under-test.js';
import { bindLibc } from './libc.js';
import type { TcpAddress } from './native-api.js';
import { openNative } from './open-native.js';
import { decodeTcpAddress, encodeTcpAddress } from './socket-address.js';

const libc = bindLibc();
const IPPROTO_TCP = 6;

describe('encodeTcpAddress and decodeTcpAddress', () => {
  test.each([
    [{ family: 'inet', address: '192.0.2.7', port: 3310 }, '02000ceec00002070000000000000000'],
    [
      { family: 'inet6', address: '2001:db8::7', port: 3310 },
      '0a000cee0000000020010db800000000000000000000000700000000',
    ],
    [
      { family: 'inet6', address: 'fe80::1%3', port: 1 },
      '0a00000100000000fe80000000000000000000000000000103000000',
    ],
  ] as const)('%p is the struct of ip(7) or ipv6(7), and back', (address: TcpAddress, hex) => {
    const encoded = encodeTcpAddress(libc, address);
    expect(encoded.toString('hex')).toBe(hex);
    expect(decodeTcpAddress(libc, encoded)).toEqual(address);
  });

  test('a scope may be the name of an interface; one that does not exist is refused', () => {
    const named = encodeTcpAddress(libc, { family: 'inet6', address: 'fe80::1%lo', port: 1 });
    expect(decodeTcpAddress(libc, named).address).toBe('fe80::1%1');
    const unknown = { family: 'inet6', address: 'fe80::1%no-such-if', port: 1 } as const;
    expect(codeOf(() => encodeTcpAddress(libc, unknown))).toBe('ENODEV');
  });

  test('an IPv4 address that is mapped into IPv6 reads as IPv4', () => {
    const mapped = encodeTcpAddress(libc, { family: 'inet6', address: '::ffff:192.0.2.7', port: 9 });
    expect(decodeTcpAddress(libc, mapped)).toEqual({ family: 'inet', address: '192.0.2.7', port: 9 });
  });

  test('what is no TCP address is refused', () => {
    expect(codeOf(() => decodeTcpAddress(libc, Buffer.alloc(28, 1)))).toBe('EAFNOSUPPORT');
  });
});

describe('listenTcp and tuneTcp', () => {
  test('IPv6 listens for IPv6 only: IPv4 has the same port to itself', () => {
    const { sockets, files } = openNative();
    const inet = sockets.listenTcp({ family: 'inet', address: '0.0.0.0', port: 0 }, 1);
    const { port } = sockets.localAddress(inet);
    const outcome = codeOf(() => {
      files.close(sockets.listenTcp({ family: 'inet6', address: '::', port }, 1));
    });
    if (outcome === 'EAFNOSUPPORT') process.stderr.write('SKIPPED IPv6 only: no IPv6 here\n');
    else expect(outcome).toBeUndefined();
    files.close(inet);
  });

  test('what is accepted has the options of its listener', async () => {
    const { sockets, files } = openNative();
    const listener = sockets.listenTcp({ family: 'inet', address: '127.0.0.1', port: 0 }, 1);
    sockets.tuneTcp(listener, { keepAlive: { idleSeconds: 21, intervalSeconds: 2, probesMax: 5 } });
    const client = libc.socket(2, 1, 0);
    const to = encodeTcpAddress(libc, sockets.localAddress(listener));
    expect(libc.connect(client, to, to.length)).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const server = sockets.accept(listener);
    const asked = [
      [IPPROTO_TCP, 1],
      [1, 9],
      [IPPROTO_TCP, 4],
      [IPPROTO_TCP, 5],
      [IPPROTO_TCP, 6],
    ].map(([level, option]) => {
      const value = Buffer.alloc(4);
      expect(libc.getsockopt(server, level, option, value, Buffer.from([4, 0, 0, 0]))).toBe(0);
      return value.readInt32LE(0);
    });
    expect(asked).toEqual([1, 1, 21, 2, 5]);
    for (const fd of [listener, client, server]) files.close(fd);
  });

  test('an empty send tells a TCP client that broke off', async () => {
    const { sockets, files } = openNative();
    const listener = sockets.listenTcp({ family: 'inet', address: '127.0.0.1', port: 0 }, 1);
    const client = libc.socket(2, 1, 0);
    const to = encodeTcpAddress(libc, sockets.localAddress(listener));
    expect(libc.connect(client, to, to.length)).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const server = sockets.accept(listener);
    sockets.send(server, Buffer.from('never read'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    files.close(client);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(codeOf(() => sockets.send(server, Buffer.alloc(0)))).toMatch(/^(ECONNRESET|EPIPE)$/);
    expect(codeOf(() => sockets.peerAddress(server))).toBe('ENOTCONN');
    for (const fd of [listener, server]) files.close(fd);
  });
});
