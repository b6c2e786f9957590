import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { FakeNative } from '@portcullis/shared/testing';
import { ScriptedDaemon } from '../../test/scripted-daemon.js';
import type { LinkOptions, ScanLink, ScanTicket } from './link-contract.js';
import { createScanLink } from './stream-lanes.js';

const SOCKET = '/run/clamd.sock';
const LONG_BYTES = 300_000;

interface Ticket extends ScanTicket {
  readonly name: string;
  readonly fd: number;
}

describe('createScanLink', () => {
  let native: FakeNative;
  let daemon: ScriptedDaemon;
  let link: ScanLink<Ticket> | undefined;
  let ends: string[];
  let news: string[];
  let nowMs: number;

  function createLink(changes: Partial<LinkOptions> = {}): ScanLink<Ticket> {
    const told = (what: string) => (ticket: Ticket) => void ends.push(`${ticket.name} ${what}`);
    link = createScanLink<Ticket>(
      native,
      {
        endpoint: { kind: 'unix', path: SOCKET },
        transfer: 'stream',
        windowScans: 8,
        silenceMaxMs: 1_000,
        spinMaxMs: 0,
        connectMaxMs: 500,
        streamMaxBytes: Infinity,
        nowMs: () => nowMs,
        ...changes,
      },
      {
        onVerdict: (ticket, { kind }) => ends.push(`${ticket.name} ${kind}`),
        onTooLarge: told('tooLarge'),
        onLost: told('lost'),
        onUp: () => news.push('up'),
        onDown: () => news.push('down'),
        onDatabaseChanged: () => news.push('changed'),
      },
    );
    link.tick(nowMs);
    return link;
  }

  const opened: number[] = [];
  function ticketOf(name: string, content: string): Ticket {
    native.disk.writeFile(`/${name}`, content);
    const fd = native.openFile(`/${name}`);
    opened.push(fd);
    return { name, fd, borrowFd: () => fd, returnFd: () => undefined };
  }

  async function settle(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  beforeEach(() => {
    native = new FakeNative({ sendBufferBytes: 4_096 });
    native.disk.makeDirectory('/run');
    daemon = new ScriptedDaemon(native, SOCKET, () => 'OK');
    [link, ends, news, nowMs] = [undefined, [], [], 1_000];
  });

  afterEach(() => {
    link?.close();
    for (const fd of opened.splice(0)) native.files.close(fd);
    daemon.close();
    expect(native.openFdCount).toBe(0);
    expect(native.poller.openHandles).toBe(0);
  });

  test('short files do not wait for a long one that is being sent', async () => {
    const lanes = createLink();
    await settle(3);
    expect(daemon.connections).toBe(2);
    expect(news).toEqual(['up']);
    lanes.submit(ticketOf('long', 'l'.repeat(LONG_BYTES)));
    for (const name of ['a', 'b', 'c']) lanes.submit(ticketOf(name, name));
    await settle(1_000);
    expect(ends).toEqual(['a clean', 'b clean', 'c clean', 'long clean']);
  });

  test('descriptors go by one session, whatever their size', async () => {
    const one = createLink({ transfer: 'descriptor' });
    one.submit(ticketOf('long', 'l'.repeat(LONG_BYTES)));
    one.submit(ticketOf('short', 's'));
    await settle(20);
    expect(daemon.connections).toBe(1);
    expect(ends).toEqual(['long clean', 'short clean']);
  });

  test('one lane stands in for the other, and the daemon is down when both are', async () => {
    native.failNext('createUnix', 'EMFILE'); // the quick lane's first call
    const lanes = createLink();
    expect(lanes.isUp).toBe(false);
    lanes.submit(ticketOf('short', 's'));
    await settle(50);
    expect(ends).toEqual(['short clean']);
    expect(news).toEqual(['down']);
    daemon.dropConnections();
    await settle(10);
    lanes.submit(ticketOf('later', 's'));
    expect(ends.at(-1)).toBe('later lost');
    nowMs += 100;
    lanes.tick(nowMs);
    await settle(10);
    expect(news).toEqual(['down', 'up']);
  });
});
