import { readdirSync, readFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import { ask, EICAR, instream, type Site } from '../daemon-process.js';

const SETTLE_MAX_MS = 15_000;

/** What a daemon holds of the machine. */
export interface Vitals {
  readonly fds: number;
  readonly threads: number;
  readonly residentBytes: number;
}

/** Reads them from /proc. */
export function vitalsOf(pid: number): Vitals {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return {
    fds: readdirSync(`/proc/${pid}/fd`).length,
    threads: field('Threads'),
    residentBytes: field('VmRSS') * 1024,
  };
}

/** Has the daemon answer PING, a scan by path and an upload, over both transports. */
export async function expectService(site: Site): Promise<void> {
  for (const target of [site.socketPath, site.tcpPort]) {
    expect(await ask(target, 'zPING\0')).toBe('PONG\0');
    expect(await ask(target, `zSCAN ${site.configFile}\0`)).toBe(`${site.configFile}: OK\0`);
    expect(await ask(target, instream(EICAR))).toBe('stream: Test.Eicar.UNOFFICIAL FOUND\0');
  }
}

/** Waits until the daemon serves as before and holds no more descriptors and threads than then. */
export async function expectUnharmed(site: Site, pid: number, before: Vitals): Promise<void> {
  await expectService(site);
  await expectRecovered(pid, before);
}

/** Waits until the daemon holds no more descriptors and threads than before. */
export async function expectRecovered(pid: number, before: Vitals): Promise<void> {
  const held = ({ fds, threads }: Vitals): object => ({ fds, threads });
  const deadlineAtMs = Date.now() + SETTLE_MAX_MS;
  for (;;) {
    const now = vitalsOf(pid);
    if (now.fds <= before.fds && now.threads <= before.threads) return;
    if (Date.now() > deadlineAtMs) {
      expect(held(now)).toEqual(held(before));
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
