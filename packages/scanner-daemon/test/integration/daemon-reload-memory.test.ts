import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createSite, startDaemon, type DaemonProcess, type Site } from './daemon-process.js';

const SIGNATURES = 400_000;
const MEBIBYTE = 1024 * 1024;

let site: Site;
let daemon: DaemonProcess;

beforeAll(async () => {
  site = await createSite();
  const lines = Array.from({ length: SIGNATURES }, (_, n) => {
    return `${createHash('md5').update(String(n)).digest('hex')}:${1000 + n}:Test.Generated-${n}\n`;
  });
  site.put('db/many.hdb', lines.join(''));
  daemon = await startDaemon(site);
}, 60_000);
afterAll(async () => {
  await daemon.stop();
  site.remove();
}, 20_000);

function residentBytes(): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))?.[1];
  return Number(kibibytes) * 1024;
}

async function reload(times: number, before: number): Promise<void> {
  for (let n = 1; n <= times; n += 1) {
    daemon.signal('SIGUSR2');
    await daemon.says('Activating the newly loaded database', before + n);
  }
}

test('a daemon that does nothing but reload does not grow', async () => {
  await reload(3, 0);
  const afterThree = residentBytes();
  await reload(12, 3);
  await new Promise((resolve) => setTimeout(resolve, 6000));
  // Each database takes some 15 MB of shared memory; twelve of them kept would be twice the bound.
  expect((residentBytes() - afterThree) / MEBIBYTE).toBeLessThan(90);
}, 120_000);
