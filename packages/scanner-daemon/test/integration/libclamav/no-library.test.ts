import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { DEBIAN_CLAMD } from '../clients/debian-clamd.js';
import {
  ask,
  createSite,
  DaemonProcess,
  EICAR,
  instream,
  startDaemon,
  type Exit,
  type Site,
} from '../daemon-process.js';
import { hostPidOf, logOf, whyNoLibclamav } from './engine-site.js';

const NO_LIBRARIES: Readonly<Record<string, string>> = {
  'a library that is not there': '/nonexistent.so',
  'a library that is another one': 'libm.so.6',
  'a file that is none': '',
};

let site: Site;
let daemon: DaemonProcess | undefined;
beforeEach(async () => {
  site = await createSite();
});
afterEach(async () => {
  await daemon?.stop();
  daemon = undefined;
  site.remove();
});

/** A start that is to fail. */
function startInVain(env: Record<string, string>, args: readonly string[] = []): Promise<Exit> {
  daemon = new DaemonProcess(['-c', site.configFile, ...args], { env });
  return daemon.exited;
}

const leftOver = (): string[] => readdirSync(join(site.root, 'spool')).filter((name) => name !== '.keep');

describe.each(Object.entries(NO_LIBRARIES))('%s', (_name, library) => {
  const path = (): string => (library === '' ? site.put('text.so', 'this is no library\n') : library);

  test.each(['yes', 'no'])(
    'has the built-in engine serve (isolation: %s)',
    async (isolation) => {
      // Jest's own options have Node keep its warnings to itself.
      const env = { SCANNER_LIBCLAMAV: path(), SCANNER_ISOLATION: isolation, NODE_OPTIONS: '' };
      daemon = await startDaemon(site, { SCANNER_ENGINE: 'auto', ...env });
      expect(await ask(site.socketPath, instream(EICAR))).toBe('stream: Test.Eicar.UNOFFICIAL FOUND\0');
      const lines = logOf(site)
        .split('\n')
        .filter((line) => line.includes('libclamav'));
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain(`libclamav is not used: ${path()}: `);
      expect(logOf(site)).toContain('Engine: built-in');
      expect(hostPidOf(daemon)).toBeUndefined();
      expect(leftOver()).toEqual([]);
      expect((await daemon.stop()).stderr).toBe('');
    },
    60_000,
  );

  test('ends a start that names libclamav, with one line', async () => {
    const { code, stderr } = await startInVain({ SCANNER_ENGINE: 'libclamav', SCANNER_LIBCLAMAV: path() });
    expect(code).toBe(1);
    expect(stderr.split('\n')).toHaveLength(2);
    expect(stderr).toContain(`ERROR: SCANNER_ENGINE=libclamav: ${path()}: `);
    expect(leftOver()).toEqual([]);
  }, 60_000);

  test('is what --check-config complains about when libclamav is named', async () => {
    const env = { SCANNER_ENGINE: 'libclamav', SCANNER_LIBCLAMAV: path() };
    const { code, stdout, stderr } = await startInVain(env, ['--check-config']);
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain(`SCANNER_ENGINE=libclamav: ${path()}: `);
    expect(leftOver()).toEqual([]);
  }, 60_000);
});

describeOrSkip('a database that libclamav refuses', whyNoLibclamav, () => {
  const clamdSays = async (): Promise<string> => {
    const clamd = promisify(execFile)(DEBIAN_CLAMD, ['-c', site.configFile], { timeout: 20_000 });
    const refusal = await clamd.then(
      () => ({ code: 0, stderr: '' }),
      (error: unknown) => error as { code: number; stderr: string },
    );
    expect(refusal.code).toBe(1);
    return refusal.stderr.trimEnd().split('\n').at(-1) ?? '';
  };

  test.each(['yes', 'no'])(
    'ends a start that names it, with the sentence of clamd (isolation: %s)',
    async (isolation) => {
      site.put('db/broken.ndb', 'Broken:0:*:zz\n');
      const sentence = await clamdSays();
      expect(sentence).toMatch(/^ERROR: \S/);
      const { code, stderr } = await startInVain({
        SCANNER_ENGINE: 'libclamav',
        SCANNER_ISOLATION: isolation,
      });
      expect(code).toBe(1);
      expect(stderr).toBe(`${sentence} (${site.databaseDirectory})\n`);
      expect(leftOver()).toEqual([]);
    },
    60_000,
  );

  test('is tried with the built-in engine where any will do; which refuses it too', async () => {
    site.put('db/broken.ndb', 'Broken:0:*:zz\n');
    const { code, stderr } = await startInVain({ SCANNER_ENGINE: 'auto' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^ERROR: Malformed database \(.*broken[.]ndb:1\)\n$/);
    expect(logOf(site)).toContain('the built-in engine is tried');
    expect(leftOver()).toEqual([]);
  }, 60_000);
});
