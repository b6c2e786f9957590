import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { codeOf } from '../testing/native-under-test.js';
import { makeTempDir } from '../testing/temp-dir.js';
import { bindLibc } from './libc.js';
import type { NativeApi } from './native-api.js';
import { openNative } from './open-native.js';

const [O_NONBLOCK, O_CLOEXEC, AF_UNIX, SOCK_STREAM] = [0o4000, 0o2000000, 1, 1];
const RECEIVE_BYTES = 65_536;
const PACKET_BYTES = 60 * 1024;
const WAIT_MS = 20_000;

/** Answers each packet with its text and that of the file that came with it, until the end. Blocks its thread. */
const LANE = `
  function serve({ openNative }, fd) {
    const { sockets, files } = openNative();
    const into = Buffer.alloc(4096);
    for (;;) {
      const packet = sockets.receive(fd);
      if (packet === undefined) continue;
      if (packet.bytes.length === 0) return;
      const said = packet.bytes.toString();
      const texts = packet.fds.map((passed) => into.toString('latin1', 0, files.readAt(passed, into, 0)));
      for (const passed of packet.fds) files.close(passed);
      sockets.send(fd, Buffer.from(JSON.stringify([said, ...texts])));
    }
  }
`;
const FENCE = new URL('open-native.js', import.meta.url).href;
const THREAD = `${LANE}
  const { workerData } = require('node:worker_threads');
  import(workerData.fence).then((fence) => serve(fence, workerData.fd));
`;
const PROCESS = `${LANE} import(process.argv[1]).then((fence) => serve(fence, 3));`;

const flagsOf = (fd: number): number =>
  Number.parseInt(/flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0', 8);

let native: NativeApi;
let ours = -1;
let theirs = -1;
let toClose: Set<number>;
let directory: ReturnType<typeof makeTempDir>;

beforeEach(() => {
  native = openNative();
  [ours, theirs] = native.sockets.pairOfPackets();
  toClose = new Set([ours, theirs]);
  directory = makeTempDir('packets-');
});

afterEach(() => {
  // A thread that a failed case left waiting would keep Jest from ending.
  if (toClose.has(ours)) native.sockets.shutdownBoth(ours);
  for (const fd of toClose) native.files.close(fd);
  directory.remove();
});

function close(fd: number): void {
  toClose.delete(fd);
  native.files.close(fd);
}

function fileWith(text: string): number {
  writeFileSync(`${directory.path}/file`, text);
  const fd = openSync(`${directory.path}/file`, 'r');
  toClose.add(fd);
  return fd;
}

/** Its text, or the code of what was thrown instead; the end must be non-blocking. */
function nextPacket(fd: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const handle = native.poller.watch(fd, { readable: true, writable: false }, () => {
      let text: string | undefined;
      const code = codeOf(() => (text = native.sockets.receive(fd)?.bytes.toString()));
      if (text === undefined && code === undefined) return;
      clearTimeout(timer);
      handle.close();
      resolve(text ?? String(code));
    });
    const timer = setTimeout(() => {
      handle.close();
      reject(new Error('no packet came'));
    }, WAIT_MS);
  });
}

describe('pairOfPackets', () => {
  test('both ends block and are close-on-exec, and adopt changes only its own', () => {
    expect([ours, theirs].map((fd) => flagsOf(fd) & (O_NONBLOCK | O_CLOEXEC))).toEqual([
      O_CLOEXEC,
      O_CLOEXEC,
    ]);
    native.sockets.adopt(ours);
    expect([ours, theirs].map((fd) => flagsOf(fd) & (O_NONBLOCK | O_CLOEXEC))).toEqual([
      O_NONBLOCK | O_CLOEXEC,
      O_CLOEXEC,
    ]);
    expect(native.sockets.receive(ours)).toBeUndefined();
  });

  test('packets keep their boundaries, and each descriptor comes with its own', () => {
    const passed = fileWith('content');
    native.sockets.adopt(theirs);
    const packets = fc.array(
      fc.record({ bytes: fc.uint8Array({ minLength: 1, maxLength: 4_352 }), withFd: fc.boolean() }),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(packets, (sent) => {
        for (const { bytes, withFd } of sent) {
          const taken = withFd
            ? native.sockets.sendWithFd(ours, bytes, passed)
            : native.sockets.send(ours, bytes);
          expect(taken).toBe(bytes.length);
        }
        for (const { bytes, withFd } of sent) {
          const got = native.sockets.receive(theirs);
          for (const fd of got?.fds ?? []) native.files.close(fd);
          expect(got?.bytes.equals(bytes)).toBe(true);
          expect(got?.fds).toHaveLength(withFd ? 1 : 0);
        }
        expect(native.sockets.receive(theirs)).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });

  test('a packet of 60 KiB comes whole; one larger than 64 KiB is cut, and the next one is not touched', () => {
    native.sockets.adopt(theirs);
    for (const bytes of [PACKET_BYTES, RECEIVE_BYTES, RECEIVE_BYTES + 1]) {
      native.sockets.send(ours, Buffer.alloc(bytes, 7));
      native.sockets.send(ours, Buffer.from('next'));
      const got = native.sockets.receive(theirs);
      expect(got?.bytes.equals(Buffer.alloc(Math.min(bytes, RECEIVE_BYTES), 7))).toBe(true);
      expect(native.sockets.receive(theirs)?.bytes.toString()).toBe('next');
    }
  });

  test('a passed descriptor arrives close-on-exec and readable, after the sender closed its own', () => {
    native.sockets.adopt(theirs);
    const fd = fileWith('content');
    native.sockets.sendWithFd(ours, Buffer.alloc(4_352, 1), fd);
    close(fd);
    const got = native.sockets.receive(theirs);
    const [arrived = -1, ...others] = got?.fds ?? [];
    toClose.add(arrived);
    expect([got?.bytes.length, others]).toEqual([4_352, []]);
    expect(flagsOf(arrived) & O_CLOEXEC).toBe(O_CLOEXEC);
    const into = Buffer.alloc(16);
    expect(into.toString('latin1', 0, native.files.readAt(arrived, into, 0))).toBe('content');
  });
});

describe('pairOfPackets, its end', () => {
  test('shutdownBoth: what is queued is still received, then the end, and sends are EPIPE on both ends', () => {
    for (const fd of [ours, theirs]) native.sockets.adopt(fd);
    native.sockets.send(ours, Buffer.from('last'));
    native.sockets.shutdownBoth(theirs);
    expect([1, 2, 3].map(() => native.sockets.receive(theirs)?.bytes.toString())).toEqual(['last', '', '']);
    expect(native.sockets.receive(ours)?.bytes.length).toBe(0);
    expect([ours, theirs].map((fd) => codeOf(() => native.sockets.send(fd, Buffer.from('x'))))).toEqual([
      'EPIPE',
      'EPIPE',
    ]);
  });

  test('shutdownBoth is no error where the peer is gone, where nobody ever was, or a second time', () => {
    const fresh = bindLibc().socket(2, SOCK_STREAM, 0);
    toClose.add(fresh);
    const alone = bindLibc().socket(AF_UNIX, SOCK_STREAM, 0);
    toClose.add(alone);
    close(theirs);
    for (const fd of [ours, ours, fresh, alone])
      expect(
        codeOf(() => {
          native.sockets.shutdownBoth(fd);
        }),
      ).toBeUndefined();
    const file = fileWith('');
    expect(
      codeOf(() => {
        native.sockets.shutdownBoth(file);
      }),
    ).toBe('ENOTSOCK');
  });

  test('a peer that closes with packets of ours unread: ECONNRESET, then what it had sent, then the end', () => {
    native.sockets.adopt(ours);
    native.sockets.send(theirs, Buffer.from('reply'));
    native.sockets.send(ours, Buffer.from('unread'));
    close(theirs);
    const receive = (): unknown => {
      let text: string | undefined;
      return codeOf(() => (text = native.sockets.receive(ours)?.bytes.toString())) ?? text;
    };
    expect([receive(), receive(), receive()]).toEqual(['ECONNRESET', 'reply', '']);
    expect(codeOf(() => native.sockets.send(ours, Buffer.from('x')))).toBe('EPIPE');
  });
});

describe('pairOfPackets, the other end elsewhere', () => {
  test('a thread that waits in receive answers packets with descriptors and ends when its end is shut', async () => {
    const worker = new Worker(THREAD, { eval: true, workerData: { fence: FENCE, fd: theirs } });
    const ended = once(worker, 'exit');
    native.sockets.adopt(ours);
    for (const text of ['one', 'two']) {
      native.sockets.sendWithFd(ours, Buffer.from(`request ${text}`), fileWith(`content ${text}`));
      expect(await nextPacket(ours)).toBe(JSON.stringify([`request ${text}`, `content ${text}`]));
    }
    native.sockets.send(ours, Buffer.from('without'));
    expect(await nextPacket(ours)).toBe('["without"]');
    native.sockets.shutdownBoth(ours);
    expect(await ended).toEqual([0]);
  });

  test('shutdownBoth of its own end, too, ends a thread that waits', async () => {
    const worker = new Worker(THREAD, { eval: true, workerData: { fence: FENCE, fd: theirs } });
    const ended = once(worker, 'exit');
    native.sockets.adopt(ours);
    native.sockets.send(ours, Buffer.from('ready'));
    expect(await nextPacket(ours)).toBe('["ready"]');
    native.sockets.shutdownBoth(theirs);
    expect(await ended).toEqual([0]);
  });

  test('a child that has the end as descriptor 3 answers, and its death by a signal is the end', async () => {
    const child = spawn(process.execPath, ['-e', PROCESS, FENCE], {
      stdio: ['ignore', 'inherit', 'inherit', theirs],
      timeout: WAIT_MS,
      killSignal: 'SIGKILL',
    });
    const exited = once(child, 'exit');
    close(theirs);
    native.sockets.adopt(ours);
    native.sockets.sendWithFd(ours, Buffer.from('request'), fileWith('content'));
    expect(await nextPacket(ours)).toBe('["request","content"]');
    child.kill('SIGKILL');
    expect(await nextPacket(ours)).toBe('');
    expect(await exited).toEqual([null, 'SIGKILL']);
  });
});
