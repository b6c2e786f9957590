import { failedCall, lastErrno } from './libc.js';
import type { Libc } from './libc.js';
import type { ReceivedSignal, SignalApi } from './native-api.js';
import { NativeError } from './native-error.js';

const SIG_BLOCK = 0;
const SFD_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
/** The C library's sigset_t; the kernel uses its first 8 bytes. */
const SIGSET_BYTES = 128;
const SIGNAL_MAX = 64;
const SIGNALFD_SIGINFO_BYTES = 128;
const RECORDS_MAX = 64;
const FD_AT = 20;
const EINTR = 4;
const EAGAIN = 11;
const EINVAL = 22;

export function createSignalApi(libc: Libc): SignalApi {
  const records = Buffer.alloc(RECORDS_MAX * SIGNALFD_SIGINFO_BYTES);
  return {
    threadId: () => libc.gettid(),
    block(signals) {
      // pthread_sigmask returns the errno instead of setting it.
      const errno = libc.pthreadSigmask(SIG_BLOCK, signalSet(signals), null);
      if (errno !== 0) throw new NativeError('pthread_sigmask', errno);
    },
    open(signals) {
      const fd = libc.signalfd(-1, signalSet(signals), SFD_NONBLOCK_CLOEXEC);
      return fd >= 0 ? fd : failedCall('signalfd');
    },
    read(fd) {
      const got = libc.read(fd, records, records.length);
      if (got >= 0) return decodeSignals(records.subarray(0, got));
      const errno = lastErrno();
      if (errno === EAGAIN || errno === EINTR) return undefined;
      throw new NativeError('read', errno, { fd });
    },
  };
}

/** Signal N is bit N-1. */
function signalSet(signals: readonly number[]): Buffer {
  const set = Buffer.alloc(SIGSET_BYTES);
  for (const signal of signals) {
    if (!Number.isInteger(signal) || signal < 1 || signal > SIGNAL_MAX)
      throw new NativeError('sigaddset', EINVAL, { signal });
    const at = (signal - 1) >> 3;
    set.writeUInt8(set.readUInt8(at) | (1 << ((signal - 1) & 7)), at);
  }
  return set;
}

/** struct signalfd_siginfo, linux/signalfd.h. */
function decodeSignals(records: Buffer): ReceivedSignal[] {
  const received: ReceivedSignal[] = [];
  for (let at = 0; at + SIGNALFD_SIGINFO_BYTES <= records.length; at += SIGNALFD_SIGINFO_BYTES)
    received.push({ signal: records.readUInt32LE(at), fd: records.readInt32LE(at + FD_AT) });
  return received;
}
