import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { ask, instream, MARKER, type DaemonProcess, type Site } from '../daemon-process.js';
import { failedOnes, startLoad, wrongOnes } from './engine-load.js';
import {
  createEngineSite,
  eventually,
  fildes,
  putSlowFile,
  residentBytesOf,
  startWithLibclamav,
  theHostPidOf,
  whyNoLibclamav,
} from './engine-site.js';

/** ClamAV's own signatures, beside the checkout; a few hundred thousand. */
const ARCHIVE = fileURLToPath(
  new URL('../../../../../../../shared/signatures/signatures.tar.xz', import.meta.url),
);
const OFFICIAL_FILES = ['main.hdb', 'daily.hsb', 'daily.ndb', 'main.fp', 'daily.fp'];
const RELOADS = 10;
/** From here on the allocator has what it needs. */
const SETTLED_AFTER = 3;
const CONNECTIONS = 4;
/** A database of these signatures takes this much at the least. */
const DATABASE_BYTES = 40 * 1024 * 1024;
const RELOADED = 'Database correctly reloaded';

const whyNotHere = whyNoLibclamav ?? (existsSync(ARCHIVE) ? undefined : `there is no ${ARCHIVE}`);

let site: Site;
let daemon: DaemonProcess | undefined;
afterEach(async () => {
  await daemon?.stop();
  daemon = undefined;
  site.remove();
});

/** A signature that the next reload brings. @returns what it finds. */
function putSignature(name: string): string {
  const text = `portcullis reload ${name}`;
  site.put(`db/${name}.ndb`, `Test.Reload.${name}:0:*:${Buffer.from(text).toString('hex')}\n`);
  return text;
}

describeOrSkip('reloads with libclamav', whyNotHere, () => {
  test('ten of them under load: nothing is answered wrongly, new signatures hold, and old databases are freed', async () => {
    site = await createEngineSite(['DisableCache yes']);
    const members = OFFICIAL_FILES.map((name) => `./official/${name}`);
    const target = ['-C', site.databaseDirectory, '--strip-components=2', '--no-same-owner'];
    execFileSync('tar', ['-xJf', ARCHIVE, ...target, ...members]);
    daemon = await startWithLibclamav(site);
    const host = theHostPidOf(daemon);
    expect(residentBytesOf(host)).toBeGreaterThan(DATABASE_BYTES);
    const files = [
      { path: site.put('files/infected', `x${MARKER}`), isInfected: true },
      { path: site.put('files/clean', 'nothing to see'), isInfected: false },
      { path: putSlowFile(site, 'files/slow', 4 * 1024 * 1024), isInfected: false },
    ];
    const load = startLoad(site, files, CONNECTIONS);
    let settledBytes = 0;
    for (let reload = 1; reload <= RELOADS; reload += 1) {
      const text = putSignature(`n${reload}`);
      const answered = load.answers.length;
      expect(await ask(site.socketPath, 'zRELOAD\0')).toBe('RELOADING\0');
      await daemon.says(RELOADED, reload);
      expect(await ask(site.socketPath, instream(text))).toContain(`Test.Reload.n${reload}.UNOFFICIAL FOUND`);
      expect(load.answers.length).toBeGreaterThan(answered);
      if (reload === SETTLED_AFTER) settledBytes = residentBytesOf(host);
    }
    await load.stop();
    expect(wrongOnes(load.answers)).toEqual([]);
    expect(failedOnes(load.answers)).toEqual([]);
    // One database that was kept would be more.
    await eventually(() => residentBytesOf(host) < settledBytes + DATABASE_BYTES, 'the end of old databases');
    expect(theHostPidOf(daemon)).toBe(host);
  }, 90_000);
});

describeOrSkip('a reload with libclamav', whyNoLibclamav, () => {
  test.each(['yes', 'no'])(
    'lets a scan that is under way end (isolation: %s)',
    async (isolation) => {
      site = await createEngineSite(['DisableCache yes']);
      const slow = putSlowFile(site, 'files/slow', 64 * 1024 * 1024);
      site.put('files/infected', MARKER);
      daemon = await startWithLibclamav(site, { SCANNER_ISOLATION: isolation });
      const underWay = fildes(site.socketPath, slow);
      let isOver = false;
      void underWay.then(() => (isOver = true));
      const text = putSignature('late');
      expect(await ask(site.socketPath, 'zRELOAD\0')).toBe('RELOADING\0');
      await daemon.says(RELOADED);
      const wasOverEarly = isOver;
      expect(await ask(site.socketPath, instream(text))).toContain('Test.Reload.late.UNOFFICIAL FOUND');
      expect(await underWay).toBe('OK\0');
      expect(wasOverEarly).toBe(false);
    },
    60_000,
  );

  test('to a database that it refuses keeps the one in use', async () => {
    site = await createEngineSite();
    daemon = await startWithLibclamav(site);
    site.put('db/broken.ndb', 'Broken:0:*:zz\n');
    expect(await ask(site.socketPath, 'zRELOAD\0')).toBe('RELOADING\0');
    await daemon.says('reload_th: Database load failed: Malformed database');
    expect(await ask(site.socketPath, instream(MARKER))).toBe('stream: Test.Marker.UNOFFICIAL FOUND\0');
    site.put('db/broken.ndb', 'Test.Mended:0:*:00112233445566778899\n');
    const text = putSignature('good');
    expect(await ask(site.socketPath, 'zRELOAD\0')).toBe('RELOADING\0');
    await daemon.says(RELOADED);
    expect(await ask(site.socketPath, instream(text))).toContain('FOUND');
  }, 60_000);
});
