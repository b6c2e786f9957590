import { closeSync, openSync, readdirSync } from 'node:fs';
import { connect as connectTo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chunk, sendAll, TcpClient, UnixClient } from './raw-client.js';
import { openFdCount, pauseMs, startHarness, until } from './server-harness.js';
import type { Harness } from './server-harness.js';
import type { ServerDeps } from '../../src/server/server.js';

let harness: Harness;
let fdsBefore: number;

beforeEach(() => {
  fdsBefore = openFdCount();
});

afterEach(async () => {
  await harness.stop();
  await until(() => openFdCount() <= fdsBefore, 'as few open descriptors as before');
  expect(harness.native.poller.openHandles).toBe(0);
});

const SHORT_CLOCKS = { readTimeoutMs: 150, commandReadTimeoutMs: 100, sendBufTimeoutMs: 100 };
const LIMITS = { streamMaxBytes: 100_000, pendingJobsMax: 2, threadsMax: 4, connectionsMax: 1000 };

async function start(overrides: Partial<ServerDeps> = {}): Promise<void> {
  harness = await startHarness(overrides);
}

function connect(options: { deaf?: boolean } = {}): UnixClient {
  return new UnixClient(harness.native, harness.socketPath, options);
}

describe('clocks', () => {
  test.each([['zPI'], ['zFILDES\0'], ['nINSTREAM\n\0\0\0\x05h'], ['zIDSESSION\0']])(
    'a client that stops after %j is told that it timed out',
    async (sent) => {
      await start({ clocks: SHORT_CLOCKS });
      const client = connect();
      client.send(sent);
      expect(await client.toEnd()).toBe('COMMAND READ TIMED OUT\n');
    },
  );

  test('part of a command does not start the clock anew', async () => {
    await start({ clocks: SHORT_CLOCKS });
    const client = connect();
    const startedAtMs = performance.now();
    client.send('z');
    const drip = setInterval(() => {
      if (!client.closed) client.send('P');
    }, 20);
    await until(() => client.closed).finally(() => {
      clearInterval(drip);
    });
    expect(await client.toEnd()).toBe('COMMAND READ TIMED OUT\n');
    expect(performance.now() - startedAtMs).toBeLessThan(2500);
  });

  test('each packet of an upload starts it anew', async () => {
    await start({ clocks: SHORT_CLOCKS });
    const client = connect();
    client.send('zINSTREAM\0');
    for (let sent = 0; sent < 10; sent += 1) {
      await pauseMs(50);
      client.send(chunk(1));
    }
    client.send('\0\0\0\0');
    expect(await client.toEnd()).toBe('stream: OK\0');
  });

  test('no limit for the first command when CommandReadTimeout is 0', async () => {
    await start({ clocks: { ...SHORT_CLOCKS, commandReadTimeoutMs: 0 } });
    const client = connect();
    await pauseMs(300);
    client.send('zPING\0');
    expect(await client.toEnd()).toBe('PONG\0');
  });

  test('a session that waits for our answer is not idle', async () => {
    await start({ clocks: SHORT_CLOCKS });
    const path = harness.file('clean.bin', 'hello');
    harness.scanner.mode = 'hold';
    const client = connect();
    client.send(`zIDSESSION\0zSCAN ${path}\0`);
    await pauseMs(350);
    harness.scanner.finishAll();
    expect(await client.toEnd()).toBe(`1: ${path}: OK\0COMMAND READ TIMED OUT\n`);
  });
});

describe('clients that vanish', () => {
  test.each([
    ['a scan', (path: string) => `zSCAN ${path}\0`],
    ['a session', (path: string) => `zIDSESSION\0zSCAN ${path}\0zSCAN ${path}\0`],
  ])('%s is cancelled, and other clients never notice', async (_what, command) => {
    await start();
    const path = harness.file('infected.bin', 'x');
    harness.scanner.mode = 'hold';
    const client = connect();
    client.send(command(path));
    await until(() => harness.scanner.jobs.length > 0);
    client.close();
    await until(() => harness.scanner.cancelled > 0);
    await until(() => harness.server.connections === 0);
    const other = connect();
    other.send('zPING\0');
    expect(await other.toEnd()).toBe('PONG\0');
    expect(harness.stats.counters.clean).toBe(0);
  });

  test('over TCP a reset cancels a scan, a half-close does not', async () => {
    await start();
    const path = harness.file('clean.bin', 'x');
    harness.scanner.mode = 'hold';
    const port = harness.server.tcpPorts[0] ?? 0;
    const vanishing = connectTo({ port, host: '127.0.0.1' });
    vanishing.on('error', () => undefined);
    vanishing.write(`zSCAN ${path}\0`);
    await until(() => harness.scanner.jobs.length === 1);
    vanishing.resetAndDestroy();
    await until(() => harness.scanner.cancelled === 1);
    const halfClosed = new TcpClient(port);
    halfClosed.send(`zSCAN ${path}\0`);
    halfClosed.halfClose();
    await until(() => harness.scanner.jobs.length === 1);
    await pauseMs(100);
    harness.scanner.finishAll();
    expect(await halfClosed.toEnd()).toBe(`${path}: OK\0`);
  });

  test('a session that half-closes without END gets no reply for its scans, least of all OK', async () => {
    await start();
    const path = harness.file('infected.bin', 'x');
    harness.scanner.mode = 'hold';
    const client = connect();
    client.send(`zIDSESSION\0zSCAN ${path}\0`);
    await until(() => harness.scanner.jobs.length === 1);
    client.halfClose();
    expect(await client.toEnd()).toBe('');
    expect(harness.scanner.cancelled).toBe(1);
  });

  test('descriptors that wait for a scan are closed', async () => {
    await start({ limits: LIMITS });
    const path = harness.file('clean.bin', 'hello');
    const fd = openSync(path, 'r');
    harness.scanner.mode = 'hold';
    const client = connect();
    client.send('zIDSESSION\0');
    for (let sent = 0; sent < 20; sent += 1) client.sendWithFd('zFILDES\0\0', fd);
    await until(() => harness.scanner.jobs.length === 2);
    closeSync(fd);
    client.close();
    await until(() => harness.scanner.jobs.length === 0);
    await until(() => harness.server.connections === 0);
  });

  test('an upload that breaks off leaves nothing behind', async () => {
    await start();
    const client = connect();
    client.send('zINSTREAM\0');
    await sendAll(client, chunk(90_000));
    client.close();
    await until(() => harness.server.connections === 0);
    expect(readdirSync(harness.directory)).toEqual(['clamd.sock']);
  });
});

describe('a client that does not read', () => {
  test('is considered gone after SendBufTimeout', async () => {
    await start({ clocks: { ...SHORT_CLOCKS, readTimeoutMs: 60_000 } });
    const client = connect({ deaf: true });
    client.send('zIDSESSION\0');
    const flood = Buffer.from('nVERSIONCOMMANDS\n'.repeat(1000));
    await until(() => {
      try {
        client.trySend(flood);
        return false;
      } catch {
        return true;
      }
    }, 'a broken pipe');
    client.close();
    expect(harness.server.connections).toBe(0);
    expect(harness.logLines.join('')).toContain('"reason":"stalled"');
  });

  test('gets everything when it begins to read in time', async () => {
    await start();
    const client = connect({ deaf: true });
    const count = 20_000;
    const commands = Buffer.from(`zIDSESSION\0${'zPING\0'.repeat(count)}zEND\0`);
    const sending = sendAll(client, commands);
    await pauseMs(100);
    client.listen();
    await sending;
    const replies = (await client.toEnd()).split('\0');
    expect(replies).toHaveLength(count + 1);
    expect(replies[count - 1]).toBe(`${count}: PONG`);
  });
});

describe('a full queue', () => {
  test('holds up those who scan and nobody else', async () => {
    await start({ limits: LIMITS });
    const path = harness.file('clean.bin', 'hello');
    harness.scanner.mode = 'hold';
    const scanning = Array.from({ length: 6 }, () => connect());
    for (const client of scanning) client.send(`zSCAN ${path}\0`);
    await until(() => harness.scanner.jobs.length === 2);
    await pauseMs(30);
    expect(harness.scanner.jobs).toHaveLength(2);

    for (const command of ['PING', 'VERSION', 'STATS']) {
      const other = connect();
      other.send(`z${command}\0`);
      expect(await other.toEnd()).not.toBe('');
    }
    while (scanning.some((client) => !client.closed)) {
      harness.scanner.finishAll();
      await pauseMs(2);
    }
    for (const client of scanning) expect(await client.toEnd()).toBe(`${path}: OK\0`);
  });

  test('a session with many scans gets all its answers, in spite of a short queue', async () => {
    await start({ limits: LIMITS });
    const path = harness.file('clean.bin', 'hello');
    for (const mode of ['soon', 'atOnce'] as const) {
      harness.scanner.mode = mode;
      const client = connect();
      const fd = openSync(path, 'r');
      client.send('zIDSESSION\0');
      for (let sent = 0; sent < 100; sent += 1) client.sendWithFd('zFILDES\0\0', fd);
      client.send('zEND\0');
      expect((await client.toEnd()).split('\0')).toHaveLength(101);
      closeSync(fd);
    }
  });

  test('many clients with one scan each are all answered', async () => {
    await start({ limits: LIMITS });
    const path = harness.file('clean.bin', 'hello');
    const clients = Array.from({ length: 100 }, () => connect());
    for (const client of clients) client.send(`zSCAN ${path}\0`);
    for (const client of clients) expect(await client.toEnd()).toBe(`${path}: OK\0`);
  });
});

describe('many clients', () => {
  test('hundreds of idle ones hold up nobody', async () => {
    await start();
    const idle: UnixClient[] = [];
    for (let batch = 1; batch <= 3; batch += 1) {
      // No more at a time than the backlog holds.
      for (let added = 0; added < 100; added += 1) idle.push(connect());
      await until(() => harness.server.connections === batch * 100);
    }
    const client = connect();
    client.send('zPING\0');
    expect(await client.toEnd()).toBe('PONG\0');
    for (const one of idle) one.close();
    await until(() => harness.server.connections === 0);
  });

  test('beyond the bound the rest waits until one leaves', async () => {
    await start({ limits: { ...LIMITS, connectionsMax: 2 } });
    const [one, two] = [connect(), connect()];
    // Clients in a session keep their places, however long this takes.
    for (const client of [one, two]) {
      client.send('zIDSESSION\0zPING\0');
      await client.toHear('1: PONG\0');
    }
    const three = connect();
    three.send('zPING\0');
    await pauseMs(50);
    expect(three.received).toBe('');
    one.close();
    expect(await three.toEnd()).toBe('PONG\0');
    two.close();
  });

  test('when all places are taken, the oldest client that has said nothing gives up its own', async () => {
    let nowMs = 0;
    await start({ limits: { ...LIMITS, connectionsMax: 3 }, now: () => nowMs, tickMs: 10 });
    const session = connect();
    session.send('zIDSESSION\0zPING\0');
    await session.toHear('1: PONG\0');
    const silent = [connect(), connect()];
    await until(() => harness.server.connections === 3);
    const late = connect();
    late.send('zPING\0');
    await pauseMs(100);
    expect([late.received, ...silent.map((client) => client.received)]).toEqual(['', '', '']);
    nowMs = 1001;
    expect(await late.toEnd()).toBe('PONG\0');
    expect(await silent[0]?.toEnd()).toBe('COMMAND READ TIMED OUT\n');
    session.send('zPING\0');
    await session.toHear('2: PONG\0');
    for (const client of [session, ...silent]) client.close();
  });

  test('over TCP they wait too, and are taken in turn', async () => {
    await start({ limits: { ...LIMITS, connectionsMax: 1 } });
    const port = harness.server.tcpPorts[0] ?? 0;
    const first = new TcpClient(port);
    first.send('zIDSESSION\0zPING\0');
    await first.toHear('1: PONG\0');
    const waiting: TcpClient[] = [];
    for (let n = 0; n < 3; n += 1) {
      const client = new TcpClient(port);
      client.send(`zIDSESSION\0${'zPING\0'.repeat(n + 1)}`);
      waiting.push(client);
      await pauseMs(20);
    }
    waiting[1]?.close();
    expect(waiting.map((client) => client.received)).toEqual(['', '', '']);
    first.close();
    await waiting[0]?.toHear('1: PONG\0');
    expect(waiting[2]?.received).toBe('');
    waiting[0]?.close();
    await waiting[2]?.toHear('3: PONG\0');
    waiting[2]?.close();
  });
});

describe('stopping', () => {
  test('answers what is under way and takes nothing new', async () => {
    await start();
    const path = harness.file('clean.bin', 'hello');
    harness.scanner.mode = 'hold';
    const [scanning, idle] = [connect(), connect()];
    scanning.send(`zIDSESSION\0zSCAN ${path}\0`);
    idle.send('zIDSESSION\0');
    await until(() => harness.scanner.jobs.length === 1);
    const stopped = harness.server.stop(1000);
    expect(await idle.toEnd()).toBe('');
    expect(() => connect()).toThrow('ENOENT');
    harness.scanner.finishAll();
    expect(await scanning.toEnd()).toBe(`1: ${path}: OK\0`);
    await stopped;
  });

  test('cancels what does not end in time, and says nothing rather than OK', async () => {
    await start();
    const path = harness.file('infected.bin', 'x');
    harness.scanner.mode = 'hold';
    const client = connect();
    client.send(`zSCAN ${path}\0`);
    await until(() => harness.scanner.jobs.length === 1);
    await harness.server.stop(50);
    expect((await client.toEnd()).replace('<reset>', '')).toBe('');
    expect(harness.scanner.cancelled).toBe(1);
  });
});
