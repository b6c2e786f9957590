import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { expectRecovered, vitalsOf } from '../clients/daemon-vitals.js';
import { ask, instream, MARKER, type DaemonProcess, type Site } from '../daemon-process.js';
import { pauseMs } from '../server-harness.js';
import { failedOnes, startLoad, wrongOnes, type LoadFile } from './engine-load.js';
import {
  createEngineSite,
  eventually,
  fildes,
  hostPidOf,
  isAlive,
  logOf,
  putSlowFile,
  startWithLibclamav,
  theHostPidOf,
  whyNoLibclamav,
} from './engine-site.js';

const CONNECTIONS = 16;
const SCAN_THREADS = 2;
const FOUND = 'Test.Marker.UNOFFICIAL FOUND\0';

let site: Site;
let daemon: DaemonProcess | undefined;
afterEach(async () => {
  await daemon?.stop();
  daemon = undefined;
  site.remove();
});

async function start(lines: readonly string[], env: Record<string, string> = {}): Promise<DaemonProcess> {
  site = await createEngineSite(lines);
  daemon = await startWithLibclamav(site, env);
  return daemon;
}

function putFiles(): LoadFile[] {
  return [
    { path: site.put('files/infected', `x${MARKER}`), isInfected: true },
    { path: site.put('files/clean', 'nothing to see'), isInfected: false },
    { path: site.put('files/larger', `${'y'.repeat(3 * 1024 * 1024)}${MARKER}`), isInfected: true },
    { path: putSlowFile(site, 'files/slow', 4 * 1024 * 1024), isInfected: false },
  ];
}

const hostDirectories = (): string[] =>
  readdirSync(join(site.root, 'spool')).filter((name) => name.startsWith('portcullis-libclamav'));
const isBack = async (): Promise<boolean> => (await ask(site.socketPath, instream(MARKER))).endsWith(FOUND);

/** Ends the host, and waits until another one finds something. @returns its process. */
async function killHost(running: DaemonProcess): Promise<number> {
  const before = theHostPidOf(running);
  process.kill(before, 'SIGKILL');
  await eventually(() => !isAlive(before), 'the end of the host');
  await eventually(isBack, 'the return of the service');
  const after = theHostPidOf(running);
  expect(after).not.toBe(before);
  return after;
}

/** How many deaths the log counts. */
function deathsIn(log: string): number[] {
  const deaths = log.split('\n').filter((line) => line.includes('"reason":"engineDied"'));
  return deaths.map((line) => Number(/"count":(\d+)/.exec(line)?.[1]));
}

describeOrSkip('the end of the libclamav process', whyNoLibclamav, () => {
  test('under load, five times: every question is answered, no infected file passes, and the service comes back', async () => {
    const running = await start(['DisableCache yes'], { SCANNER_THREADS: String(SCAN_THREADS) });
    const files = putFiles();
    expect(await isBack()).toBe(true);
    await pauseMs(500);
    const before = vitalsOf(running.pid);
    const load = startLoad(site, files, CONNECTIONS);
    for (let kills = 1; kills <= 5; kills += 1) {
      const answered = load.answers.length;
      await eventually(() => load.answers.length >= answered + CONNECTIONS, 'some answers');
      await killHost(running);
      if (kills === 1) expect(deathsIn(running.stdout)).toEqual([1]);
    }
    const answered = load.answers.length;
    await eventually(() => load.answers.length >= answered + CONNECTIONS, 'some answers');
    await load.stop();
    const after = load.answers.slice(answered);

    expect(load.pending).toBe(0);
    expect(wrongOnes(load.answers)).toEqual([]);
    expect(load.answers.every(({ reply }) => / FOUND$| ERROR$|^OK$/.test(reply))).toBe(true);
    // Only what was in the host when it died fails.
    expect(failedOnes(load.answers).length).toBeLessThanOrEqual(5 * SCAN_THREADS);
    expect(failedOnes(after)).toEqual([]);
    expect(deathsIn(running.stdout).at(-1)).toBe(5);
    await expectRecovered(running.pid, before);
    expect(hostDirectories()).toHaveLength(1);
  }, 120_000);

  test('before it serves again, and while a reload goes on, does no lasting harm either', async () => {
    const running = await start([]);
    for (let kills = 0; kills < 3; kills += 1) {
      const dying = theHostPidOf(running);
      process.kill(dying, 'SIGKILL');
      await eventually(() => ![undefined, dying].includes(hostPidOf(running)), 'another host');
    }
    await eventually(isBack, 'the return of the service');
    expect(await ask(site.socketPath, 'zRELOAD\0')).toBe('RELOADING\0');
    await killHost(running);
    expect(await ask(site.socketPath, 'zRELOAD\0')).toBe('RELOADING\0');
    await running.says('Database correctly reloaded');
    expect(await isBack()).toBe(true);
    expect(hostDirectories()).toHaveLength(1);
    expect((await running.stop()).code).toBe(0);
  }, 60_000);

  test('comes to one that hangs: its scans are answered with an error, and another one serves', async () => {
    const running = await start(['MaxScanTime 1000'], { SCANNER_SCAN_GRACE_MS: '500' });
    const clean = site.put('files/clean', 'nothing to see');
    const stopped = theHostPidOf(running);
    process.kill(stopped, 'SIGSTOP');
    const asked = [
      fildes(site.socketPath, clean),
      ask(site.tcpPort, instream(MARKER)),
      ask(site.socketPath, `zSCAN ${clean}\0`),
    ];
    expect(await ask(site.socketPath, 'zPING\0')).toBe('PONG\0');
    const replies = await Promise.all(asked);
    // What waited behind the hanging scans is scanned by the next host.
    const errors = replies.filter((reply) => reply.endsWith('ERROR\0'));
    expect(errors.length).toBeGreaterThanOrEqual(1);
    expect(replies[1]).not.toContain('OK');
    await eventually(isBack, 'the return of the service');
    expect(isAlive(stopped)).toBe(false);
    expect(logOf(site)).toContain('libclamav is given up');
  }, 60_000);
});
