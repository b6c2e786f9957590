import { expect, test } from '@jest/globals';
import { SIGIO, SIGRTMIN } from '../native/constants.js';
import type { ReceivedSignal } from '../native/native-api.js';
import { codeOf } from './native-under-test.js';
import type { NativeUnderTest } from './native-under-test.js';

const SIGNAL = SIGRTMIN + 5;
const WAIT_MAX_MS = 5_000;

/** The part of the contract about leases that are held and the signals that break them; called inside a `describe`. */
export function leaseContract(current: () => NativeUnderTest): void {
  /** What the signal fd has to say, waited for through the poller, bounded. */
  const nextSignals = async (fd: number): Promise<ReceivedSignal[] | undefined> => {
    const { poller, signals } = current().native;
    return await new Promise((resolve) => {
      const timer = setTimeout(() => {
        done();
      }, WAIT_MAX_MS);
      const handle = poller.watch(fd, { readable: true, writable: false }, () => {
        done();
      });
      const done = (): void => {
        clearTimeout(timer);
        handle.close();
        resolve(signals.read(fd));
      };
    });
  };
  const openSignals = (): { fd: number; to: { signal: number; threadId: number } } => {
    const { signals } = current().native;
    signals.block([SIGNAL, SIGIO]);
    return { fd: signals.open([SIGNAL, SIGIO]), to: { signal: SIGNAL, threadId: signals.threadId() } };
  };
  const withFiles = (count: number): { path: string; fd: number }[] =>
    Array.from({ length: count }, (_, index) => {
      const path = `${current().directory}/file-${index}`;
      current().writeFile(path, 'content');
      return { path, fd: current().openFile(path, 'read') };
    });

  test('hold: a writer waits until release, and the thread is told which descriptor it is about', async () => {
    const { native, openForWriting } = current();
    const { leases, signals, files } = native;
    const { fd: signalFd, to } = openSignals();
    const held = withFiles(2);
    expect(held.map(({ fd }) => leases.hold(fd, to))).toEqual(['held', 'held']);
    expect(signals.read(signalFd)).toBeUndefined();
    expect(held.map(({ fd }) => leases.isBeingBroken(fd))).toEqual([false, false]);
    for (const { path, fd } of held.reverse()) {
      let isOpen = false;
      const opened = openForWriting(path).then(() => (isOpen = true));
      expect(await nextSignals(signalFd)).toEqual([{ signal: SIGNAL, fd }]);
      expect([isOpen, leases.isBeingBroken(fd)]).toEqual([false, true]);
      leases.release(fd);
      await opened;
      expect(leases.isBeingBroken(fd)).toBe(true);
    }
    expect(signals.read(signalFd)).toBeUndefined();
    for (const fd of [signalFd, ...held.map((file) => file.fd)]) files.close(fd);
  });

  test('hold: closing the descriptor lets the writer go on, too', async () => {
    const { native, openForWriting } = current();
    const { fd: signalFd, to } = openSignals();
    const [file] = withFiles(1);
    if (file === undefined) throw new Error('no file');
    expect(native.leases.hold(file.fd, to)).toBe('held');
    const opened = openForWriting(file.path);
    expect(await nextSignals(signalFd)).toEqual([{ signal: SIGNAL, fd: file.fd }]);
    native.files.close(file.fd);
    await opened;
    native.files.close(signalFd);
  });

  test('hold: several readers may, a second time changes nothing, and a writer stands in the way', () => {
    const { native, directory, openFile } = current();
    const { leases, files } = native;
    const { fd: signalFd, to } = openSignals();
    const [file] = withFiles(1);
    if (file === undefined) throw new Error('no file');
    const second = openFile(file.path, 'read');
    expect([file.fd, second, second].map((fd) => leases.hold(fd, to))).toEqual(['held', 'held', 'held']);
    const third = openFile(file.path, 'read');
    expect(leases.probe(third)).toBe('noWriter');
    leases.release(file.fd);
    expect([leases.isBeingBroken(file.fd), leases.isBeingBroken(second)]).toEqual([true, false]);
    leases.release(second);
    leases.release(second);
    const writer = openFile(file.path, 'write');
    expect([leases.hold(file.fd, to), leases.probe(file.fd)]).toEqual(['writer', 'writer']);
    const folder = openFile(directory, 'read');
    expect([folder, 1_000_000].map((fd) => leases.hold(fd, to))).toEqual(['unsupported', 'unsupported']);
    for (const fd of [signalFd, file.fd, second, third, writer, folder]) files.close(fd);
    leases.release(file.fd); // Nothing, whatever is or is not open under that number.
    expect(codeOf(() => leases.isBeingBroken(file.fd))).toBe('EBADF');
  });
  test('signals: what is no signal is EINVAL, and the thread has a number', () => {
    const { signals } = current().native;
    expect(signals.threadId()).toBeGreaterThan(0);
    for (const wrong of [0, 65, 1.5]) {
      expect(codeOf(() => signals.open([wrong]))).toBe('EINVAL');
      expect(
        codeOf(() => {
          signals.block([wrong]);
        }),
      ).toBe('EINVAL');
    }
  });
}
