import { join } from 'node:path';
import { openNative } from '@portcullis/shared/native';
import { FakeNative, makeTempDir, type TempDir } from '@portcullis/shared/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createServiceNotifier, type ServiceNotifier, type ServiceNotifierOptions } from './notify.js';
import { takeServiceEnvironment } from './service-environment.js';

const native = openNative();
const DEADLINE_MS = 10_000;
let directory: TempDir;
let socketPath: string;
let receiver: number;
let failures: string[];
let notifiers: ServiceNotifier[];

beforeEach(() => {
  directory = makeTempDir('notify-');
  socketPath = join(directory.path, 'notify');
  receiver = native.sockets.createDatagram();
  native.sockets.bindUnix(receiver, socketPath);
  failures = [];
  notifiers = [];
});

afterEach(() => {
  for (const notifier of notifiers) notifier.close();
  native.files.close(receiver);
  directory.remove();
});

function notifierFor(
  env: Record<string, string>,
  options: Partial<ServiceNotifierOptions> = {},
): ServiceNotifier {
  const notifier = createServiceNotifier({
    native,
    service: takeServiceEnvironment({ NOTIFY_SOCKET: socketPath, ...env }),
    pid: 42,
    isHealthy: () => true,
    onFailure: (error, what) => failures.push(`${what}: ${String(error)}`),
    ...options,
  });
  notifiers.push(notifier);
  return notifier;
}

/** Every message that waits, without waiting for one. */
function received(): string[] {
  const messages: string[] = [];
  for (let next = native.sockets.receive(receiver); next; next = native.sockets.receive(receiver)) {
    messages.push(next.bytes.toString());
  }
  return messages;
}

/** Messages until there are so many that `isEnough`, or the deadline has passed. */
async function receivedUntil(isEnough: (messages: readonly string[]) => boolean): Promise<string[]> {
  const messages: string[] = [];
  const deadlineAtMs = Date.now() + DEADLINE_MS;
  for (;;) {
    messages.push(...received());
    if (isEnough(messages) || Date.now() > deadlineAtMs) return messages;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('createServiceNotifier', () => {
  test('says every stage of a life, each in one message', () => {
    const notifier = notifierFor({}, { monotonicNs: () => 1_234_567_890_123n });
    notifier.status('Reading databases');
    notifier.ready('Serving');
    notifier.reloading('Reading databases');
    notifier.reloaded('Serving, 2 signatures');
    notifier.stopping('Finishing 1 scan');
    expect(received()).toEqual([
      'STATUS=Reading databases',
      'READY=1\nMAINPID=42\nSTATUS=Serving',
      'RELOADING=1\nMONOTONIC_USEC=1234567890\nSTATUS=Reading databases',
      'EXTEND_TIMEOUT_USEC=30000000',
      'READY=1\nSTATUS=Serving, 2 signatures',
      'STOPPING=1\nSTATUS=Finishing 1 scan',
    ]);
  });

  test('a second reload is announced anew while the first is under way; READY comes only after a reload', () => {
    const notifier = notifierFor({});
    notifier.reloading('before READY nobody may hear of a reload');
    notifier.ready('a');
    notifier.reloaded('nothing was reloading');
    notifier.reloading('b');
    notifier.reloading('c');
    notifier.reloaded('d');
    notifier.stopping('e');
    notifier.reloading('too late');
    notifier.reloaded('too late');
    notifier.stopping('said already');
    const kinds = received().map((message) => message.split('=')[0]);
    expect(kinds.filter((kind) => kind !== 'EXTEND_TIMEOUT_USEC')).toEqual([
      'READY',
      'RELOADING',
      'RELOADING',
      'READY',
      'STOPPING',
    ]);
  });

  test('the monotonic time is the one of CLOCK_MONOTONIC', () => {
    const notifier = notifierFor({});
    notifier.ready('');
    const before = process.hrtime.bigint() / 1000n;
    notifier.reloading('');
    const usec = BigInt(/MONOTONIC_USEC=([0-9]+)/.exec(received()[1] ?? '')?.[1] ?? '0');
    expect(usec >= before && usec <= process.hrtime.bigint() / 1000n).toBe(true);
  });

  test('a status can smuggle in no assignment of its own', () => {
    notifierFor({}).status('a\nREADY=1');
    expect(received()).toEqual(['STATUS=a\\nREADY=1']);
  });

  test('asks for more time until the work is done, and hands on how it ended', async () => {
    const notifier = notifierFor({}, { extensionMs: 60 });
    const hold: { release?: () => void } = {};
    const work = notifier.extendWhile(
      new Promise<string>(
        (resolve) =>
          (hold.release = () => {
            resolve('done');
          }),
      ),
    );
    const messages = await receivedUntil(({ length }) => length >= 3);
    hold.release?.();
    expect(await work).toBe('done');
    expect(new Set(messages)).toEqual(new Set(['EXTEND_TIMEOUT_USEC=60000']));
    expect(messages.length).toBeGreaterThanOrEqual(3);
    await expect(notifier.extendWhile(Promise.reject(new Error('no database')))).rejects.toThrow(
      'no database',
    );
  });

  test('asks for more time as long as a reload goes on, and no longer', async () => {
    const notifier = notifierFor({}, { extensionMs: 60 });
    notifier.ready('');
    notifier.reloading('');
    const isExtension = (text: string): boolean => text.startsWith('EXTEND_TIMEOUT_USEC=');
    const messages = await receivedUntil((all) => all.filter(isExtension).length >= 3);
    expect(messages.filter(isExtension).length).toBeGreaterThanOrEqual(3);
    notifier.reloaded('');
    received();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(received()).toEqual([]);
  });

  test('waits with messages while the socket is full, and keeps their order', async () => {
    const notifier = notifierFor({});
    // net.unix.max_dgram_qlen is 10 unless somebody raised it.
    for (let at = 0; at < 30; at += 1) notifier.status(String(at));
    const messages = await receivedUntil(({ length }) => length >= 30);
    expect(messages).toEqual(Array.from({ length: 30 }, (_, at) => `STATUS=${at}`));
    expect(failures).toEqual([]);
  });

  test('a manager that never listens is told of once, and the messages are bounded', () => {
    const notifier = notifierFor({});
    for (let at = 0; at < 10_000; at += 1) notifier.status(String(at));
    notifier.close();
    expect(failures).toEqual([expect.stringContaining('full')]);
  });

  test.each([
    ['nobody listens', '/nonexistent/notify'],
    ['it is no Unix socket', 'vsock:2:1234'],
    ['it is relative', 'notify'],
    ['it is too long', `/${'x'.repeat(200)}`],
    ["the abstract name is nobody's", '@portcullis-test-notify-nobody'],
  ])('when %s that is told once, and nothing throws', (_, notifySocket) => {
    const notifier = notifierFor({ NOTIFY_SOCKET: notifySocket });
    notifier.ready('');
    notifier.status('');
    notifier.stopping('');
    notifier.close();
    notifier.close();
    expect(failures).toHaveLength(1);
  });

  test('an abstract name reaches its socket', () => {
    const fake = new FakeNative();
    const { sockets } = fake;
    const sent: string[] = [];
    const spying = Object.assign(Object.create(sockets) as typeof sockets, {
      sendTo: (_fd: number, bytes: Uint8Array, path: string) =>
        sent.push(`${path} ${Buffer.from(bytes).toString()}`),
    });
    notifierFor({ NOTIFY_SOCKET: '@/org/x' }, { native: { files: fake.files, sockets: spying } }).ready('s');
    expect(sent).toEqual(['@/org/x READY=1\nMAINPID=42\nSTATUS=s']);
  });

  test('without NOTIFY_SOCKET nothing is opened and nothing is done', async () => {
    const refuse = (): never => {
      throw new Error('called');
    };
    const silent = {
      files: native.files,
      sockets: { ...native.sockets, createDatagram: refuse, sendTo: refuse },
    };
    const notifier = notifierFor({ NOTIFY_SOCKET: '', WATCHDOG_USEC: '1000' }, { native: silent });
    notifier.ready('');
    notifier.reloading('');
    notifier.reloaded('');
    notifier.status('');
    notifier.stopping('');
    expect(await notifier.extendWhile(Promise.resolve(7))).toBe(7);
    expect(failures).toEqual([]);
  });

  test('feeds the watchdog from READY on, and only while the daemon can judge', async () => {
    let healthy = true;
    const changes: boolean[] = [];
    const notifier = notifierFor(
      { WATCHDOG_USEC: '40000', WATCHDOG_PID: '42' },
      { isHealthy: () => healthy, onHealthChange: (now) => changes.push(now) },
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(received()).toEqual([]);
    notifier.ready('');
    const fed = await receivedUntil(
      (messages) => messages.filter((text) => text === 'WATCHDOG=1').length >= 3,
    );
    expect(fed).toContain('WATCHDOG=1');
    healthy = false;
    while (changes.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    received();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(received()).toEqual([]);
    healthy = true;
    expect(await receivedUntil(({ length }) => length > 0)).toContain('WATCHDOG=1');
    expect(changes).toEqual([false, true]);
  });

  test.each([
    ['it is meant for another process', { WATCHDOG_USEC: '40000', WATCHDOG_PID: '43' }],
    ['it is no number', { WATCHDOG_USEC: 'soon' }],
    ['it is zero', { WATCHDOG_USEC: '0' }],
  ])('no watchdog when %s', async (_, env) => {
    notifierFor(env).ready('');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(received()).toEqual(['READY=1\nMAINPID=42\nSTATUS=']);
  });
});
