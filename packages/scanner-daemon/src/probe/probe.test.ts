import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { makeTempDir, type TempDir } from '@portcullis/shared/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { REPLY_MAX_BYTES } from '@portcullis/shared/probe';
import { runProbe, type ListenReading } from './probe.js';

const STATS = [
  'POOLS: 1',
  '',
  'STATE: VALID PRIMARY',
  'THREADS: live 2  idle 1 max 10 idle-timeout 30',
  'QUEUE: 1 items min_wait: 1.500000 max_wait: 1.500000 avg_wait: 1.500000',
  '\tSCAN 0.202816 /srv/\u001b[31mred\u202e',
  '',
  'MEMSTATS: heap N/A mmap N/A used N/A free N/A releasable N/A pools 1 pools_used 5.884M pools_total 5.964M',
  'END',
].join('\n');
const NOT_ASKED = (): ListenReading => ({ kind: 'refused', message: 'nobody should have read clamd.conf' });

let directory: TempDir;
let servers: Server[];

beforeEach(() => {
  directory = makeTempDir('probe-');
  servers = [];
});

afterEach(async () => {
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  directory.remove();
});

type Script = Readonly<Record<string, string>>;

const SERVING: Script = {
  PING: 'PONG\0',
  VERSION: 'ClamAV 1.4.6/27845/Fri Nov 20 08:00:00 2026\0',
  STATS: `${STATS}\0`,
};

/** A daemon that answers each command as the script says and closes; a command without a line is never answered. */
async function daemon(
  script: Script,
  listenOn: string | { port: number; host: string } = 'unix',
): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (bytes: Buffer) => {
      const command = /^z([A-Z]+)\0$/.exec(bytes.toString())?.[1] ?? 'not a z command';
      const reply = script[command];
      if (reply !== undefined) socket.end(reply);
    });
  });
  servers.push(server);
  const path = join(directory.path, 's');
  await new Promise<void>((resolve) => {
    if (typeof listenOn === 'string') server.listen(path, resolve);
    else server.listen(listenOn, resolve);
  });
  if (typeof listenOn === 'string') return `unix:${path}`;
  const { port } = server.address() as AddressInfo; // A TCP server's address is one.
  return `tcp://${listenOn.host.includes(':') ? `[${listenOn.host}]` : listenOn.host}:${port}`;
}

async function run(
  args: readonly string[],
  readListen: (file: string | undefined) => ListenReading = NOT_ASKED,
) {
  const seen = { stdout: '', stderr: '' };
  const exitCode = await runProbe(args, {
    stdout: (text) => (seen.stdout += text),
    stderr: (text) => (seen.stderr += text),
    readListen,
  });
  return { exitCode, ...seen };
}

describe('ping', () => {
  test('a daemon that answers is PONG and 0', async () => {
    const address = await daemon(SERVING);
    expect(await run(['ping', address])).toEqual({ exitCode: 0, stdout: 'PONG\n', stderr: '' });
  });

  test('reaches a TCP daemon', async () => {
    const address = await daemon(SERVING, { port: 0, host: '127.0.0.1' });
    expect(await run(['ping', address])).toMatchObject({ exitCode: 0, stdout: 'PONG\n' });
  });

  test('a reply in pieces is a reply', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).resume();
      let at = 0;
      const timer = setInterval(() => {
        socket.write('PONG\0'.charAt(at));
        at += 1;
        if (at === 5) clearInterval(timer);
      }, 5);
    });
    servers.push(server);
    const path = join(directory.path, 'slow');
    await new Promise<void>((resolve) => server.listen(path, resolve));
    expect(await run(['ping', path])).toMatchObject({ exitCode: 0 });
  });

  test.each([
    ['there is no socket', () => Promise.resolve('/nonexistent/clamd.ctl'), 'no such socket file'],
    [
      'the socket file is stale',
      () => {
        const path = join(directory.path, 'stale');
        writeFileSync(path, '');
        return Promise.resolve(path);
      },
      'nobody listens on this socket file',
    ],
    ['nobody listens on the port', () => Promise.resolve('tcp://127.0.0.1:1'), 'connection refused'],
    ['the daemon is silent', () => daemon({}), 'no answer to PING within 0.3 s'],
    ['the daemon hangs up', () => daemon({ PING: '' }), 'closed before PING was answered'],
    ['half a reply comes', () => daemon({ PING: 'PON' }), 'closed before PING was answered'],
    [
      'it is something else',
      () => daemon({ PING: 'HTTP/1.1 400\n\u001b[0m\0' }),
      'answered with "HTTP/1.1 400\\n\\x1b[0m"',
    ],
    ['it says PONG and more', () => daemon({ PING: 'PONG\n\0' }), 'answered with "PONG\\n"'],
    ['it never stops talking', () => daemon({ PING: 'x'.repeat(REPLY_MAX_BYTES + 1) }), 'longer than'],
  ])('when %s, one line says so and the exit code is 1', async (_, prepare, reason) => {
    const address = await prepare();
    const outcome = await run(['ping', address, '--timeout', '0.3']);
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stdout).toBe('');
    expect(outcome.stderr).toMatch(/^scanner-daemon ping: (unix:|tcp:\/\/)[^\n]+\n$/);
    expect(outcome.stderr).toContain(reason);
  });

  test('asks where clamd.conf says', async () => {
    const path = (await daemon(SERVING)).slice('unix:'.length);
    const asked: (string | undefined)[] = [];
    const outcome = await run(['ping', '-c', '/etc/x.conf'], (configFile) => {
      asked.push(configFile);
      const listen = { localSocketPath: path, tcpPort: 1, tcpAddresses: [] };
      return { kind: 'listen', listen, configFile };
    });
    expect([outcome.exitCode, asked]).toEqual([0, ['/etc/x.conf']]);
  });

  test('where TCPAddr is every address and only IPv6 answers, it is found there', async () => {
    const address = await daemon(SERVING, { port: 0, host: '::1' });
    const tcpPort = Number(/[0-9]+$/.exec(address)?.[0]);
    const outcome = await run(['ping'], () => {
      return {
        kind: 'listen',
        listen: { localSocketPath: undefined, tcpPort, tcpAddresses: [] },
        configFile: undefined,
      };
    });
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('a configuration that cannot be read, or names no socket, is 2', async () => {
    const refused = await run(['ping'], () => ({
      kind: 'refused',
      message: "Can't open/parse the config file /x",
    }));
    expect(refused).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: "scanner-daemon ping: Can't open/parse the config file /x\n",
    });
    const listen = { localSocketPath: undefined, tcpPort: undefined, tcpAddresses: [] };
    const silent = await run(['ping'], () => ({ kind: 'listen', listen, configFile: '/x' }));
    expect(silent).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('give an address'),
    });
  });

  test('wrong usage is 2, help is 0', async () => {
    expect(await run(['ping', 'localhost'])).toMatchObject({ exitCode: 2, stdout: '' });
    expect(await run(['ping', '-h'])).toMatchObject({ exitCode: 0, stderr: '' });
  });
});

describe('status', () => {
  test('prints one page', async () => {
    const address = await daemon(SERVING);
    const outcome = await run(['status', address]);
    expect({ ...outcome, stdout: outcome.stdout.replace(/[0-9.]+ ms/, 'N ms') }).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: [
        `scanner-daemon at ${address}: serving`,
        '  answered in N ms',
        '  version     ClamAV 1.4.6',
        '  database    VALID, version 27845 of Fri Nov 20 08:00:00 2026, 5.9 MiB',
        '  threads     2 live, 1 idle, 10 at most',
        '  queue       1 waiting, for 1.5 s at most',
        '  tasks       1',
        '    SCAN              0.2 s  /srv/\\x1b[31mred\\u202e',
        '',
      ].join('\n'),
    });
  });

  test('prints JSON with these names, on one line, free of what a terminal obeys', async () => {
    const address = await daemon(SERVING);
    const { stdout, exitCode } = await run(['status', '--json', address]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^[\x20-\x7e]+\n$/);
    expect(JSON.parse(stdout)).toEqual({
      address,
      configFile: null,
      reachable: true,
      serving: true,
      problem: null,
      pingMs: expect.any(Number),
      clamavVersion: '1.4.6',
      databaseVersion: 27_845,
      databaseDate: 'Fri Nov 20 08:00:00 2026',
      databaseUsedBytes: 6_169_821,
      databaseTotalBytes: 6_253_707,
      state: 'VALID',
      threads: { live: 2, idle: 1, max: 10, idleTimeoutSeconds: 30 },
      queue: { items: 1, waits: [{ minSeconds: 1.5, maxSeconds: 1.5, avgSeconds: 1.5 }] },
      tasks: [{ task: 'SCAN', seconds: 0.202816, name: '/srv/\u001b[31mred\u202e' }],
    });
  });

  test('the same names are there when nothing can be known', async () => {
    const { stdout, exitCode } = await run(['status', '--json', '/nonexistent/s']);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      address: 'unix:/nonexistent/s',
      configFile: null,
      reachable: false,
      serving: false,
      problem: expect.stringContaining('no such socket file'),
      pingMs: null,
      clamavVersion: null,
      databaseVersion: null,
      databaseDate: null,
      databaseUsedBytes: null,
      databaseTotalBytes: null,
      state: null,
      threads: null,
      queue: null,
      tasks: null,
    });
  });

  test.each([
    ['a daemon that goes down', { STATS: `${STATS.replace('VALID', 'EXIT')}\0` }, 1, 'EXIT'],
    ['STATS unanswered', { STATS: '' }, 1, 'closed before STATS was answered'],
    ['STATS switched off', { STATS: 'COMMAND UNAVAILABLE\0' }, 0, 'EnableStatsCommand'],
    ['STATS that cannot be read', { STATS: `${STATS}x\0` }, 0, 'line 9 of the STATS reply'],
    ['no PONG', { PING: 'NO\0' }, 1, 'answered with "NO"'],
  ])('%s is told', async (_, change, exitCode, problem) => {
    const address = await daemon({ ...SERVING, ...change });
    const outcome = await run(['status', address]);
    expect(outcome.exitCode).toBe(exitCode);
    expect(outcome.stdout).toContain(problem);
    expect(outcome.stdout).toContain(exitCode === 0 ? ': serving' : ': not serving');
  });

  test('a VERSION that is not there is left out', async () => {
    const address = await daemon({ ...SERVING, VERSION: 'COMMAND UNAVAILABLE\0' });
    const { stdout, exitCode } = await run(['status', '--json', address]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ clamavVersion: null, databaseVersion: null, state: 'VALID' });
  });
});
