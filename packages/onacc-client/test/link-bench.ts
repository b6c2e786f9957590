import { expect } from '@jest/globals';
import type { ScanVerdict } from '@portcullis/shared';
import { FakeNative } from '@portcullis/shared/testing';
import { DaemonLink } from '../src/scan/daemon-link.js';
import type { Endpoint } from '../src/scan/endpoint.js';
import type { LinkOptions, ScanTicket } from '../src/scan/link-contract.js';
import { ScriptedDaemon } from './scripted-daemon.js';
import type { ScriptedVerdict } from './scripted-daemon.js';

export const SOCKET = '/run/clamd.sock';
export const LIMIT_BYTES = 100_000;
export const TCP = { family: 'inet', address: '127.0.0.1', port: 3310 } as const;
const UNIX: Endpoint = { kind: 'unix', path: SOCKET };

export function judge(content: string): ScriptedVerdict {
  if (content.includes('EVIL')) return { found: 'Test.Evil' };
  if (content.includes('GONE')) return { error: 'No such file or directory.' };
  return content.includes('HANG') ? 'silence' : 'OK';
}

/** What became of a file. */
type End = ScanVerdict['kind'] | 'tooLarge' | 'lost';

export class Ticket implements ScanTicket {
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

export async function settle(rounds = 200): Promise<void> {
  for (let round = 0; round < rounds; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Links to a scripted daemon on a faked system, and what they tell. */
export class LinkBench {
  readonly native = new FakeNative({ sendBufferBytes: 20_000 });
  readonly tickets: Ticket[] = [];
  readonly news: string[] = [];
  daemon: ScriptedDaemon;
  nowMs = 1_000;
  readonly #links: DaemonLink<Ticket>[] = [];

  constructor() {
    this.native.disk.makeDirectory('/run');
    this.native.identity = { pid: 777, uid: 0, gid: 0 };
    this.daemon = new ScriptedDaemon(this.native, SOCKET, judge);
  }

  createLink(changes: Partial<LinkOptions> = {}): DaemonLink<Ticket> {
    const { news } = this;
    const link = new DaemonLink<Ticket>(
      this.native,
      {
        endpoint: UNIX,
        transfer: 'stream',
        windowScans: 8,
        silenceMaxMs: 1_000,
        spinMaxMs: 0,
        connectMaxMs: 500,
        streamMaxBytes: LIMIT_BYTES,
        nowMs: () => this.nowMs,
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
    this.#links.push(link);
    link.tick(this.nowMs);
    return link;
  }

  ticketOf(content: string): Ticket {
    const path = `/f${this.tickets.length}`;
    this.native.disk.writeFile(path, content);
    const ticket = new Ticket(this.native.openFile(path));
    this.tickets.push(ticket);
    return ticket;
  }

  ends(): End[][] {
    return this.tickets.map((ticket) => [...ticket.ends]);
  }

  /** Every ticket has come back once, and nothing is left open. */
  close(): void {
    for (const link of this.#links) link.close();
    for (const ticket of this.tickets) {
      expect(ticket.ends).toHaveLength(1);
      expect(ticket.borrowed).toBe(0);
      this.native.files.close(ticket.fd);
    }
    this.daemon.close();
    expect(this.native.openFdCount).toBe(0);
    expect(this.native.poller.openHandles).toBe(0);
  }
}
