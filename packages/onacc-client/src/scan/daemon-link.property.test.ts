import { expect, test } from '@jest/globals';
import type { FileStatus } from '@portcullis/shared/native';
import { FakeNative } from '@portcullis/shared/testing';
import fc from 'fast-check';
import { ScriptedDaemon } from '../../test/scripted-daemon.js';
import { DaemonLink } from './daemon-link.js';
import type { Endpoint, Transfer } from './endpoint.js';
import type { ScanTicket } from './link-contract.js';

const SOCKET = '/run/clamd.sock';
const TCP = { family: 'inet', address: '127.0.0.1', port: 3310 } as const;
const FILES = 6;
const SUBMITTED_MAX = 100;
const CALM_ROUNDS_MAX = 300;

type FailingCall = 'readAt' | 'status' | 'send' | 'sendLess' | 'sendWithFd' | 'receive';

/** What may happen, in any order. */
type Step =
  | { readonly kind: 'submit'; readonly file: number; readonly lends: number }
  | { readonly kind: 'resize'; readonly file: number; readonly sizeBytes: number }
  | { readonly kind: 'wait'; readonly rounds: number }
  | { readonly kind: 'pause'; readonly paused: boolean }
  /** The link's next call of that name fails; for `sendLess` it takes a part. */
  | { readonly kind: 'fail'; readonly call: FailingCall }
  /** The daemon sends what nobody asked for. */
  | { readonly kind: 'rubbish'; readonly text: string }
  | { readonly kind: 'drop' | 'tick' | 'answer' };

const file = fc.nat(FILES - 1);
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('submit' as const),
        file,
        lends: fc.constantFrom(0, 1, 1, 2, Infinity, Infinity),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('resize' as const),
        file,
        sizeBytes: fc.nat(200_000),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('wait' as const), rounds: fc.integer({ min: 1, max: 8 }) }),
    },
    fc.record({ kind: fc.constant('pause' as const), paused: fc.boolean() }),
    fc.record({
      kind: fc.constant('fail' as const),
      call: fc.constantFrom<FailingCall>('readAt', 'status', 'send', 'sendLess', 'sendWithFd', 'receive'),
    }),
    fc.record({
      kind: fc.constant('rubbish' as const),
      text: fc.constantFrom(
        '\0',
        '0: changed\0',
        '99: stream: OK\0',
        '2: stream: OK\0',
        'COMMAND READ TIMED OUT\n',
        '1: ',
        'x'.repeat(6_000),
      ),
    }),
    fc.record({ kind: fc.constantFrom('drop' as const, 'tick' as const, 'answer' as const) }),
  ),
  { maxLength: 40 },
);

interface SetUp {
  readonly transfer: Transfer;
  readonly isTcp: boolean;
  readonly sendBufferBytes: number;
  readonly windowScans: number;
  readonly daemonMaxBytes: number;
}

const setUps: fc.Arbitrary<SetUp> = fc.record({
  transfer: fc.constantFrom<Transfer>('stream', 'stream', 'descriptor'),
  isTcp: fc.boolean(),
  sendBufferBytes: fc.constantFrom(1_000, 5_000, 30_000, 70_000, 150_000),
  windowScans: fc.integer({ min: 1, max: 6 }),
  daemonMaxBytes: fc.constantFrom(0, 0, 70_000),
});

class Ticket implements ScanTicket {
  ends = 0;
  borrowed = 0;
  readonly #fd: number;
  #lends: number;

  constructor(fd: number, lends: number) {
    this.#fd = fd;
    this.#lends = lends;
  }

  borrowFd(): number {
    if (this.#lends === 0) return -1;
    this.#lends -= 1;
    this.borrowed += 1;
    return this.#fd;
  }

  returnFd(): void {
    this.borrowed -= 1;
  }
}

/** The same system, where calls fail once when they are told to: the link's calls, and not the daemon's. */
function unreliable({ files, sockets, poller }: FakeNative, failing: Set<FailingCall>) {
  const pass = (call: FailingCall): void => {
    if (failing.delete(call)) throw new Error(`${call} failed`);
  };
  return {
    poller,
    files: {
      ...files,
      readAt: (fd: number, into: Uint8Array, offset: number) => {
        pass('readAt');
        return files.readAt(fd, into, offset);
      },
      status: (fd: number, into: FileStatus) => {
        pass('status');
        files.status(fd, into);
      },
    },
    sockets: {
      ...sockets,
      send: (fd: number, bytes: Uint8Array) => {
        pass('send');
        const most = failing.delete('sendLess') ? Math.ceil(bytes.length / 2) : bytes.length;
        return sockets.send(fd, bytes.subarray(0, most));
      },
      sendWithFd: (fd: number, bytes: Uint8Array, passed: number) => {
        pass('sendWithFd');
        return sockets.sendWithFd(fd, bytes, passed);
      },
      receive: (fd: number) => {
        pass('receive');
        return sockets.receive(fd);
      },
    },
  };
}

async function settle(rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function run(setUp: SetUp, script: readonly Step[]): Promise<void> {
  const native = new FakeNative({ sendBufferBytes: setUp.sendBufferBytes });
  native.disk.makeDirectory('/run');
  const isTcp = setUp.isTcp && setUp.transfer === 'stream';
  const endpoint: Endpoint = isTcp ? { kind: 'tcp', addresses: [TCP] } : { kind: 'unix', path: SOCKET };
  let silent = 0;
  // It throws at the first byte that is out of place.
  const daemon = new ScriptedDaemon(native, isTcp ? TCP : SOCKET, () => {
    silent += 1;
    return silent % 3 === 0 ? 'silence' : 'OK';
  });
  daemon.streamMaxBytes = setUp.daemonMaxBytes;
  const fds = Array.from({ length: FILES }, (_, index) => {
    native.disk.writeFile(`/f${index}`, 'x'.repeat(index * 30_000));
    return native.openFile(`/f${index}`);
  });
  let nowMs = 0;
  const tickets: Ticket[] = [];
  const submit = (fileIndex: number, lends: number): void => {
    const ticket = new Ticket(fds[fileIndex] ?? -1, lends);
    tickets.push(ticket);
    link.submit(ticket);
  };
  const ended = (ticket: Ticket): void => {
    ticket.ends += 1;
    // As the gate does: the next one is begun from within the news of the last one.
    if (tickets.length % 3 !== 0 && tickets.length < SUBMITTED_MAX) submit(tickets.length % FILES, Infinity);
  };
  const failing = new Set<FailingCall>();
  const link = new DaemonLink<Ticket>(
    unreliable(native, failing),
    {
      endpoint,
      transfer: setUp.transfer,
      windowScans: setUp.windowScans,
      silenceMaxMs: 100_000,
      spinMaxMs: 0,
      connectMaxMs: 500,
      streamMaxBytes: 150_000,
      nowMs: () => nowMs,
    },
    {
      onVerdict: ended,
      onTooLarge: ended,
      onLost: ended,
      onUp: () => undefined,
      onDown: () => undefined,
      onDatabaseChanged: () => undefined,
    },
  );
  const perform = async (step: Step): Promise<void> => {
    if (step.kind === 'submit') submit(step.file, step.lends);
    else if (step.kind === 'resize') native.disk.writeFile(`/f${step.file}`, 'y'.repeat(step.sizeBytes));
    else if (step.kind === 'wait') await settle(step.rounds);
    else if (step.kind === 'pause') daemon.pause(step.paused);
    else if (step.kind === 'fail') failing.add(step.call);
    else if (step.kind === 'rubbish') daemon.sendRaw(Buffer.from(step.text));
    else if (step.kind === 'drop') daemon.dropConnections();
    else if (step.kind === 'answer') daemon.answerHeld('OK');
    else {
      nowMs += 100;
      link.tick(nowMs);
    }
  };
  link.tick(nowMs);
  for (const step of script) await perform(step);
  // Left in peace, everything comes to an end. A stream that was not ended validly would keep the daemon waiting.
  failing.clear();
  daemon.pause(false);
  for (let round = 0; round < CALM_ROUNDS_MAX && tickets.some(({ ends }) => ends === 0); round += 1) {
    await perform({ kind: 'tick' });
    await settle(10);
    daemon.answerHeld('OK');
  }
  expect(tickets.filter(({ ends }) => ends === 0)).toEqual([]);
  link.close();
  expect(tickets.every(({ ends, borrowed }) => ends === 1 && borrowed === 0)).toBe(true);
  await settle(3);
  daemon.close();
  for (const fd of fds) native.files.close(fd);
  expect(native.openFdCount).toBe(0);
  expect(native.poller.openHandles).toBe(0);
}

test('DaemonLink: whatever happens in whatever order, every ticket comes back once and no byte is out of place', async () => {
  await fc.assert(fc.asyncProperty(setUps, steps, run), { numRuns: 150 });
}, 60_000);
