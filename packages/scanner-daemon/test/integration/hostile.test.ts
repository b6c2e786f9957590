import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { openNative } from '@portcullis/shared/native';
import { describeOrSkip } from '@portcullis/shared/testing';
import {
  expectRecovered,
  expectService,
  expectUnharmed,
  vitalsOf,
  type Vitals,
} from './clients/daemon-vitals.js';
import { runProgram, whyMissing } from './clients/run-program.js';
import {
  ask,
  createSite,
  EICAR,
  instream,
  startDaemon,
  type DaemonProcess,
  type Site,
} from './daemon-process.js';

const PYTHON = '/usr/bin/python3';
// From dist/, where this file runs, to the source: Python needs no build.
const DESCRIPTORS = fileURLToPath(
  new URL('../../../test/integration/clients/hostile-descriptors.py', import.meta.url),
);
const COMMAND_READ_TIMEOUT_MS = 4000;
const MEBIBYTE = 1024 * 1024;
const TIMED_OUT = 'COMMAND READ TIMED OUT\n';
/** Fewer than the backlog, or connect(2) on the Unix socket fails. */
const BATCH = 50;

let site: Site;
let daemon: DaemonProcess;
let before: Vitals;

/** A client that keeps what it hears, whatever happens to it. */
class Peer {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  heard = '';

  constructor(target: string | number) {
    this.socket = typeof target === 'string' ? connect(target) : connect(target, '127.0.0.1');
    this.closed = new Promise((resolve) => this.socket.once('close', resolve));
    this.socket.on('error', () => undefined);
    this.socket.on('data', (bytes) => (this.heard += bytes.toString('latin1')));
  }
}

function targetOf(n: number): string | number {
  return n % 2 === 0 ? site.socketPath : site.tcpPort;
}

/** Connects so many clients, half of them over TCP, and has each send something. */
async function crowd(count: number, say: (n: number) => string | Buffer): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (let n = 0; n < count; n += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - n) }, (_, at) => new Peer(targetOf(n + at)));
    await Promise.all(batch.map(({ socket }) => once(socket, 'connect')));
    batch.forEach(({ socket }, at) => {
      const bytes = say(n + at);
      if (bytes.length > 0) socket.write(bytes);
    });
    peers.push(...batch);
  }
  return peers;
}

beforeAll(async () => {
  openNative().limits.raiseOpenFiles();
  site = await createSite([
    `CommandReadTimeout ${COMMAND_READ_TIMEOUT_MS / 1000}`,
    'ReadTimeout 4',
    'SendBufTimeout 500',
    'StreamMaxLength 10M',
  ]);
  daemon = await startDaemon(site);
  // Threads that Node starts with the first use of files are there before anything is compared.
  for (let n = 0; n < 20; n += 1) await ask(targetOf(n), instream(Buffer.alloc(3 * MEBIBYTE)));
  await expectService(site);
  await new Promise((resolve) => setTimeout(resolve, 300));
  before = vitalsOf(daemon.pid);
}, 60_000);
afterAll(async () => {
  await daemon.stop();
  site.remove();
}, 20_000);
afterEach(async () => {
  await expectUnharmed(site, daemon.pid, before);
}, 40_000);

describe('connections that say too little', () => {
  test.each([
    ['nothing', () => ''],
    ['half a command', (n: number) => ['zSCAN /tmp', 'nINSTRE', 'z', 'n'][n % 4] ?? ''],
  ])(
    '1,000 that send %s hold up nobody, and are closed in time',
    async (_what, say) => {
      const startedAtMs = Date.now();
      const peers = await crowd(1000, say);
      for (let n = 0; n < 5; n += 1) {
        const askedAtMs = Date.now();
        await expectService(site);
        expect(Date.now() - askedAtMs).toBeLessThan(2500);
      }
      await Promise.all(peers.map(({ closed }) => closed));
      expect(Date.now() - startedAtMs).toBeGreaterThanOrEqual(COMMAND_READ_TIMEOUT_MS - 100);
      expect(new Set(peers.map(({ heard }) => heard))).toEqual(new Set([TIMED_OUT]));
    },
    60_000,
  );

  test('1,000 that are gone at once after half a command leave nothing behind', async () => {
    const peers = await crowd(1000, () => 'zMULTISCAN /t');
    for (const { socket } of peers) socket.destroy();
    await expectRecovered(daemon.pid, before);
  }, 60_000);

  test('5,000 come and go', async () => {
    for (let n = 0; n < 5000; n += BATCH) {
      await Promise.all(
        Array.from({ length: BATCH }, async (_, at) => {
          const { socket, closed } = new Peer(targetOf(at));
          socket.once('connect', () => {
            if (at % 4 === 1) socket.resetAndDestroy();
            else socket.destroy();
          });
          await closed;
        }),
      );
    }
  }, 60_000);
});

describe('INSTREAM lengths', () => {
  const FOUR_GIGABYTES = Buffer.from('zINSTREAM\0\xff\xff\xff\xff', 'latin1');

  test.each(['unix', 'tcp'])('4 GB over StreamMaxLength are refused at once over %s', async (transport) => {
    const target = transport === 'unix' ? site.socketPath : site.tcpPort;
    const data = Buffer.concat([FOUR_GIGABYTES, Buffer.alloc(5 * MEBIBYTE)]);
    expect(await ask(target, data)).toBe('INSTREAM size limit exceeded. ERROR\0');
    expect(vitalsOf(daemon.pid).residentBytes).toBeLessThan(before.residentBytes + 100 * MEBIBYTE);
  });

  test('a length and then silence ends with ReadTimeout', async () => {
    const peers = await crowd(20, () => Buffer.from('zINSTREAM\0\0\0\x01\0ab', 'latin1'));
    await Promise.all(peers.map(({ closed }) => closed));
    expect(new Set(peers.map(({ heard }) => heard))).toEqual(new Set([TIMED_OUT]));
  }, 30_000);

  test('announced 4 GB without StreamMaxLength take no memory before they come', async () => {
    const boundless = await createSite(['StreamMaxLength 0', 'MaxScanSize 0', 'MaxFileSize 0']);
    const other = await startDaemon(boundless);
    try {
      await expectService(boundless);
      const atFirst = vitalsOf(other.pid);
      const peers = Array.from(
        { length: 100 },
        (_, n) => new Peer(n % 2 === 0 ? boundless.socketPath : boundless.tcpPort),
      );
      for (const { socket } of peers) socket.write(Buffer.concat([FOUR_GIGABYTES, Buffer.alloc(1000)]));
      await new Promise((resolve) => setTimeout(resolve, 500));
      await expectService(boundless);
      expect(vitalsOf(other.pid).residentBytes).toBeLessThan(atFirst.residentBytes + 150 * MEBIBYTE);
      for (const { socket } of peers) socket.destroy();
      await expectRecovered(other.pid, atFirst);
    } finally {
      await other.stop();
      boundless.remove();
    }
  }, 60_000);

  test('a million chunks of one byte are a stream like any other', async () => {
    const chunks = Buffer.alloc(1_000_000 * 5, Buffer.from('\0\0\0\x01x', 'latin1'));
    const upload = Buffer.concat([Buffer.from('zINSTREAM\0'), chunks, Buffer.alloc(4)]);
    expect(await ask(site.socketPath, upload)).toBe('stream: OK\0');
  }, 30_000);
});

describe('bytes that mean nothing', () => {
  test('garbage of any kind gets an answer or an end', async () => {
    let state = 1;
    const draw = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8;
    const garbage = (n: number): Buffer =>
      Buffer.concat([
        Buffer.from(['', 'z', 'n', 'zINSTREAM\0', 'zIDSESSION\0', 'nFILDES\n'][n % 6] ?? ''),
        Buffer.from(Array.from({ length: 1 + (draw() % 600) }, () => draw() & 0xff)),
      ]);
    const peers = await crowd(600, garbage);
    for (const { socket } of peers) socket.end();
    await Promise.all(peers.map(({ closed }) => closed));
  }, 60_000);

  test.each(['z', 'n', 'zIDSESSION\0z', 'SCAN /'])(
    'no delimiter after %j, ten megabytes long',
    async (start) => {
      for (const target of [site.socketPath, site.tcpPort]) {
        const peer = new Peer(target);
        peer.socket.write(Buffer.concat([Buffer.from(start), Buffer.alloc(10 * MEBIBYTE, 'a')]));
        await peer.closed;
      }
      expect(vitalsOf(daemon.pid).residentBytes).toBeLessThan(before.residentBytes + 150 * MEBIBYTE);
    },
    30_000,
  );
});

describe('clients that ask much', () => {
  test.each(['unix', 'tcp'])(
    '20,000 commands in one go over %s are answered in order',
    async (transport) => {
      const target = transport === 'unix' ? site.socketPath : site.tcpPort;
      const said = await ask(target, `zIDSESSION\0${'zPING\0'.repeat(20_000)}zEND\0`);
      expect(said).toBe(Array.from({ length: 20_000 }, (_, n) => `${n + 1}: PONG\0`).join(''));
    },
    30_000,
  );

  test('5,000 scans in one go are each answered once', async () => {
    const marked = site.put('marked', EICAR);
    const said = await ask(site.socketPath, `nIDSESSION\n${`nSCAN ${marked}\n`.repeat(5000)}nEND\n`);
    const ids = said
      .split('\n')
      .filter(Boolean)
      .map((line) => Number(line.split(':')[0]));
    expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: 5000 }, (_, n) => n + 1));
    expect(said.match(/Test\.Eicar\.UNOFFICIAL FOUND/g)).toHaveLength(5000);
  }, 60_000);

  test.each(['unix', 'tcp'])(
    'who never reads is dropped after SendBufTimeout, over %s',
    async (transport) => {
      const peers = Array.from(
        { length: 20 },
        () => new Peer(transport === 'unix' ? site.socketPath : site.tcpPort),
      );
      for (const { socket } of peers) {
        socket.pause();
        socket.write(`nIDSESSION\n${'nSTATS\n'.repeat(100_000)}`);
      }
      await expectService(site);
      await expectRecovered(daemon.pid, before);
      expect(vitalsOf(daemon.pid).residentBytes).toBeLessThan(before.residentBytes + 300 * MEBIBYTE);
      for (const { socket } of peers) socket.destroy();
    },
    60_000,
  );

  test.each(['unix', 'tcp'])(
    'a stopped client is dropped while it is stopped, over %s',
    async (transport) => {
      const where = transport === 'unix' ? JSON.stringify(site.socketPath) : `${site.tcpPort}, '127.0.0.1'`;
      const script = `require('net').connect(${where}, function () {
      this.write('nIDSESSION\\n' + 'nSTATS\\n'.repeat(100000), () => undefined);
      process.stdout.write('sent');
    }).on('error', () => undefined)`;
      const client: ChildProcess = spawn(process.execPath, ['-e', script], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      try {
        if (client.stdout !== null) await once(client.stdout, 'data');
        client.kill('SIGSTOP');
        await expectUnharmed(site, daemon.pid, before);
      } finally {
        client.kill('SIGKILL');
        await once(client, 'exit');
      }
    },
    60_000,
  );
});

describeOrSkip('descriptors of any kind', whyMissing(PYTHON), () => {
  const REGULAR = /^fd\[\d+\]: Test\.Eicar\.UNOFFICIAL FOUND\0$/;
  const NOT_REGULAR = /^fd\[\d+\]: Not a regular file ERROR\0$/;
  const ANY_ERROR = /^fd\[\d+\]: .* ERROR\0$/;
  const OK_OR_ERROR = /^fd\[\d+\]: (OK|.* ERROR)\0$/;
  const STRAY = /^PROTOCOL ERROR: ancillary data sent without FILDES\. ERROR\0/;
  const EXPECTED: Readonly<Record<string, RegExp>> = {
    regular: REGULAR,
    deleted: REGULAR,
    memfd: REGULAR,
    directory: NOT_REGULAR,
    socket: NOT_REGULAR,
    pairedSocket: NOT_REGULAR,
    itself: NOT_REGULAR,
    fifo: NOT_REGULAR,
    pipe: NOT_REGULAR,
    zeroDevice: NOT_REGULAR,
    epoll: NOT_REGULAR,
    event: NOT_REGULAR,
    pidfd: NOT_REGULAR,
    pathOnlyLink: NOT_REGULAR,
    proc: OK_OR_ERROR,
    procMemory: OK_OR_ERROR,
    sys: OK_OR_ERROR,
    hugeMemfd: OK_OR_ERROR,
    pathOnly: ANY_ERROR,
    writeOnly: ANY_ERROR,
    twoAtOnce: /^No file descriptor received\. ERROR\0$/,
    threeAtOnce: /^(<reset>)?$/,
    manyAtOnce: /^(<reset>)?$/,
    garbage: /^(<reset>)?$/,
    withTheCommand: STRAY,
    withHalfACommand: STRAY,
    withPing: /^PONG\0$/,
    withIdsession: /^1: PROTOCOL ERROR: ancillary data sent without FILDES\. ERROR\0$/,
    inTheUpload: STRAY,
    withoutAny: /^No file descriptor received\. ERROR\0$/,
    // What is left unread resets the connection behind the answer.
    behindTheAnswer: /^fd\[\d+\]: Test\.Eicar\.UNOFFICIAL FOUND\0(<reset>)?$/,
    inASession:
      /^(1: fd\[\d+\]: Test\.Eicar\.UNOFFICIAL FOUND\0)?2: PONG\0(1: fd\[\d+\]: Test\.Eicar\.UNOFFICIAL FOUND\0)?3: PROTOCOL ERROR: ancillary data sent without FILDES\. ERROR\0$/,
  };

  test('each gets its answer and is closed', async () => {
    const infected = site.put('infected', EICAR);
    const { code, stdout, stderr } = await runProgram([
      PYTHON,
      DESCRIPTORS,
      site.socketPath,
      site.root,
      infected,
    ]);
    expect([code, stderr]).toEqual([0, '']);
    const said = JSON.parse(stdout) as Record<string, string>; // The program prints an object of texts.
    const wrong = Object.entries(EXPECTED).filter(
      ([name, expected]) => !expected.test(said[name] ?? 'nothing'),
    );
    expect(wrong.map(([name]) => [name, said[name]])).toEqual([]);
    expect(Object.keys(said).sort()).toEqual(Object.keys(EXPECTED).sort());
    // The infected file was only read.
    expect(statSync(infected).size).toBe(EICAR.length);
    await expectRecovered(daemon.pid, before);
  }, 60_000);
});
