import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ScanVerdict } from '@portcullis/shared';
import { FakeNative } from '@portcullis/shared/testing';
import { ScriptedDaemon } from '../../test/scripted-daemon.js';
import type { ScriptedVerdict } from '../../test/scripted-daemon.js';
import { DaemonLink } from './daemon-link.js';
import type { Endpoint } from './endpoint.js';
import type { LinkOptions, ScanTicket } from './link-contract.js';

const SOCKET = '/run/clamd.sock';
const UNIX: Endpoint = { kind: 'unix', path: SOCKET };
const TCP = { family: 'inet', address: '127.0.0.1', port: 3310 } as const;
const OTHER_TCP = { family: 'inet', address: '127.0.0.2', port: 3311 } as const;
const LIMIT_BYTES = 100_000;

function judge(content: string): ScriptedVerdict {
  if (content.includes('EVIL')) return { found: 'Test.Evil' };
  if (content.includes('GONE')) return { error: 'No such file or directory.' };
  return content.includes('HANG') ? 'silence' : 'OK';
}

/** What became of a file. */
type End = ScanVerdict['kind'] | 'tooLarge' | 'lost';

class Ticket implements ScanTicket {
  readonly fd: number;
  borrowed = 0;
  /** Borrowings that still succeed. */
  lends = Infinity;
  readonly ends: End[] = [];

  constructor(fd: number) {
    this.fd = fd;
  }

  borrowFd(): number {
    if (this.lends === 0) return -1;
    this.lends -= 1;
    this.borrowed += 1;
    return this.fd;
  }

  returnFd(): void {
    this.borrowed -= 1;
  }
}

describe('DaemonLink', () => {
  let native: FakeNative;
  let daemon: ScriptedDaemon;
  let links: DaemonLink<Ticket>[];
  let tickets: Ticket[];
  let news: string[];
  let nowMs: number;

  function createLink(changes: Partial<LinkOptions> = {}): DaemonLink<Ticket> {
    const link = new DaemonLink<Ticket>(
      native,
      {
        endpoint: UNIX,
        transfer: 'stream',
        windowScans: 8,
        silenceMaxMs: 1_000,
        spinMaxMs: 0,
        connectMaxMs: 500,
        streamMaxBytes: LIMIT_BYTES,
        nowMs: () => nowMs,
        ...changes,
      },
      {
        onVerdict: (ticket, verdict) => ticket.ends.push(verdict.kind),
        onTooLarge: (ticket) => ticket.ends.push('tooLarge'),
        onLost: (ticket) => ticket.ends.push('lost'),
        onUp: (pid) => news.push(`up ${pid}`),
        onDown: (reason) => news.push(`down ${reason}`),
        onDatabaseChanged: () => news.push('changed'),
      },
    );
    links.push(link);
    link.tick(nowMs);
    return link;
  }

  function ticketOf(content: string): Ticket {
    const path = `/f${tickets.length}`;
    native.disk.writeFile(path, content);
    const ticket = new Ticket(native.openFile(path));
    tickets.push(ticket);
    return ticket;
  }

  const ends = (): End[][] => tickets.map((ticket) => [...ticket.ends]);

  async function settle(rounds = 200): Promise<void> {
    for (let round = 0; round < rounds; round += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  beforeEach(() => {
    native = new FakeNative({ sendBufferBytes: 20_000 });
    native.disk.makeDirectory('/run');
    native.identity = { pid: 777, uid: 0, gid: 0 };
    daemon = new ScriptedDaemon(native, SOCKET, judge);
    [links, tickets, news, nowMs] = [[], [], [], 1_000];
  });

  afterEach(() => {
    for (const link of links) link.close();
    for (const ticket of tickets) {
      expect(ticket.ends).toHaveLength(1);
      expect(ticket.borrowed).toBe(0);
      native.files.close(ticket.fd);
    }
    daemon.close();
    expect(native.openFdCount).toBe(0);
    expect(native.poller.openHandles).toBe(0);
  });

  test.each(['stream', 'descriptor'] as const)('judges files sent as %s', async (transfer) => {
    const link = createLink({ transfer });
    for (const content of ['good', 'EVIL', 'GONE']) link.submit(ticketOf(content));
    await settle();
    expect(ends()).toEqual([['clean'], ['infected'], ['failed']]);
    expect(daemon.scanned).toEqual(['good', 'EVIL', 'GONE']);
    expect(news).toEqual(['up 777']);
  });

  test('many long files go through a short buffer while answers come', async () => {
    const link = createLink({ windowScans: 3 });
    const contents = Array.from({ length: 20 }, (_, index) => `${index} `.repeat(index * 800));
    for (const content of contents) link.submit(ticketOf(content));
    expect(link.isUp).toBe(true);
    await settle(2_000);
    expect(ends()).toEqual(contents.map(() => ['clean']));
    expect(daemon.scanned).toEqual(contents);
  });

  test('what is longer than StreamMaxLength is not sent, and neither is what nobody waits for', async () => {
    const link = createLink();
    link.submit(ticketOf('x'.repeat(LIMIT_BYTES + 1)));
    link.submit(ticketOf('x'.repeat(LIMIT_BYTES)));
    const unwanted = ticketOf('unwanted');
    unwanted.lends = 0;
    link.submit(unwanted);
    await settle(1_000);
    expect(ends()).toEqual([['tooLarge'], ['clean'], ['lost']]);
    expect(daemon.scanned.map((content) => content.length)).toEqual([LIMIT_BYTES]);
  });

  test('a file that grows past StreamMaxLength under way ends its stream, and the session goes on', async () => {
    const link = createLink();
    const ticket = ticketOf('x'.repeat(LIMIT_BYTES));
    link.submit(ticket);
    native.disk.writeFile('/f0', 'x'.repeat(LIMIT_BYTES + 1));
    await settle();
    expect(ticket.ends).toEqual(['tooLarge']);
    link.submit(ticketOf('EVIL'));
    await settle();
    expect(ends()).toEqual([['tooLarge'], ['infected']]);
    expect(daemon.scanned).toHaveLength(2);
  });

  test('an event that another gate takes over in the middle leaves a valid stream', async () => {
    const link = createLink();
    const ticket = ticketOf('EVIL'.padEnd(90_000, 'x'));
    ticket.lends = 1;
    link.submit(ticket);
    link.submit(ticketOf('next'));
    await settle();
    expect(ends()).toEqual([['lost'], ['clean']]);
    expect(daemon.scanned[0]).toHaveLength(65_536);
    expect(daemon.scanned[1]).toBe('next');
    expect(news).toEqual(['up 777']);
  });

  test('a file that cannot be read any more is a failed scan, and the session goes on', async () => {
    const link = createLink();
    link.submit(ticketOf('x'.repeat(90_000)));
    native.failNext('readAt', 'EIO');
    link.submit(ticketOf('good'));
    await settle();
    expect(ends()).toEqual([['failed'], ['clean']]);
  });

  test('a daemon that takes less than we were told does not cost the others their verdicts', async () => {
    daemon.streamMaxBytes = 10_000;
    const link = createLink();
    const contents = ['one HANG', 'x'.repeat(50_000), 'two', 'EVIL', 'y'.repeat(60_000)];
    for (const content of contents) link.submit(ticketOf(content));
    await settle();
    daemon.answerHeld('OK');
    await settle();
    expect(ends()).toEqual([['clean'], ['tooLarge'], ['clean'], ['infected'], ['tooLarge']]);
    expect(news.filter((line) => line.startsWith('down'))).toEqual([]);
    const sentBefore = daemon.scanned.length;
    link.submit(ticketOf('z'.repeat(60_000)));
    await settle();
    expect(ends().at(-1)).toEqual(['tooLarge']);
    expect(daemon.scanned).toHaveLength(sentBefore);
    expect(link.isUp).toBe(true);
  });

  test('a daemon that does not tell its version is asked once', async () => {
    daemon.version = undefined;
    const link = createLink();
    link.submit(ticketOf('good'));
    await settle();
    expect(ends()).toEqual([['clean']]);
    for (let second = 0; second < 20; second += 1) {
      nowMs += 1_000;
      link.tick(nowMs);
      await settle(5);
    }
    expect(daemon.connections).toBe(1);
    expect(news.filter((line) => line.startsWith('down'))).toEqual([]);
  });

  test('a daemon that stops reading in the middle of a stream is given up', async () => {
    const link = createLink();
    await settle(5);
    daemon.pause(true);
    link.submit(ticketOf('x'.repeat(90_000)));
    await settle(20);
    nowMs += 900;
    link.tick(nowMs);
    expect(link.isUp).toBe(true);
    nowMs += 200;
    link.tick(nowMs);
    expect(ends()).toEqual([['lost']]);
    expect(news).toEqual(['up 777', 'down no answer for 1100 ms']);
  });

  test('a verdict that comes before the end of its stream is not believed', async () => {
    const link = createLink();
    await settle(5);
    daemon.pause(true);
    link.submit(ticketOf('EVIL'.padEnd(90_000)));
    daemon.sendRaw(Buffer.from('2: stream: OK\0'));
    await settle(5);
    expect(ends()).toEqual([['lost']]);
    expect(news).toEqual(['up 777', 'down a verdict before the end of its stream']);
  });

  test('a daemon that dies loses what is outstanding and what is in line, once each', async () => {
    const link = createLink({ windowScans: 2 });
    for (let index = 0; index < 5; index += 1) link.submit(ticketOf(`HANG ${index}`.padEnd(30_000)));
    await settle(20);
    daemon.dropConnections();
    await settle(20);
    expect(ends()).toEqual(tickets.map(() => ['lost']));
    link.tick(nowMs);
    expect(link.isUp).toBe(true);
    await settle(20);
    // The same process is there again, with the same signatures.
    expect(news.slice(1)).toEqual(['down the daemon closed the connection', 'up 777']);
  });

  describe('what was judged before holds', () => {
    function startAnew(): void {
      native.disk.remove(SOCKET);
      daemon = new ScriptedDaemon(native, SOCKET, judge);
    }

    async function reconnect(link: DaemonLink<Ticket>): Promise<void> {
      daemon.dropConnections();
      await settle(20);
      for (let step = 0; step < 5 && !link.isUp; step += 1) {
        nowMs += 500;
        link.tick(nowMs);
        await settle(20);
      }
      expect(link.isUp).toBe(true);
    }
    const changes = (): number => news.filter((line) => line === 'changed').length;

    test('not when another process answers', async () => {
      const link = createLink();
      await settle(20);
      native.identity = { pid: 778, uid: 0, gid: 0 };
      daemon.close();
      startAnew();
      await reconnect(link);
      expect(news.at(-2)).toBe('up 778');
      expect(changes()).toBe(1);
    });

    test('not when the daemon has other signatures on the next session', async () => {
      const link = createLink();
      await settle(20);
      daemon.version = 'ClamAV 1.4.6/2/Sun Nov 22 20:44:46 2026';
      await reconnect(link);
      expect(changes()).toBe(1);
      await reconnect(link);
      expect(changes()).toBe(1);
    });

    test('not after calls in vain', async () => {
      const link = createLink();
      await settle(20);
      daemon.close();
      await settle(20);
      link.tick(nowMs);
      startAnew();
      await reconnect(link);
      expect(changes()).toBe(1);
    });

    test('not over TCP once a session has broken, since the process is unknown', async () => {
      const tcpDaemon = new ScriptedDaemon(native, TCP, judge);
      const link = createLink({ endpoint: { kind: 'tcp', addresses: [TCP] } });
      await settle(20);
      tcpDaemon.dropConnections();
      await settle(20);
      link.tick(nowMs);
      await settle(20);
      expect(link.isUp).toBe(true);
      expect(changes()).toBe(1);
      tcpDaemon.close();
    });

    test.each(['unix', 'tcp'] as const)('where we began the session anew (%s)', async (kind) => {
      const other = kind === 'tcp' ? new ScriptedDaemon(native, TCP, judge) : undefined;
      (other ?? daemon).streamMaxBytes = 10_000;
      const link = createLink(kind === 'tcp' ? { endpoint: { kind: 'tcp', addresses: [TCP] } } : {});
      await settle(20);
      link.submit(ticketOf('x'.repeat(50_000)));
      await settle();
      expect(ends()).toEqual([['tooLarge']]);
      expect(news).toEqual(kind === 'tcp' ? ['up 0', 'up 0'] : ['up 777', 'up 777']);
      other?.close();
    });
  });

  test('a refused stream teaches the limit, also when the next one is under way already', async () => {
    daemon.streamMaxBytes = 5_000;
    const link = createLink();
    await settle(5);
    daemon.pause(true);
    link.submit(ticketOf('x'.repeat(9_000)));
    link.submit(ticketOf('y'.repeat(90_000)));
    link.submit(ticketOf('z'.repeat(9_000)));
    daemon.pause(false);
    await settle();
    expect(ends()).toEqual([['tooLarge'], ['tooLarge'], ['tooLarge']]);
    expect(news).toEqual(['up 777', 'up 777']);
  });

  test('sessions that have to be begun anew again and again are begun with growing pauses', async () => {
    const link = createLink();
    const sizes = [80_000, 40_000, 20_000, 10_000];
    // Each time less than the link has learned.
    const submitNext = async (): Promise<void> => {
      const size = sizes.shift() ?? 1;
      daemon.streamMaxBytes = size / 2;
      link.submit(ticketOf('x'.repeat(size)));
      await settle();
    };
    await settle(5);
    await submitNext();
    expect(link.isUp).toBe(true);
    for (const pauseMs of [50, 100]) {
      await submitNext();
      expect(link.isUp).toBe(false);
      nowMs += pauseMs - 1;
      link.tick(nowMs);
      expect(link.isUp).toBe(false);
      nowMs += 1;
      link.tick(nowMs);
      expect(link.isUp).toBe(true);
      await settle(5);
    }
    nowMs += 1_000;
    await submitNext();
    expect(link.isUp).toBe(true);
    expect(ends()).toEqual(Array(4).fill(['tooLarge']));
    expect(news).toEqual(Array(5).fill('up 777'));
  });

  describe('a daemon that hangs on scans and goes on telling its version', () => {
    async function pass(link: DaemonLink<Ticket>, seconds: number): Promise<void> {
      for (let second = 0; second < seconds; second += 1) {
        nowMs += 1_000;
        link.tick(nowMs);
        await settle(3);
      }
    }

    test.each(['stream', 'descriptor'] as const)('is called anew after 150 s (%s)', async (transfer) => {
      const link = createLink({ transfer, windowScans: 2, silenceMaxMs: 20_000 });
      for (let index = 0; index < 3; index += 1) link.submit(ticketOf(`HANG ${index}`));
      await pass(link, 145);
      expect(news).toEqual(['up 777']);
      await pass(link, 10);
      expect(ends()).toEqual([['lost'], ['lost'], ['lost']]);
      expect(news[1]).toMatch(/^down one question not answered for 15[0-9]000 ms$/u);
      link.submit(ticketOf('EVIL'));
      await settle();
      expect(ends().at(-1)).toEqual(['infected']);
    });

    test('does not stop others once nobody waits for those scans, within a bound', async () => {
      const link = createLink({ transfer: 'descriptor', windowScans: 2, silenceMaxMs: 20_000 });
      const hang = (): void => {
        for (let index = 0; index < 2; index += 1) link.submit(ticketOf('HANG'));
      };
      hang();
      const inLine = ticketOf('given up in line');
      link.submit(inLine);
      link.submit(ticketOf('EVIL'));
      await pass(link, 3);
      expect(ends()).toEqual([[], [], [], []]);
      for (const ticket of tickets.slice(0, 3)) ticket.lends = 0;
      await pass(link, 2);
      expect(ends()).toEqual([[], [], ['lost'], ['infected']]);
      hang();
      const last = ticketOf('last');
      link.submit(last);
      for (const ticket of tickets.slice(4, 6)) ticket.lends = 0;
      await pass(link, 3);
      expect(last.ends).toEqual([]); // the daemon has four in its hands
      daemon.answerHeld('OK');
      await settle();
      expect(last.ends).toEqual(['clean']);
    });

    test('a stream that takes long to send is no question that stays open', async () => {
      const link = createLink({ silenceMaxMs: 20_000 });
      await settle(5);
      daemon.pause(true);
      link.submit(ticketOf('x'.repeat(90_000)));
      for (let step = 0; step < 12; step += 1) {
        await pass(link, 15);
        daemon.pause(false);
        await settle(1);
        daemon.pause(true);
        await settle(1);
      }
      daemon.pause(false);
      await settle();
      expect(ends()).toEqual([['clean']]);
      expect(news).toEqual(['up 777']);
    });
  });

  test.each([
    [0, 5_000],
    [30_000, 5_000],
    [1_000, 500],
  ])('with CommandReadTimeout %d ms the version is asked for every %d ms', async (timeoutMs, everyMs) => {
    const link = createLink({ commandReadTimeoutMs: timeoutMs });
    await settle(5);
    const before = daemon.commands;
    nowMs += everyMs - 1;
    link.tick(nowMs);
    await settle(5);
    expect(daemon.commands).toBe(before);
    nowMs += 1;
    link.tick(nowMs);
    await settle(5);
    expect(daemon.commands).toBe(before + 1);
  });

  describe('over TCP', () => {
    let tcpDaemon: ScriptedDaemon | undefined;
    let silentHost: number[] = [];

    /** A listener with a full backlog: connections to it stay under way. */
    function createSilentHost(): void {
      silentHost = [native.sockets.listenTcp(TCP, 0), native.connectTcp(TCP)];
    }

    afterEach(() => {
      tcpDaemon?.close();
      tcpDaemon = undefined;
      for (const fd of silentHost.splice(0)) native.files.close(fd);
    });

    test('the link is down while it connects, and up without a process id', async () => {
      tcpDaemon = new ScriptedDaemon(native, TCP, judge);
      const link = createLink({ endpoint: { kind: 'tcp', addresses: [TCP] } });
      link.submit(ticketOf('too early'));
      expect(ends()).toEqual([['lost']]);
      await settle(5);
      link.submit(ticketOf('EVIL'.padEnd(50_000)));
      await settle();
      expect(ends()).toEqual([['lost'], ['infected']]);
      expect(news).toEqual(['up 0']);
    });

    test('the next address is called after a failure, and only when all have failed is that news', async () => {
      const link = createLink({ endpoint: { kind: 'tcp', addresses: [TCP, OTHER_TCP] } });
      await settle(5);
      expect(news).toEqual([]);
      link.tick(nowMs);
      await settle(5);
      expect(news).toEqual(['down 127.0.0.2:3311: connect: ECONNREFUSED']);
      tcpDaemon = new ScriptedDaemon(native, OTHER_TCP, judge);
      for (let step = 0; step < 4; step += 1) {
        nowMs += 100;
        link.tick(nowMs);
        await settle(5);
      }
      expect(link.isUp).toBe(true);
      expect(news.at(-1)).toBe('up 0');
    });

    test('a connection that does not come about is given up in time', async () => {
      createSilentHost();
      const link = createLink({ endpoint: { kind: 'tcp', addresses: [TCP] } });
      await settle(5);
      nowMs += 499;
      link.tick(nowMs);
      expect(news).toEqual([]);
      nowMs += 1;
      link.tick(nowMs);
      expect(news).toEqual(['down 127.0.0.1:3310: no connection within 500 ms']);
    });

    test('is closed in the middle of a connect without a trace', () => {
      createSilentHost();
      createLink({ endpoint: { kind: 'tcp', addresses: [TCP] } }).close();
      expect(news).toEqual([]);
    });
  });
});
