import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { openNative } from '@portcullis/shared/native';
import { describeOrSkip, makeTempDir, type TempDir } from '@portcullis/shared/testing';
import { createBuiltinScanEngine } from '../../src/scheduler/builtin-scan-engine.js';
import type { ScanEngine } from '../../src/scheduler/scan-engine.js';

jest.setTimeout(60_000);

// Seen from dist/test/root, where this file runs. No import: the programs do not know each other.
const SERVER = fileURLToPath(
  new URL('../../../../onacc-client/test/filesystems/hang-server.py', import.meta.url),
);
/** After that the server ends by itself and lets everybody go. */
const LIFE_SECONDS = 45;

function whyNoFuse(): string | undefined {
  if (process.geteuid?.() !== 0) return 'needs root';
  return existsSync('/dev/fuse') ? undefined : 'there is no /dev/fuse (kernel module fuse)';
}

let directory: TempDir;
let images: string;
let server: ChildProcess | undefined;
let remarks: string[];
let endedThreads: number;

beforeEach(() => {
  directory = makeTempDir('hanging-images-');
  images = `${directory.path}/images`;
  mkdirSync(images);
  mkdirSync(`${directory.path}/db`);
  writeFileSync(`${directory.path}/db/a.ndb`, 'Test.Sig:0:*:6d616c7761726521\n');
  remarks = [];
  endedThreads = 0;
});

afterEach(async () => {
  await stopHanging();
  directory.remove();
});

async function startHanging(): Promise<void> {
  server = spawn('python3', [SERVER, images, 'lookup', String(LIFE_SECONDS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (server.stdout === null) throw new Error('no output of the FUSE server');
  await once(createInterface({ input: server.stdout }), 'line');
}

async function stopHanging(): Promise<void> {
  if (server === undefined || server.exitCode !== null) return;
  const ended = once(server, 'close');
  server.kill('SIGTERM');
  await ended;
  server = undefined;
}

function openEngine(): ScanEngine {
  const native = openNative();
  const countEnds = {
    ...native.limits,
    trimHeap: () => {
      endedThreads += 1;
    },
  };
  const engine = createBuiltinScanEngine(
    { directory: `${directory.path}/db` },
    {
      native: { files: native.files, limits: countEnds },
      engineOptions: {
        limits: { fileMaxBytes: Infinity, scanMaxBytes: Infinity, scanTimeMaxMs: Infinity },
        followFileSymlinks: false,
      },
      inlineMaxBytes: 0,
      image: { setting: images, systemdCache: undefined, xdgCacheHome: undefined, waitMaxMs: 500 },
      onRemark: (text) => void remarks.push(text),
    },
  );
  engine.onServing();
  return engine;
}

async function load(engine: ScanEngine): Promise<void> {
  const outcome = await engine.load(new AbortController().signal);
  expect(outcome).toMatchObject({ kind: 'loaded', loaded: { signatureCount: 1 } });
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const giveUpAtMs = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > giveUpAtMs) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describeOrSkip('images on a filesystem that hangs', whyNoFuse(), () => {
  test('keep one load thread, however often is loaded, and nobody without signatures', async () => {
    await startHanging();
    const engine = openEngine();
    await load(engine);
    await until(() => remarks.length === 1, 'the remark');
    expect(remarks[0]).toMatch(/^No image of the database is used: .* has not answered within 500 ms$/);
    await load(engine);
    await load(engine);
    await until(() => endedThreads === 2, 'the threads of the later loads');
    expect(remarks.slice(1)).toEqual([
      'The directory of database images (SCANNER_DATABASE_IMAGE) has not answered an earlier load yet: the signatures are read from their files',
    ]);

    await stopHanging();
    await until(() => endedThreads === 3, 'the thread that hung');
    await load(engine);
    await until(() => endedThreads === 4, 'the thread that saves');
    expect(readdirSync(images)).toEqual([expect.stringMatching(/^database-[0-9a-f]{32}[.]image$/)]);
  });
});
