import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openNative } from '@portcullis/shared/native';
import type { NativeApi } from '@portcullis/shared/native';
import { freePort } from '@portcullis/shared/programs';
import { describeOrSkip } from '@portcullis/shared/testing';
import { BackgroundScanner } from '../../src/scan/background-scanner.js';
import { DaemonLink } from '../../src/scan/daemon-link.js';
import type { Endpoint, Transfer } from '../../src/scan/endpoint.js';
import type { ScanTicket } from '../../src/scan/link-contract.js';
import { PairFixture, whyNot } from '../pair-fixture.js';

const MARKER = 'portcullis-link-marker';
const DAEMON_STREAM_MAX_BYTES = 2_097_152;
const WAIT_MAX_MS = 60_000;
const TEST_MAX_MS = 120_000;

type End = 'clean' | 'infected' | 'failed' | 'incomplete' | 'tooLarge' | 'lost';

class Ticket implements ScanTicket {
  end: End | undefined;
  readonly fd: number;

  constructor(path: string) {
    this.fd = openSync(path, 'r');
  }

  borrowFd(): number {
    return this.fd;
  }

  returnFd(): void {
    // held until the test is over
  }
}

/** A link, its clock, and what it said. */
class LinkUnderTest {
  readonly link: DaemonLink<Ticket>;
  readonly news: string[] = [];
  readonly tickets: Ticket[] = [];
  readonly #ticker: NodeJS.Timeout;

  constructor(native: NativeApi, endpoint: Endpoint, transfer: Transfer) {
    const nowMs = () => performance.now();
    const ended = (ticket: Ticket, end: End): void => {
      if (ticket.end !== undefined) throw new Error('a ticket came back twice');
      ticket.end = end;
    };
    this.link = new DaemonLink<Ticket>(
      native,
      {
        endpoint,
        transfer,
        windowScans: 16,
        silenceMaxMs: 30_000,
        spinMaxMs: 0,
        connectMaxMs: 5_000,
        streamMaxBytes: 5 * DAEMON_STREAM_MAX_BYTES,
        nowMs,
      },
      {
        onVerdict: (ticket, { kind }) => {
          ended(ticket, kind);
        },
        onTooLarge: (ticket) => {
          ended(ticket, 'tooLarge');
        },
        onLost: (ticket) => {
          ended(ticket, 'lost');
        },
        onUp: (pid) => this.news.push(pid > 0 ? 'up with pid' : 'up'),
        onDown: (reason) => this.news.push(`down: ${reason}`),
        onDatabaseChanged: () => undefined,
      },
    );
    this.#ticker = setInterval(() => {
      this.link.tick(nowMs());
    }, 20);
  }

  submit(path: string): Ticket {
    const ticket = new Ticket(path);
    this.tickets.push(ticket);
    this.link.submit(ticket);
    return ticket;
  }

  async answered(): Promise<void> {
    await until(() => this.tickets.every(({ end }) => end !== undefined));
  }

  close(): void {
    clearInterval(this.#ticker);
    this.link.close();
    for (const { fd } of this.tickets) closeSync(fd);
  }
}

async function until(isMet: () => boolean): Promise<void> {
  const giveUpAtMs = performance.now() + WAIT_MAX_MS;
  while (!isMet()) {
    if (performance.now() > giveUpAtMs) throw new Error('waited in vain');
    await pause(10);
  }
}

const clamdMissing = await whyNot('clamd');
const DAEMONS = [
  { name: 'scanner-daemon', missing: undefined },
  { name: 'clamd', missing: clamdMissing },
] as const;
const ROUTES = [
  { kind: 'unix', transfer: 'descriptor' },
  { kind: 'unix', transfer: 'stream' },
  { kind: 'tcp', transfer: 'stream' },
] as const;

for (const daemon of DAEMONS) {
  describeOrSkip(`DaemonLink to ${daemon.name}`, daemon.missing, () => {
    const native = openNative();
    let pair: PairFixture;
    let port: number;

    beforeAll(async () => {
      port = await freePort();
      const listen = [`TCPSocket ${port}`, 'TCPAddr 127.0.0.1'];
      pair = new PairFixture([...listen, `StreamMaxLength ${DAEMON_STREAM_MAX_BYTES}`]);
      pair.writeSignatures(MARKER);
      if (daemon.name === 'clamd') await pair.startClamd();
      else await pair.startDaemon();
    }, TEST_MAX_MS);

    afterAll(async () => {
      await pair.stop();
    }, TEST_MAX_MS);

    describe.each(ROUTES)('over $kind as $transfer', ({ kind, transfer }) => {
      const endpointOf = (): Endpoint =>
        kind === 'unix'
          ? { kind, path: pair.socketPath }
          : { kind, addresses: [{ family: 'inet', address: '127.0.0.1', port }] };

      async function connected(): Promise<LinkUnderTest> {
        const under = new LinkUnderTest(native, endpointOf(), transfer);
        await until(() => under.link.isUp);
        return under;
      }

      test(
        'files of all sizes get the verdicts that are theirs',
        async () => {
          const under = await connected();
          const expected: End[] = [];
          for (let index = 0; index < 200; index += 1) {
            const content = Buffer.alloc((index * index * 37) % 400_000, `${index} `);
            const isInfected = index % 7 === 3 && content.length > MARKER.length;
            if (isInfected) content.write(MARKER, Math.floor((content.length - MARKER.length) / 2));
            const path = pair.path(`${kind}-${transfer}-${index}`);
            writeFileSync(path, content);
            expected.push(isInfected ? 'infected' : 'clean');
            under.submit(path);
            if (index % 20 === 0) await pause(5);
          }
          await under.answered();
          under.close();
          expect(under.tickets.map(({ end }) => end)).toEqual(expected);
          expect(under.news).toEqual([kind === 'unix' ? 'up with pid' : 'up']);
        },
        TEST_MAX_MS,
      );

      test(
        'files that grow and shrink meanwhile harm neither the session nor the others',
        async () => {
          const under = await connected();
          const restless = Array.from({ length: 10 }, (_, index) => {
            const path = pair.path(`restless-${kind}-${transfer}-${index}`);
            writeFileSync(path, Buffer.alloc(1_000_000, 'r'));
            return { path, fd: openSync(path, 'r+') };
          });
          const infected = pair.path(`infected-${kind}-${transfer}`);
          writeFileSync(infected, MARKER.padEnd(100_000));
          for (let round = 0; round < 5; round += 1) {
            for (const { path, fd } of restless) {
              under.submit(path);
              ftruncateSync(fd, Math.floor(Math.random() * 600_000));
              await new Promise((resolve) => setImmediate(resolve));
              writeSync(fd, Buffer.alloc(300_000, 'g'), 0, 300_000, Math.floor(Math.random() * 1_200_000));
            }
            under.submit(infected);
          }
          await under.answered();
          under.close();
          for (const { fd } of restless) closeSync(fd);
          const ends = under.tickets.map(({ end }) => end);
          expect(ends.filter((end) => end === 'infected')).toHaveLength(5);
          expect(ends.filter((end) => end === 'lost')).toHaveLength(0);
          expect(under.news).toHaveLength(1);
        },
        TEST_MAX_MS,
      );
    });

    test(
      'a stream longer than the daemon takes costs nobody else a verdict',
      async () => {
        for (const endpoint of [
          { kind: 'unix', path: pair.socketPath },
          { kind: 'tcp', addresses: [{ family: 'inet', address: '127.0.0.1', port }] },
        ] as const) {
          const under = new LinkUnderTest(native, endpoint, 'stream');
          await until(() => under.link.isUp);
          const long = pair.path('long');
          writeFileSync(long, Buffer.alloc(DAEMON_STREAM_MAX_BYTES + 1, 'l'));
          const fits = pair.path('fits');
          writeFileSync(fits, Buffer.alloc(DAEMON_STREAM_MAX_BYTES, 'f'));
          const infected = pair.path('infected');
          writeFileSync(infected, MARKER.padEnd(50_000));
          for (const path of [infected, fits, long, infected, fits, long, infected]) under.submit(path);
          await under.answered();
          const ends = under.tickets.map(({ end }) => end);
          under.close();
          expect(ends).toEqual([
            'infected',
            'clean',
            'tooLarge',
            'infected',
            'clean',
            'tooLarge',
            'infected',
          ]);
          expect(under.news.filter((line) => line.startsWith('down'))).toEqual([]);
        }
      },
      TEST_MAX_MS,
    );

    test(
      'BackgroundScanner finds what lies in a tree over both transfers',
      async () => {
        for (const transfer of ['descriptor', 'stream'] as const) {
          const found: string[] = [];
          const scanner = new BackgroundScanner({
            native,
            link: {
              endpoint: { kind: 'unix', path: pair.socketPath },
              transfer,
              connectMaxMs: 5_000,
              streamMaxBytes: DAEMON_STREAM_MAX_BYTES,
              nowMs: () => performance.now(),
            },
            fileMaxBytes: Infinity,
            handsOver: false,
            onDetection: ({ path, signatureName }) => found.push(`${path}: ${signatureName}`),
            onIssue: (path, issue) => found.push(`${issue} ${path}`),
          });
          pair.writeMany(20);
          const bad = pair.write('bad', `x ${MARKER} x`);
          scanner.submitTree(pair.guarded);
          await until(() => scanner.isIdle);
          await scanner.stop();
          expect(found).toEqual([`${bad}: Test.Marker.UNOFFICIAL`]);
          expect(scanner.counts().scanned).toBe(21);
        }
      },
      TEST_MAX_MS,
    );
  });
}

test('DaemonLink: a daemon that does not tell its version is asked for it once, and scans', async () => {
  const native = openNative();
  const pair = new PairFixture(['EnableVersionCommand no']);
  await pair.startDaemon();
  const under = new LinkUnderTest(native, { kind: 'unix', path: pair.socketPath }, 'descriptor');
  try {
    await until(() => under.link.isUp);
    for (let index = 0; index < 3; index += 1) {
      under.submit(pair.write(`f${index}`, 'clean'));
      await pause(2_200);
    }
    await under.answered();
    expect(under.tickets.map(({ end }) => end)).toEqual(['clean', 'clean', 'clean']);
    expect(under.news).toEqual(['up with pid', 'up with pid']);
  } finally {
    under.close();
    await pair.stop();
  }
}, 60_000);

describe('DaemonLink over TCP', () => {
  test('comes up when the daemon does, at the second address', async () => {
    const native = openNative();
    const port = await freePort();
    const pair = new PairFixture([`TCPSocket ${port}`, 'TCPAddr 127.0.0.1']);
    const addresses = [
      { family: 'inet', address: '127.0.0.2', port },
      { family: 'inet', address: '127.0.0.1', port },
    ] as const;
    const under = new LinkUnderTest(native, { kind: 'tcp', addresses }, 'stream');
    try {
      await until(() => under.news.length > 0);
      expect(under.news[0]).toMatch(/^down: 127\.0\.0\.1:\d+: connect: ECONNREFUSED$/);
      const daemon = await pair.startDaemon();
      await until(() => under.link.isUp);
      await daemon.stop();
      await until(() => !under.link.isUp);
      await pair.startDaemon();
      await until(() => under.link.isUp);
    } finally {
      under.close();
      await pair.stop();
    }
  }, 120_000);
});
