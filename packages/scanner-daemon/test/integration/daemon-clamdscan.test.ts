import { spawn, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createSite, EICAR, MARKER, startDaemon, type DaemonProcess, type Site } from './daemon-process.js';

const isInstalled = spawnSync('clamdscan', ['--help']).error === undefined;
if (!isInstalled) process.stdout.write('skipped: clamdscan is not installed\n');

let site: Site;
let daemon: DaemonProcess;

function clamdscan(...args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn('clamdscan', [`--config-file=${site.configFile}`, '--no-summary', ...args]);
    let output = '';
    child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (output += bytes.toString()));
    child.on('close', (code) => {
      resolve({ code, output: output.split('\n').sort().filter(Boolean).join('\n') });
    });
  });
}

(isInstalled ? describe : describe.skip)("Debian's clamdscan", () => {
  beforeAll(async () => {
    site = await createSite();
    site.put('tree/clean', 'nothing to see');
    site.put('tree/a/eicar', EICAR);
    site.put('tree/b/marked', `x${MARKER}`);
    daemon = await startDaemon(site);
  }, 30_000);
  afterAll(async () => {
    await daemon.stop();
    site.remove();
  });

  test.each([
    [],
    ['--stream'],
    ['--fdpass'],
    ['--multiscan'],
    ['--stream', '--multiscan'],
    ['--fdpass', '--multiscan'],
  ])('finds both infected files of a tree %s %s', async (...options: string[]) => {
    const tree = `${site.root}/tree`;
    expect(await clamdscan(...options, tree)).toEqual({
      code: 1,
      output: `${tree}/a/eicar: Test.Eicar.UNOFFICIAL FOUND\n${tree}/b/marked: Test.Marker.UNOFFICIAL FOUND`,
    });
  });

  test.each([[], ['--stream'], ['--fdpass']])('calls a clean file clean %s', async (...options: string[]) => {
    const file = `${site.root}/tree/clean`;
    expect(await clamdscan(...options, file)).toEqual({ code: 0, output: `${file}: OK` });
  });

  test('pings, asks for the version and reloads', async () => {
    expect(await clamdscan('--ping', '3')).toEqual({ code: 0, output: 'PONG' });
    expect(await clamdscan('--version')).toEqual({ code: 0, output: 'ClamAV 1.4.6' });
    expect((await clamdscan('--reload')).code).toBe(0);
    await daemon.says('Database correctly reloaded');
  });
});
