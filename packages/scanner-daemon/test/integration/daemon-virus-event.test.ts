import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  ask,
  createSite,
  instream,
  MARKER,
  startDaemon,
  type DaemonProcess,
  type Site,
} from './daemon-process.js';

describe('VirusEvent', () => {
  let site: Site;
  let daemon: DaemonProcess;
  const seen = (): string[] =>
    existsSync(join(site.root, 'seen'))
      ? readFileSync(join(site.root, 'seen'), 'utf8').split('\n').slice(0, -1)
      : [];

  beforeAll(async () => {
    site = await createSite();
    // A slow command: no client may wait for it.
    const command = `sleep 3; echo "$CLAM_VIRUSEVENT_FILENAME|$CLAM_VIRUSEVENT_VIRUSNAME|%v|$PATH" >> ${site.root}/seen`;
    site.put('clamd.conf', `${site.read('clamd.conf')}\nVirusEvent ${command}\n`);
    site.put('files/marked', `x${MARKER}`);
    site.put('files/clean', 'nothing to see');
    daemon = await startDaemon(site);
  }, 30_000);
  afterAll(async () => {
    await daemon.stop();
    site.remove();
  });

  test('runs after the answer, once a detection, with names and a PATH', async () => {
    const path = join(site.root, 'files/marked');
    const startedAtMs = performance.now();
    expect(await ask(site.socketPath, `zSCAN ${path}\0`)).toContain('FOUND');
    expect(await ask(site.socketPath, instream(MARKER))).toContain('FOUND');
    expect(await ask(site.socketPath, `zSCAN ${join(site.root, 'files/clean')}\0`)).toContain('OK');
    expect(performance.now() - startedAtMs).toBeLessThan(2500);
    const deadlineAtMs = Date.now() + 20_000;
    while (seen().length < 2 && Date.now() < deadlineAtMs) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const name = 'Test.Marker.UNOFFICIAL';
    const end = `${name}|${name}|/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
    expect(seen().sort()).toEqual([`${path}|${end}`, `instream(local)|${end}`]);
  }, 40_000);

  test('a command that runs when the daemon stops is waited for', async () => {
    const before = seen().length;
    await ask(site.socketPath, instream(MARKER));
    await new Promise((resolve) => setTimeout(resolve, 500));
    const exit = await daemon.stop();
    expect([exit.code, seen().length]).toEqual([0, before + 1]);
  }, 40_000);
});
