import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { judge, LinkBench, settle, SOCKET, TCP } from '../../test/link-bench.js';
import type { Ticket } from '../../test/link-bench.js';
import { ScriptedDaemon } from '../../test/scripted-daemon.js';
import type { DaemonLink } from './daemon-link.js';

describe('DaemonLink: sessions that end, hang or begin anew', () => {
  let bench: LinkBench;

  beforeEach(() => {
    bench = new LinkBench();
  });

  afterEach(() => {
    bench.close();
  });

  describe('what was judged before holds', () => {
    function startAnew(): void {
      bench.native.disk.remove(SOCKET);
      bench.daemon = new ScriptedDaemon(bench.native, SOCKET, judge);
    }

    async function reconnect(link: DaemonLink<Ticket>): Promise<void> {
      bench.daemon.dropConnections();
      await settle(20);
      for (let step = 0; step < 5 && !link.isUp; step += 1) {
        bench.nowMs += 500;
        link.tick(bench.nowMs);
        await settle(20);
      }
      expect(link.isUp).toBe(true);
    }
    const changes = (): number => bench.news.filter((line) => line === 'changed').length;

    test('not when another process answers', async () => {
      const link = bench.createLink();
      await settle(20);
      bench.native.identity = { pid: 778, uid: 0, gid: 0 };
      bench.daemon.close();
      startAnew();
      await reconnect(link);
      expect(bench.news.at(-2)).toBe('up 778');
      expect(changes()).toBe(1);
    });

    test('not when the daemon has other signatures on the next session', async () => {
      const link = bench.createLink();
      await settle(20);
      bench.daemon.version = 'ClamAV 1.4.6/2/Sun Nov 22 20:44:46 2026';
      await reconnect(link);
      expect(changes()).toBe(1);
      await reconnect(link);
      expect(changes()).toBe(1);
    });

    test('not after calls in vain', async () => {
      const link = bench.createLink();
      await settle(20);
      bench.daemon.close();
      await settle(20);
      link.tick(bench.nowMs);
      startAnew();
      await reconnect(link);
      expect(changes()).toBe(1);
    });

    test('not over TCP once a session has broken, since the process is unknown', async () => {
      const tcpDaemon = new ScriptedDaemon(bench.native, TCP, judge);
      const link = bench.createLink({ endpoint: { kind: 'tcp', addresses: [TCP] } });
      await settle(20);
      tcpDaemon.dropConnections();
      await settle(20);
      link.tick(bench.nowMs);
      await settle(20);
      expect(link.isUp).toBe(true);
      expect(changes()).toBe(1);
      tcpDaemon.close();
    });

    test.each(['unix', 'tcp'] as const)('where we began the session anew (%s)', async (kind) => {
      const other = kind === 'tcp' ? new ScriptedDaemon(bench.native, TCP, judge) : undefined;
      (other ?? bench.daemon).streamMaxBytes = 10_000;
      const link = bench.createLink(kind === 'tcp' ? { endpoint: { kind: 'tcp', addresses: [TCP] } } : {});
      await settle(20);
      link.submit(bench.ticketOf('x'.repeat(50_000)));
      await settle();
      expect(bench.ends()).toEqual([['tooLarge']]);
      expect(bench.news).toEqual(kind === 'tcp' ? ['up 0', 'up 0'] : ['up 777', 'up 777']);
      other?.close();
    });
  });

  test('a refused stream teaches the limit, also when the next one is under way already', async () => {
    bench.daemon.streamMaxBytes = 5_000;
    const link = bench.createLink();
    await settle(5);
    bench.daemon.pause(true);
    link.submit(bench.ticketOf('x'.repeat(9_000)));
    link.submit(bench.ticketOf('y'.repeat(90_000)));
    link.submit(bench.ticketOf('z'.repeat(9_000)));
    bench.daemon.pause(false);
    await settle();
    expect(bench.ends()).toEqual([['tooLarge'], ['tooLarge'], ['tooLarge']]);
    expect(bench.news).toEqual(['up 777', 'up 777']);
    expect(link.isUp).toBe(true);
  });

  test('sessions that have to be begun anew again and again are begun with growing pauses', async () => {
    const link = bench.createLink();
    const sizes = [80_000, 40_000, 20_000, 10_000];
    // Each time less than the link has learned.
    const submitNext = async (): Promise<void> => {
      const size = sizes.shift() ?? 1;
      bench.daemon.streamMaxBytes = size / 2;
      link.submit(bench.ticketOf('x'.repeat(size)));
      await settle();
    };
    await settle(5);
    await submitNext();
    expect(link.isUp).toBe(true);
    for (const pauseMs of [50, 100]) {
      await submitNext();
      expect(link.isUp).toBe(false);
      bench.nowMs += pauseMs - 1;
      link.tick(bench.nowMs);
      expect(link.isUp).toBe(false);
      bench.nowMs += 1;
      link.tick(bench.nowMs);
      expect(link.isUp).toBe(true);
      await settle(5);
    }
    bench.nowMs += 1_000;
    await submitNext();
    expect(link.isUp).toBe(true);
    expect(bench.ends()).toEqual(Array(4).fill(['tooLarge']));
    expect(bench.news).toEqual(Array(5).fill('up 777'));
  });

  describe('a daemon that hangs on scans and goes on telling its version', () => {
    async function pass(link: DaemonLink<Ticket>, seconds: number): Promise<void> {
      for (let second = 0; second < seconds; second += 1) {
        bench.nowMs += 1_000;
        link.tick(bench.nowMs);
        await settle(3);
      }
    }

    test.each(['stream', 'descriptor'] as const)('is called anew after 150 s (%s)', async (transfer) => {
      const link = bench.createLink({ transfer, windowScans: 2, silenceMaxMs: 20_000 });
      for (let index = 0; index < 3; index += 1) link.submit(bench.ticketOf(`HANG ${index}`));
      await pass(link, 145);
      expect(bench.news).toEqual(['up 777']);
      await pass(link, 10);
      expect(bench.ends()).toEqual([['lost'], ['lost'], ['lost']]);
      expect(bench.news[1]).toMatch(/^down one question not answered for 15[0-9]000 ms$/u);
      link.submit(bench.ticketOf('EVIL'));
      await settle();
      expect(bench.ends().at(-1)).toEqual(['infected']);
    });

    test('does not stop others once nobody waits for those scans, within a bound', async () => {
      const link = bench.createLink({ transfer: 'descriptor', windowScans: 2, silenceMaxMs: 20_000 });
      const hang = (): void => {
        for (let index = 0; index < 2; index += 1) link.submit(bench.ticketOf('HANG'));
      };
      hang();
      const inLine = bench.ticketOf('given up in line');
      link.submit(inLine);
      link.submit(bench.ticketOf('EVIL'));
      await pass(link, 3);
      expect(bench.ends()).toEqual([[], [], [], []]);
      inLine.lends = 0;
      await pass(link, 2);
      expect(bench.ends()).toEqual([[], [], ['lost'], []]); // no place has become free
      for (const ticket of bench.tickets.slice(0, 2)) ticket.lends = 0;
      await pass(link, 2);
      expect(bench.ends()).toEqual([[], [], ['lost'], ['infected']]);
      hang();
      const last = bench.ticketOf('last');
      link.submit(last);
      for (const ticket of bench.tickets.slice(4, 6)) ticket.lends = 0;
      await pass(link, 3);
      expect(last.ends).toEqual([]); // the daemon has four in its hands
      bench.daemon.answerHeld('OK');
      await settle();
      expect(last.ends).toEqual(['clean']);
    });

    test('a stream that takes long to send is no question that stays open', async () => {
      const link = bench.createLink({ silenceMaxMs: 20_000, streamMaxBytes: Infinity });
      await settle(5);
      bench.daemon.pause(true);
      link.submit(bench.ticketOf('x'.repeat(1_000_000)));
      for (let step = 0; step < 12; step += 1) {
        await pass(link, 15);
        bench.daemon.pause(false);
        await settle(1);
        bench.daemon.pause(true);
        await settle(1);
      }
      bench.daemon.pause(false);
      await settle();
      expect(bench.ends()).toEqual([['clean']]);
      expect(bench.news).toEqual(['up 777']);
    });
  });

  test.each([
    [0, 5_000],
    [30_000, 5_000],
    [1_000, 500],
  ])('with CommandReadTimeout %d ms the version is asked for every %d ms', async (timeoutMs, everyMs) => {
    const link = bench.createLink({ commandReadTimeoutMs: timeoutMs });
    await settle(5);
    const before = bench.daemon.commands;
    bench.nowMs += everyMs - 1;
    link.tick(bench.nowMs);
    await settle(5);
    expect(bench.daemon.commands).toBe(before);
    bench.nowMs += 1;
    link.tick(bench.nowMs);
    await settle(5);
    expect(bench.daemon.commands).toBe(before + 1);
  });
});
