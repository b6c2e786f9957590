import { createReadStream, createWriteStream, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { createSite, EICAR, startDaemon, type DaemonProcess, type Site } from '../daemon-process.js';
import { makeClientTree } from './client-tree.js';

interface Judged {
  readonly isInfected: boolean | null;
  readonly viruses: readonly string[];
}

interface Batch {
  readonly goodFiles: readonly string[];
  readonly badFiles: readonly (string | { readonly file: string; readonly virus: string })[];
}

/** What of `clamscan` 2.4.0 is used here; the package has no types. */
interface NodeClam {
  init(options: object): Promise<NodeClam>;
  getVersion(): Promise<string>;
  ping(): Promise<{ end(): void }>;
  isInfected(file: string): Promise<Judged & { file: string }>;
  scanFile(file: string): Promise<Judged & { file: string }>;
  scanFiles(files: readonly string[]): Promise<Batch>;
  scanDir(directory: string): Promise<Batch & Judged>;
  scanStream(stream: Readable): Promise<Judged>;
  passthrough(): Transform;
}

const require = createRequire(import.meta.url);

function loadClamscan(): (new () => NodeClam) | string {
  try {
    return require('clamscan') as new () => NodeClam; // CommonJS without types; the interface above is its manual.
  } catch (error) {
    return `npm clamscan cannot be loaded: ${String(error)}`;
  }
}

const clamscan = loadClamscan();
const EICAR_NAME = 'Test.Eicar.UNOFFICIAL';
const MARKER_NAME = 'Test.Marker.UNOFFICIAL';

let site: Site;
let daemon: DaemonProcess;
let tree: string;

describeOrSkip('npm clamscan', typeof clamscan === 'string' ? clamscan : undefined, () => {
  beforeAll(async () => {
    site = await createSite(['StreamMaxLength 1M']);
    tree = join(site.root, 'tree');
    makeClientTree(tree, { onlyUtf8: true });
    daemon = await startDaemon(site);
  }, 40_000);
  afterAll(async () => {
    await daemon.stop();
    site.remove();
  }, 20_000);

  const ready = (how: string, forDaemon: object = {}, general: object = {}): Promise<NodeClam> => {
    if (typeof clamscan === 'string') throw new Error(clamscan);
    const where = how === 'socket' ? { socket: site.socketPath } : { host: '127.0.0.1', port: site.tcpPort };
    return new clamscan().init({
      preference: 'clamdscan',
      clamscan: { active: false },
      // Without the fallback nothing but our daemon can have answered.
      clamdscan: { ...where, timeout: 20_000, localFallback: false, ...forDaemon },
      ...general,
    });
  };

  test.each(['socket', 'port'])('pings and asks for the version over %s', async (how) => {
    const client = await ready(how);
    (await client.ping()).end();
    expect((await client.getVersion()).trim()).toBe('ClamAV 1.4.6');
  });

  test.each(['socket', 'port'])('isInfected and scanFile over %s', async (how) => {
    const client = await ready(how);
    expect(await client.isInfected(`${tree}/sub/eicar`)).toMatchObject({
      isInfected: true,
      viruses: [EICAR_NAME],
    });
    expect(await client.scanFile(`${tree}/with a space`)).toMatchObject({
      isInfected: true,
      viruses: [MARKER_NAME],
    });
    expect(await client.isInfected(`${tree}/clean`)).toMatchObject({ isInfected: false, viruses: [] });
    // Of an empty file it streams only the end, without INSTREAM before it: UNKNOWN COMMAND, from clamd too.
    const empty = { isInfected: how === 'socket' ? false : null };
    expect(await client.isInfected(`${tree}/empty`)).toMatchObject(empty);
  });

  test('isInfected with multiscan off is an un-terminated SCAN', async () => {
    const client = await ready('socket', { multiscan: false });
    expect(await client.isInfected(`${tree}/sub/eicar`)).toMatchObject({
      isInfected: true,
      viruses: [EICAR_NAME],
    });
    expect(await client.isInfected(`${tree}/clean`)).toMatchObject({ isInfected: false });
  });

  test.each(['socket', 'port'])('scanFiles over %s', async (how) => {
    const client = await ready(how);
    const names = ['clean', 'sub/eicar', 'quiet/clean', 'with a space'].map((name) => `${tree}/${name}`);
    const { goodFiles, badFiles } = await client.scanFiles(names);
    expect([...goodFiles].sort()).toEqual([names[0], names[2]]);
    expect([...badFiles].sort()).toEqual([names[1], names[3]]);
  });

  test.each(['socket', 'port'])('scanDir over %s, which walks the tree itself', async (how) => {
    const client = await ready(how);
    const names = ['eicar', 'deeper/still/marked'].map((name) => `${tree}/sub/${name}`);
    const { goodFiles, badFiles } = await client.scanDir(`${tree}/sub`);
    expect([...badFiles].sort()).toEqual(names.sort());
    expect(goodFiles).toEqual([`${tree}/sub/clean`]);
  });

  test.each([true, false])('scanDir that leaves the walk to us, multiscan %s', async (multiscan) => {
    const client = await ready('socket', { multiscan }, { scanRecursively: null });
    const infected = await client.scanDir(`${tree}/sub`);
    expect(infected.isInfected).toBe(true);
    expect([...infected.viruses].sort()).toEqual([EICAR_NAME, MARKER_NAME]);
    expect(await client.scanDir(`${tree}/quiet`)).toMatchObject({ isInfected: false, badFiles: [] });
  });

  test.each(['socket', 'port'])('scanStream over %s', async (how) => {
    const client = await ready(how);
    expect(await client.scanStream(Readable.from([Buffer.from(EICAR)]))).toMatchObject({
      isInfected: true,
      viruses: [EICAR_NAME],
    });
    const halves = [Buffer.alloc(300_000, 'x'), Buffer.alloc(300_000, 'y')];
    expect(await client.scanStream(Readable.from(halves))).toMatchObject({ isInfected: false });
  });

  test.each(['socket', 'port'])('scanStream over StreamMaxLength over %s reads the reason', async (how) => {
    const client = await ready(how);
    const parts = Array.from({ length: 60 }, () => Buffer.alloc(64 * 1024, 'x'));
    await expect(client.scanStream(Readable.from(parts))).rejects.toMatchObject({
      message: expect.stringContaining('INSTREAM size limit exceeded'),
    });
  });

  test.each(['socket', 'port'])(
    'passthrough over %s hands the bytes on and says what they are',
    async (how) => {
      const client = await ready(how);
      for (const [name, isInfected] of [
        ['clean', false],
        ['sub/eicar', true],
      ] as const) {
        const judge = client.passthrough();
        const said = new Promise<Judged>((resolve) => judge.once('scan-complete', resolve));
        const copy = join(site.root, `copy-${how}`);
        const copied = pipeline(createReadStream(`${tree}/${name}`), judge, createWriteStream(copy));
        expect((await said).isInfected).toBe(isInfected);
        await copied.catch(() => undefined);
        if (!isInfected) expect(readFileSync(copy)).toEqual(readFileSync(`${tree}/${name}`));
      }
    },
  );
});
