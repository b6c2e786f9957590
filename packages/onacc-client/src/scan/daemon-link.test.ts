import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { judge, LIMIT_BYTES, LinkBench, settle, TCP } from '../../test/link-bench.js';
import { ScriptedDaemon } from '../../test/scripted-daemon.js';

const OTHER_TCP = { family: 'inet', address: '127.0.0.2', port: 3311 } as const;

describe('DaemonLink', () => {
  let bench: LinkBench;

  beforeEach(() => {
    bench = new LinkBench();
  });

  afterEach(() => {
    bench.close();
  });

  test.each(['stream', 'descriptor'] as const)('judges files sent as %s', async (transfer) => {
    const link = bench.createLink({ transfer });
    for (const content of ['good', 'EVIL', 'GONE']) link.submit(bench.ticketOf(content));
    await settle();
    expect(bench.ends()).toEqual([['clean'], ['infected'], ['failed']]);
    expect(bench.daemon.scanned).toEqual(['good', 'EVIL', 'GONE']);
    expect(bench.news).toEqual(['up 777']);
  });

  test('many long files go through a short buffer while answers come', async () => {
    const link = bench.createLink({ windowScans: 3 });
    const contents = Array.from({ length: 20 }, (_, index) => `${index} `.repeat(index * 800));
    for (const content of contents) link.submit(bench.ticketOf(content));
    expect(link.isUp).toBe(true);
    await settle(2_000);
    expect(bench.ends()).toEqual(contents.map(() => ['clean']));
    expect(bench.daemon.scanned).toEqual(contents);
  });

  test('what is longer than StreamMaxLength is not sent, and neither is what nobody waits for', async () => {
    const link = bench.createLink();
    link.submit(bench.ticketOf('x'.repeat(LIMIT_BYTES + 1)));
    link.submit(bench.ticketOf('x'.repeat(LIMIT_BYTES)));
    const unwanted = bench.ticketOf('unwanted');
    unwanted.lends = 0;
    link.submit(unwanted);
    await settle(1_000);
    expect(bench.ends()).toEqual([['tooLarge'], ['clean'], ['lost']]);
    expect(bench.daemon.scanned.map((content) => content.length)).toEqual([LIMIT_BYTES]);
  });

  test('a file that grows past StreamMaxLength under way ends its stream, and the session goes on', async () => {
    const link = bench.createLink();
    const ticket = bench.ticketOf('x'.repeat(LIMIT_BYTES));
    link.submit(ticket);
    bench.native.disk.writeFile('/f0', 'x'.repeat(LIMIT_BYTES + 1));
    await settle();
    expect(ticket.ends).toEqual(['tooLarge']);
    link.submit(bench.ticketOf('EVIL'));
    await settle();
    expect(bench.ends()).toEqual([['tooLarge'], ['infected']]);
    expect(bench.daemon.scanned).toHaveLength(2);
  });

  test('an event that another gate takes over in the middle leaves a valid stream', async () => {
    const link = bench.createLink();
    const ticket = bench.ticketOf('EVIL'.padEnd(90_000, 'x'));
    ticket.lends = 1;
    link.submit(ticket);
    link.submit(bench.ticketOf('next'));
    await settle();
    expect(bench.ends()).toEqual([['lost'], ['clean']]);
    expect(bench.daemon.scanned[0]).toHaveLength(65_536);
    expect(bench.daemon.scanned[1]).toBe('next');
    expect(bench.news).toEqual(['up 777']);
  });

  test('a file that cannot be read any more is a failed scan, and the session goes on', async () => {
    const link = bench.createLink();
    link.submit(bench.ticketOf('x'.repeat(90_000)));
    bench.native.failNext('readAt', 'EIO');
    link.submit(bench.ticketOf('good'));
    await settle();
    expect(bench.ends()).toEqual([['failed'], ['clean']]);
  });

  test('a daemon that takes less than we were told does not cost the others their verdicts', async () => {
    bench.daemon.streamMaxBytes = 10_000;
    const link = bench.createLink();
    const contents = ['one HANG', 'x'.repeat(50_000), 'two', 'EVIL', 'y'.repeat(60_000)];
    for (const content of contents) link.submit(bench.ticketOf(content));
    await settle();
    bench.daemon.answerHeld('OK');
    await settle();
    expect(bench.ends()).toEqual([['clean'], ['tooLarge'], ['clean'], ['infected'], ['tooLarge']]);
    expect(bench.news.filter((line) => line.startsWith('down'))).toEqual([]);
    const sentBefore = bench.daemon.scanned.length;
    link.submit(bench.ticketOf('z'.repeat(60_000)));
    await settle();
    expect(bench.ends().at(-1)).toEqual(['tooLarge']);
    expect(bench.daemon.scanned).toHaveLength(sentBefore);
    expect(link.isUp).toBe(true);
  });

  test('a daemon that does not tell its version is asked once', async () => {
    bench.daemon.version = undefined;
    const link = bench.createLink();
    link.submit(bench.ticketOf('good'));
    await settle();
    expect(bench.ends()).toEqual([['clean']]);
    for (let second = 0; second < 20; second += 1) {
      bench.nowMs += 1_000;
      link.tick(bench.nowMs);
      await settle(5);
    }
    expect(bench.daemon.connections).toBe(1);
    expect(bench.news.filter((line) => line.startsWith('down'))).toEqual([]);
  });

  test('a daemon that stops reading in the middle of a stream is given up', async () => {
    const link = bench.createLink();
    await settle(5);
    bench.daemon.pause(true);
    link.submit(bench.ticketOf('x'.repeat(90_000)));
    await settle(20);
    bench.nowMs += 900;
    link.tick(bench.nowMs);
    expect(link.isUp).toBe(true);
    bench.nowMs += 200;
    link.tick(bench.nowMs);
    expect(bench.ends()).toEqual([['lost']]);
    expect(bench.news).toEqual(['up 777', 'down no answer for 1100 ms']);
  });

  test('a verdict that comes before the end of its stream is not believed', async () => {
    const link = bench.createLink();
    await settle(5);
    bench.daemon.pause(true);
    link.submit(bench.ticketOf('EVIL'.padEnd(90_000)));
    bench.daemon.sendRaw(Buffer.from('2: stream: OK\0'));
    await settle(5);
    expect(bench.ends()).toEqual([['lost']]);
    expect(bench.news).toEqual(['up 777', 'down a verdict before the end of its stream']);
  });

  test('a daemon that dies loses what is outstanding and what is in line, once each', async () => {
    const link = bench.createLink({ windowScans: 2 });
    for (let index = 0; index < 5; index += 1) link.submit(bench.ticketOf(`HANG ${index}`.padEnd(30_000)));
    await settle(20);
    bench.daemon.dropConnections();
    await settle(20);
    expect(bench.ends()).toEqual(bench.tickets.map(() => ['lost']));
    link.tick(bench.nowMs);
    expect(link.isUp).toBe(true);
    await settle(20);
    // The same process is there again, with the same signatures.
    expect(bench.news.slice(1)).toEqual(['down the daemon closed the connection', 'up 777']);
  });

  describe('over TCP', () => {
    let tcpDaemon: ScriptedDaemon | undefined;
    let silentHost: number[] = [];

    /** A listener with a full backlog: connections to it stay under way. */
    function createSilentHost(): void {
      silentHost = [bench.native.sockets.listenTcp(TCP, 0), bench.native.connectTcp(TCP)];
    }

    afterEach(() => {
      tcpDaemon?.close();
      tcpDaemon = undefined;
      for (const fd of silentHost.splice(0)) bench.native.files.close(fd);
    });

    test('the link is down while it connects, and up without a process id', async () => {
      tcpDaemon = new ScriptedDaemon(bench.native, TCP, judge);
      const link = bench.createLink({ endpoint: { kind: 'tcp', addresses: [TCP] } });
      link.submit(bench.ticketOf('too early'));
      expect(bench.ends()).toEqual([['lost']]);
      await settle(5);
      link.submit(bench.ticketOf('EVIL'.padEnd(50_000)));
      await settle();
      expect(bench.ends()).toEqual([['lost'], ['infected']]);
      expect(bench.news).toEqual(['up 0']);
    });

    test('the next address is called after a failure, and only when all have failed is that news', async () => {
      const link = bench.createLink({ endpoint: { kind: 'tcp', addresses: [TCP, OTHER_TCP] } });
      await settle(5);
      expect(bench.news).toEqual([]);
      link.tick(bench.nowMs);
      await settle(5);
      expect(bench.news).toEqual(['down 127.0.0.2:3311: connect: ECONNREFUSED']);
      tcpDaemon = new ScriptedDaemon(bench.native, OTHER_TCP, judge);
      for (let step = 0; step < 4; step += 1) {
        bench.nowMs += 100;
        link.tick(bench.nowMs);
        await settle(5);
      }
      expect(link.isUp).toBe(true);
      expect(bench.news.at(-1)).toBe('up 0');
    });

    test('a connection that does not come about is given up in time', async () => {
      createSilentHost();
      const link = bench.createLink({ endpoint: { kind: 'tcp', addresses: [TCP] } });
      await settle(5);
      bench.nowMs += 499;
      link.tick(bench.nowMs);
      expect(bench.news).toEqual([]);
      bench.nowMs += 1;
      link.tick(bench.nowMs);
      expect(bench.news).toEqual(['down 127.0.0.1:3310: no connection within 500 ms']);
    });

    test('is closed in the middle of a connect without a trace', () => {
      createSilentHost();
      bench.createLink({ endpoint: { kind: 'tcp', addresses: [TCP] } }).close();
      expect(bench.news).toEqual([]);
    });
  });
});
