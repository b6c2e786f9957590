import { createHash } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openNative, type NativeApi, type SocketApi } from '@portcullis/shared/native';
import { describeOrSkip, makeTempDir } from '@portcullis/shared/testing';
import { whyNoLibrary } from './testing/library-under-test.js';
import type { LibclamavSettings } from '../engine/libclamav/engine-settings.js';
import type { FromHost } from '../libclamav-host/control-messages.js';
import { decodeReply, encodeRequest } from '../libclamav-host/lane-wire.js';
import { processHosts, threadHosts, type HostConnection } from './host-connection.js';

const WAIT_MS = 60_000;
const settings: LibclamavSettings = {
  numbers: [],
  strings: [],
  databaseOptions: 0,
  scanOptions: { general: 0, parse: 0xffff, heuristic: 0, mail: 0, dev: 0 },
  debug: false,
};

let native: NativeApi;
let directory: ReturnType<typeof makeTempDir>;
let messages: FromHost[];
let gone: string[];
let toClose: number[];
let fdsBefore: Set<string>;
const openFds = (): string[] => readdirSync('/proc/self/fd');

beforeEach(() => {
  native = openNative();
  directory = makeTempDir('host-');
  [messages, gone, toClose] = [[], [], []];
  fdsBefore = new Set(openFds());
});

afterEach(() => {
  directory.remove();
});

async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + WAIT_MS;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(JSON.stringify({ messages, gone }));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const KINDS = {
  thread: threadHosts,
  process: (sockets: SocketApi) => processHosts(sockets, process.env),
};
type Kind = keyof typeof KINDS;

function start(kind: Kind, libraryPath?: string): HostConnection {
  const host = KINDS[kind](native.sockets)(2, {
    onMessage: (message) => messages.push(message),
    onOutput: () => undefined,
    onGone: (how) => gone.push(how),
  });
  toClose.push(...host.laneFds);
  const options = { libraryPath, settings, followFileSymlinks: false, sampleDetections: false };
  host.send({
    kind: 'open',
    options: {
      ...options,
      laneFds: host.hostLaneFds,
      temporaryDirectory: directory.path,
      leaveTemporaryFiles: true,
    },
  });
  return host;
}

/** The sockets and pipes that a host left behind, once our own ends are closed. */
async function leftBehind(): Promise<number> {
  for (const fd of toClose) native.files.close(fd);
  const left = (): number => openFds().filter((fd) => !fdsBefore.has(fd)).length;
  // libuv closes the pipes of a child some turns after its end.
  await until(() => left() <= 1);
  return left();
}

async function packet(fd: number): Promise<Buffer> {
  for (;;) {
    const message = native.sockets.receive(fd);
    if (message !== undefined) return Buffer.from(message.bytes);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function makeDatabase(): { readonly database: string; readonly sample: string } {
  const text = 'what a test takes for harmful';
  writeFileSync(`${directory.path}/sample`, text);
  const md5 = createHash('md5').update(text).digest('hex');
  writeFileSync(`${directory.path}/test.hdb`, `${md5}:${text.length}:Test.Sample\n`);
  return { database: `${directory.path}/test.hdb`, sample: `${directory.path}/sample` };
}

describe.each<Kind>(['thread', 'process'])('a host in a %s of its own', (kind) => {
  test('without a library refuses, ends when it is told to, and leaves nothing open', async () => {
    const host = start(kind, '/nonexistent/libclamav.so');
    await until(() => messages.length > 0);
    expect(messages[0]).toMatchObject({ kind: 'refused' });
    expect(gone).toEqual([]);
    host.kill();
    await until(() => gone.length > 0);
    host.kill();
    host.send({ kind: 'release', generation: 1 });
    expect(await leftBehind()).toBeLessThanOrEqual(1);
    expect(gone).toHaveLength(1);
  });
});

describeOrSkip('with the installed libclamav', whyNoLibrary(), () => {
  test.each<Kind>(['thread', 'process'])(
    'a host in a %s loads, scans, and ends with nothing left open',
    async (kind) => {
      const { database, sample } = makeDatabase();
      const host = start(kind);
      host.send({ kind: 'load', generation: 1, paths: [database] });
      await until(() =>
        messages.some((message) => message.kind === 'loaded' || message.kind === 'loadFailed'),
      );
      expect(messages.at(-1)).toMatchObject({ kind: 'loaded', database: { signatureCount: 1 } });
      const [lane = -1] = host.laneFds;
      expect(decodeReply(await packet(lane)).jobId).toBe(0);
      const request = { jobId: 9, generation: 1, allMatch: false, path: Buffer.from(sample) };
      native.sockets.send(lane, encodeRequest(request) ?? Buffer.alloc(0));
      expect(decodeReply(await packet(lane))).toEqual({
        jobId: 9,
        verdict: { kind: 'infected', signatureNames: ['Test.Sample.UNOFFICIAL'] },
      });
      host.kill();
      await until(() => gone.length > 0);
      expect(await leftBehind()).toBeLessThanOrEqual(1);
    },
    WAIT_MS,
  );

  test.each<Kind>(['thread', 'process'])(
    'a host in a %s ends when one of its scan threads has lost its socket',
    async (kind) => {
      const host = start(kind);
      await until(() => messages.length > 0);
      const [lane = -1, other = -1] = host.laneFds;
      await packet(other);
      await packet(lane);
      native.sockets.shutdownBoth(lane);
      // The others are told, whichever way.
      expect(await packet(other).catch(() => Buffer.alloc(0))).toHaveLength(0);
      await until(() => gone.length > 0);
      expect(await leftBehind()).toBeLessThanOrEqual(1);
    },
    WAIT_MS,
  );

  test('a host in a process whose database is missing says which, and serves on', async () => {
    const host = start('process');
    host.send({ kind: 'load', generation: 1, paths: ['/nonexistent'] });
    host.send({ kind: 'look', id: 4, generation: 1 });
    await until(() => messages.some(({ kind }) => kind === 'looked'));
    expect(messages.slice(1)).toMatchObject([
      { kind: 'loadFailed', generation: 1, path: '/nonexistent' },
      { kind: 'looked', id: 4, hasChanged: false },
    ]);
    host.kill();
    await until(() => gone.length > 0);
    expect(gone).toEqual(['ended (SIGKILL)']);
    await leftBehind();
  }, 60_000);
});
