import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { createSite, startDaemon, type DaemonProcess, type Site } from '../daemon-process.js';
import { makeClientTree } from './client-tree.js';
import { DEBIAN_CLAMD, startDebianClamd } from './debian-clamd.js';
import { runProgram, whyMissing } from './run-program.js';

const PYTHON = '/usr/bin/python3';
// From dist/, where this file runs, to the source: Python needs no build.
const DRIVER = fileURLToPath(
  new URL('../../../../test/integration/clients/pyclamd-driver.py', import.meta.url),
);

function whyNoPyclamd(): string | undefined {
  const { status } = spawnSync(PYTHON, ['-c', 'import pyclamd'], { stdio: 'ignore' });
  return status === 0 ? undefined : 'not installed: python3-pyclamd';
}

async function drive(target: string, tree: string): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await runProgram([PYTHON, DRIVER, target, tree]);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Record<string, unknown>; // The driver prints an object.
}

/** Streams that pyclamd goes on sending behind their end, as it also does with clamd: whoever closes first wins. */
const RACING = ['streamWholeChunks', 'streamEmpty'];
/**
 * STATS is never the same twice; clamd tells a signature twice when it matches a text as it is and normalised, and closes on a stream
 * over its limit so soon that pyclamd cannot read why.
 */
const UNLIKE = ['stats', 'allmatch', 'allmatchDirectory', 'streamTooLong'];

function without(said: Record<string, unknown>, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(said).filter(([name]) => !names.includes(name)));
}

let site: Site;
let daemon: DaemonProcess;
let tree: string;

describeOrSkip('pyclamd', whyNoPyclamd(), () => {
  beforeAll(async () => {
    site = await createSite(['StreamMaxLength 1M']);
    tree = join(site.root, 'tree');
    makeClientTree(tree, { onlyUtf8: true });
    daemon = await startDaemon(site, { SCANNER_BUNDLED_SIGNATURES: 'no' });
  }, 40_000);
  afterAll(async () => {
    await daemon.stop();
    site.remove();
  }, 20_000);

  test.each(['unix', 'tcp'])(
    'understands all we say over %s',
    async (transport) => {
      const said = await drive(transport === 'unix' ? site.socketPath : String(site.tcpPort), tree);
      const eicar = ['FOUND', 'Test.Eicar.UNOFFICIAL'];
      const marker = ['FOUND', 'Test.Marker.UNOFFICIAL'];
      const below = (name: string): string => `${tree}/${name}`;
      expect(said).toMatchObject({
        ping: true,
        version: 'ClamAV 1.4.6',
        reload: 'RELOADING',
        scanInfected: { [below('sub/eicar')]: eicar },
        scanClean: null,
        scanMissing: { [below('missing')]: ['ERROR', expect.stringContaining('File path check failure')] },
        multiscanClean: null,
        allmatch: { [below('both')]: expect.arrayContaining([eicar, marker]) },
        allmatchDirectory: { [below('sub/deeper/still/marked')]: [marker] },
        streamInfected: { stream: eicar },
        streamClean: null,
        streamFile: { stream: eicar },
        streamTooLong: 'BufferTooLongError',
      });
      for (const name of RACING) expect([null, 'BrokenPipeError']).toContain(said[name]);
      expect(said['stats']).toMatch(/^POOLS: 1\n\nSTATE: VALID PRIMARY/);
      expect(said['stats']).toContain('MEMSTATS: ');
    },
    30_000,
  );

  if (whyMissing(DEBIAN_CLAMD) === undefined) {
    test('gets from us what it gets from clamd', async () => {
      const clamd = await startDebianClamd(site, ['StreamMaxLength 1M']);
      try {
        const [mine, clamds] = [await drive(site.socketPath, tree), await drive(clamd.socketPath, tree)];
        const names = [...RACING, ...UNLIKE];
        expect(without(mine, names)).toEqual(without(clamds, names));
      } finally {
        await clamd.stop();
      }
    }, 60_000);
  }
});
