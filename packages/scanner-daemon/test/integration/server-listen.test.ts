import { existsSync, lstatSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { OwnedFd } from '@portcullis/shared/native';
import type { ListenConfig } from '../../src/server/server-config.js';
import { TcpClient, UnixClient } from './raw-client.js';
import { startHarness } from './server-harness.js';
import type { Harness } from './server-harness.js';

let harnesses: Harness[] = [];

afterEach(async () => {
  for (const harness of harnesses) await harness.stop();
  harnesses = [];
});

async function start(listen: Partial<ListenConfig> = {}): Promise<Harness> {
  const harness = await startHarness({
    listen: {
      localSocketPath: undefined,
      localSocketGroup: undefined,
      localSocketMode: undefined,
      fixStaleSocket: true,
      tcpPort: undefined,
      tcpAddresses: [],
      backlogMax: 50,
      ...listen,
    },
  });
  harnesses.push(harness);
  return harness;
}

/** A directory that outlives nothing: any harness has one. */
async function freePath(name = 'x.sock'): Promise<string> {
  const harness = await start({ tcpPort: 0, tcpAddresses: ['127.0.0.1'] });
  return join(harness.directory, name);
}

/** A socket file nobody listens on. */
function leaveStaleSocket(harness: Harness, path: string): void {
  const socket = new OwnedFd(harness.native.files, harness.native.sockets.createUnix());
  harness.native.sockets.bindUnix(socket.borrow(), path);
  socket.close();
}

async function ping(client: UnixClient | TcpClient): Promise<string> {
  client.send('zPING\0');
  return client.toEnd();
}

test('the socket file has mode 0666 unless told otherwise, and goes away at the end', async () => {
  const path = await freePath();
  const harness = await start({ localSocketPath: path });
  expect(statSync(path).mode & 0o777).toBe(0o666);
  expect(await ping(new UnixClient(harness.native, path))).toBe('PONG\0');
  expect(harness.logLines.join('')).toContain(`LOCAL: Unix socket file ${path}`);
  expect(harness.logLines.join('')).toContain('LOCAL: Setting connection queue length to 50');
  await harness.server.stop(0);
  expect(existsSync(path)).toBe(false);
});

test('LocalSocketMode and LocalSocketGroup are followed', async () => {
  const path = await freePath();
  const gid = process.getgid?.() ?? 0;
  await start({ localSocketPath: path, localSocketMode: 0o660, localSocketGroup: String(gid) });
  expect(statSync(path).mode & 0o777).toBe(0o660);
  expect(statSync(path).gid).toBe(gid);
});

test('an unknown group is an error', async () => {
  const path = await freePath();
  await expect(start({ localSocketPath: path, localSocketGroup: 'no-such-group' })).rejects.toMatchObject({
    code: 'UNKNOWN_GROUP',
    message: 'Unknown group no-such-group',
  });
});

test('a missing parent directory is made', async () => {
  const path = join(await freePath('run'), 'clamd.sock');
  await start({ localSocketPath: path });
  expect(lstatSync(path).isSocket()).toBe(true);
});

test('a stale socket is removed with FixStaleSocket and an error without', async () => {
  const path = await freePath();
  leaveStaleSocket(harnesses[0]!, path);
  await expect(start({ localSocketPath: path, fixStaleSocket: false })).rejects.toMatchObject({
    code: 'SOCKET_EXISTS',
    message: `LOCAL: Socket file ${path} exists. Either remove it, or configure a different one.`,
  });
  const harness = await start({ localSocketPath: path });
  expect(harness.logLines.join('')).toContain(`LOCAL: Removing stale socket file ${path}`);
  expect(await ping(new UnixClient(harness.native, path))).toBe('PONG\0');
});

test('a socket that somebody listens on is left alone', async () => {
  const path = await freePath();
  const first = await start({ localSocketPath: path });
  await expect(start({ localSocketPath: path })).rejects.toMatchObject({
    code: 'SOCKET_IN_USE',
    message: `LOCAL: Socket file ${path} is in use by another process.`,
  });
  expect(await ping(new UnixClient(first.native, path))).toBe('PONG\0');
});

test('a file that is no socket is not removed', async () => {
  const path = await freePath();
  writeFileSync(path, 'precious');
  await expect(start({ localSocketPath: path })).rejects.toMatchObject({ code: 'SOCKET_FAILED' });
  expect(existsSync(path)).toBe(true);
});

test('a socket file that somebody else put there since is not removed at the end', async () => {
  const path = await freePath();
  const first = await start({ localSocketPath: path });
  const { unlinkSync } = await import('node:fs');
  unlinkSync(path);
  await start({ localSocketPath: path });
  await first.server.stop(0);
  expect(existsSync(path)).toBe(true);
});

test('a path that does not fit a socket address is an error', async () => {
  const path = await freePath('x'.repeat(120));
  await expect(start({ localSocketPath: path })).rejects.toMatchObject({ code: 'SOCKET_FAILED' });
});

test('one TCP listener an address; without TCPAddr on every one', async () => {
  const two = await start({ tcpPort: 0, tcpAddresses: ['127.0.0.1', '127.0.0.2'] });
  expect(two.server.tcpPorts).toHaveLength(2);
  const all = await start({ tcpPort: 0 });
  expect(all.server.tcpPorts.length).toBeGreaterThan(0);
  expect(await ping(new TcpClient(all.server.tcpPorts[0] ?? 0))).toBe('PONG\0');
});

test('an address that cannot be bound is left out, and none at all is an error', async () => {
  const harness = await start({ tcpPort: 0, tcpAddresses: ['127.0.0.1', '192.0.2.1'] });
  expect(harness.server.tcpPorts).toHaveLength(1);
  expect(harness.logLines.join('')).toContain('TCP: Cannot bind to [192.0.2.1]');
  await expect(start({ tcpPort: 0, tcpAddresses: ['192.0.2.1'] })).rejects.toMatchObject({
    code: 'NOT_LISTENING',
    message: 'Not listening on any interfaces',
  });
});

test('a name that does not resolve is an error', async () => {
  await expect(start({ tcpPort: 0, tcpAddresses: ['no-such-host.invalid'] })).rejects.toMatchObject({
    code: 'UNKNOWN_ADDRESS',
  });
});
