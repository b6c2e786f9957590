import { existsSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { askClient } from './ask-client.js';
import { ControlServer } from './control-server.js';
import type { ControlStart } from './control-server.js';
import { makeSnapshot } from './make-snapshot.js';
import type { StatusSnapshot } from './status-snapshot.js';
import { snapshotInputs } from './testing/snapshot-inputs.js';

let directory: TempDir;
const servers: ControlServer[] = [];
const troubles: string[] = [];

beforeEach(() => {
  directory = makeTempDir('control-');
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
  troubles.length = 0;
  directory.remove();
});

const snapshot = (): StatusSnapshot => makeSnapshot(snapshotInputs());

async function start(
  socketPath: string,
  source = snapshot,
): Promise<{ server: ControlServer; outcome: ControlStart }> {
  const server = new ControlServer({
    socketPath,
    snapshot: source,
    onTrouble: (text) => troubles.push(text),
  });
  servers.push(server);
  return { server, outcome: await server.start() };
}

/** A socket file that nobody listens on any more: what a killed client leaves. */
async function leaveStaleSocket(path: string): Promise<void> {
  const { spawnSync } = await import('node:child_process');
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  expect(statSync(path).isSocket()).toBe(true);
}

describe('ControlServer', () => {
  test('makes its directory, and a socket for its owner alone, and answers with the snapshot', async () => {
    const path = `${directory.path}/run/c.sock`;
    expect((await start(path)).outcome).toEqual({ kind: 'listening' });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(`${directory.path}/run`).mode & 0o022).toBe(0);
    expect(await askClient(path)).toEqual({ kind: 'snapshot', snapshot: snapshot() });
  });

  test('leaves the umask and, when it stops, nothing behind', async () => {
    const { server } = await start(`${directory.path}/c.sock`);
    writeFileSync(`${directory.path}/later`, '', { mode: 0o755 });
    expect(statSync(`${directory.path}/later`).mode & 0o700).toBe(0o700);
    rmSync(`${directory.path}/later`);
    await server.stop();
    expect(readdirSync(directory.path)).toEqual([]);
  });

  test('takes the place of a socket that nobody answers on', async () => {
    const path = `${directory.path}/c.sock`;
    await leaveStaleSocket(path);
    expect((await start(path)).outcome).toEqual({ kind: 'listening' });
    expect((await askClient(path)).kind).toBe('snapshot');
  });

  test('leaves another client alone that answers there', async () => {
    const path = `${directory.path}/c.sock`;
    await start(path);
    const { server, outcome } = await start(path);
    expect(outcome).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('another onacc-client answers'),
    });
    await server.stop();
    expect((await askClient(path)).kind).toBe('snapshot');
  });

  test('removes nothing that is not a socket, and follows no symbolic link', async () => {
    const file = `${directory.path}/file`;
    writeFileSync(file, 'mine');
    expect((await start(file)).outcome.kind).toBe('refused');
    symlinkSync(file, `${directory.path}/link`);
    expect((await start(`${directory.path}/link`)).outcome.kind).toBe('refused');
    expect(existsSync(file)).toBe(true);
  });

  test.each([
    ['a relative path', 'c.sock', 'not an absolute path'],
    ['a path too long for a socket', `/${'a'.repeat(107)}`, 'longer than 107 bytes'],
    ['a directory that cannot be made', '/proc/nowhere/c.sock', 'ENOENT'],
  ])('refuses %s with the reason and does not throw', async (_what, path, reason) => {
    expect((await start(path)).outcome).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining(reason),
    });
  });

  test('asks for the snapshot anew each time', async () => {
    const path = `${directory.path}/c.sock`;
    let phase: 'running' | 'stopping' = 'running';
    await start(path, () => makeSnapshot(snapshotInputs({ phase })));
    await askClient(path);
    phase = 'stopping';
    expect(await askClient(path)).toMatchObject({ snapshot: { state: 'stopping' } });
  });

  test('closes a connection that does not read within about a second, however large the answer', async () => {
    const path = `${directory.path}/c.sock`;
    const large = { ...snapshot(), configPath: 'x'.repeat(4_000_000) };
    await start(path, () => large);
    const client = connect(path).pause();
    const startedMs = Date.now();
    await new Promise((resolve) => client.once('connect', resolve));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    client.resume();
    let bytes = 0;
    client.on('data', (part: Buffer) => (bytes += part.length));
    client.on('error', () => undefined);
    await new Promise((resolve) => client.once('close', resolve));
    expect(bytes).toBeLessThan(4_000_000);
    expect(Date.now() - startedMs).toBeLessThan(5_000);
  });

  test('serves eight at a time and goes on after a crowd', async () => {
    const path = `${directory.path}/c.sock`;
    const large = { ...snapshot(), configPath: 'x'.repeat(4_000_000) };
    let asked = 0;
    await start(path, () => {
      asked += 1;
      return large;
    });
    const crowd: Socket[] = Array.from({ length: 30 }, () =>
      connect(path)
        .pause()
        .on('error', () => undefined),
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(asked).toBe(8);
    for (const client of crowd) client.destroy();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await askClient(path)).kind).toBe('snapshot');
  });

  test('a snapshot that cannot be made is trouble, not the end', async () => {
    const path = `${directory.path}/c.sock`;
    await start(path, () => {
      throw new Error('counting failed');
    });
    expect(await askClient(path)).toMatchObject({ kind: 'failed' });
    expect(troubles).toEqual(['control socket: counting failed']);
  });
});

describe('askClient', () => {
  test('gives up on somebody who never answers', async () => {
    const path = `${directory.path}/mute.sock`;
    const mute = createServer(() => undefined);
    await new Promise<void>((resolve) => mute.listen(path, resolve));
    try {
      expect(await askClient(path)).toMatchObject({
        kind: 'failed',
        reason: expect.stringContaining('no answer'),
      });
    } finally {
      await new Promise((resolve) => mute.close(resolve));
    }
  }, 15_000);
});
