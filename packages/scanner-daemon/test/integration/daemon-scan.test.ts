import { closeSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  ask,
  askWithFd,
  createSite,
  EICAR,
  instream,
  MARKER,
  startDaemon,
  type DaemonProcess,
  type Site,
} from './daemon-process.js';

let site: Site;
let daemon: DaemonProcess;

beforeAll(async () => {
  site = await createSite(['ExcludePath /skipped/']);
  site.put('files/eicar', EICAR);
  site.put('files/clean', 'nothing to see');
  site.put('files/empty', '');
  site.put('files/skipped/eicar', EICAR);
  site.put('tree/a/marked', `x${MARKER}`);
  site.put('tree/b/marked', `x${MARKER}`);
  site.put('large', Buffer.concat([Buffer.alloc(3_000_000, 'x'), Buffer.from(MARKER)]));
  daemon = await startDaemon(site);
}, 30_000);
afterAll(async () => {
  await daemon.stop();
  site.remove();
});

const eicarFound = 'Test.Eicar.UNOFFICIAL FOUND';
const markerFound = 'Test.Marker.UNOFFICIAL FOUND';

function path(name: string): string {
  return join(site.root, name);
}

describe.each(['unix', 'tcp'] as const)('over %s', (transport) => {
  const send = (request: string | Uint8Array): Promise<string> =>
    ask(transport === 'unix' ? site.socketPath : site.tcpPort, request);

  test.each(['SCAN', 'CONTSCAN', 'MULTISCAN', 'ALLMATCHSCAN'])('%s finds EICAR in a file', async (verb) => {
    expect(await send(`z${verb} ${path('files/eicar')}\0`)).toBe(`${path('files/eicar')}: ${eicarFound}\0`);
  });

  test('SCAN answers OK for clean and empty files', async () => {
    for (const name of ['files/clean', 'files/empty']) {
      expect(await send(`nSCAN ${path(name)}\n`)).toBe(`${path(name)}: OK\n`);
    }
  });

  test('CONTSCAN tells exclusions and every detection of a directory, SCAN only the first', async () => {
    expect(await send(`zCONTSCAN ${path('files')}\0`)).toBe(
      `${path('files/skipped')}: Excluded\0${path('files/eicar')}: ${eicarFound}\0`,
    );
    const both = ['a', 'b'].map((name) => `${path(`tree/${name}/marked`)}: ${markerFound}`);
    expect((await send(`zCONTSCAN ${path('tree')}\0`)).split('\0').filter(Boolean).sort()).toEqual(both);
    expect(both).toContain((await send(`zSCAN ${path('tree')}\0`)).slice(0, -1));
  });

  test('a missing file and a directory without detections read as clamd words them', async () => {
    expect(await send(`zSCAN ${path('missing')}\0`)).toBe(
      `${path('missing')}: File path check failure: No such file or directory. ERROR\0`,
    );
    expect(await send(`zSCAN ${path('spool')}/\0`)).toBe(`${path('spool')}: OK\0`);
  });

  test.each([
    ['in memory, on the main thread', 100],
    ['in memory, on a worker', 500_000],
    ['in a temporary file', 3_000_000],
  ])('INSTREAM finds a marker %s', async (_where, sizeBytes) => {
    const filling = Buffer.alloc(sizeBytes, 'x');
    expect(await send(instream(Buffer.concat([filling, Buffer.from(MARKER)])))).toBe(
      `stream: ${markerFound}\0`,
    );
    expect(await send(instream(filling))).toBe('stream: OK\0');
    expect(readdirSync(path('spool'))).toEqual(['.keep']);
  });

  test('INSTREAM finds EICAR and takes an empty stream', async () => {
    expect(await send(instream(EICAR, 7))).toBe(`stream: ${eicarFound}\0`);
    expect(await send(instream(''))).toBe('stream: OK\0');
  });
});

describe('FILDES', () => {
  test.each([
    ['files/eicar', eicarFound],
    ['files/clean', 'OK'],
    ['large', markerFound],
  ])('%s reads %s', async (name, expected) => {
    const fd = openSync(path(name), 'r');
    const reply = await askWithFd(site.socketPath, fd);
    closeSync(fd);
    expect(reply).toMatch(/^fd\[\d+\]: /);
    expect(reply.replace(/^fd\[\d+\]: /, '')).toBe(`${expected}\0`);
  });
});

describe('under load', () => {
  test('answers PING promptly and every scan once while many clients scan', async () => {
    const small = instream('nothing to see');
    const large = instream(Buffer.alloc(2_000_000, 'y'));
    const scans = Array.from({ length: 60 }, (_, n) => ask(site.socketPath, n % 6 === 0 ? large : small));
    const waits: number[] = [];
    for (let n = 0; n < 10; n += 1) {
      const startedAtMs = performance.now();
      expect(await ask(site.socketPath, 'zPING\0')).toBe('PONG\0');
      waits.push(performance.now() - startedAtMs);
    }
    expect(new Set(await Promise.all(scans))).toEqual(new Set(['stream: OK\0']));
    expect(Math.max(...waits)).toBeLessThan(1500);
  });

  test('holds no more descriptors afterwards than before', async () => {
    const openFds = (): number => readdirSync(`/proc/${daemon.pid}/fd`).length;
    await ask(site.socketPath, 'zPING\0');
    const before = openFds();
    for (let n = 0; n < 20; n += 1) {
      const fd = openSync(path(n % 2 === 0 ? 'files/eicar' : 'large'), 'r');
      await askWithFd(site.socketPath, fd);
      closeSync(fd);
      await ask(site.socketPath, instream(Buffer.alloc(1_500_000)));
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(openFds()).toBeLessThanOrEqual(before + 1);
  });
});
