import { failedCall, lastErrno } from './libc.js';
import type { Libc } from './libc.js';
import { NativeError } from './native-error.js';
import type { LimitApi } from './native-api.js';

const RLIMIT_NOFILE = 7;
const SIGIO = 29;
const SIG_IGN = 1;
const EPERM = 1;

export function createLimitApi(libc: Libc): LimitApi {
  /** @returns whether the kernel allowed it. */
  const setOpenFiles = (soft: bigint, hard: bigint): boolean => {
    const limit = Buffer.alloc(16); // struct rlimit: soft, hard
    limit.writeBigUInt64LE(soft, 0);
    limit.writeBigUInt64LE(hard, 8);
    if (libc.setrlimit(RLIMIT_NOFILE, limit) === 0) return true;
    const errno = lastErrno();
    if (errno === EPERM) return false;
    throw new NativeError('setrlimit', errno, { hard: Number(hard) });
  };
  return {
    raiseOpenFiles(wanted = 0) {
      const limit = Buffer.alloc(16);
      if (libc.getrlimit(RLIMIT_NOFILE, limit) !== 0) failedCall('getrlimit');
      const hard = limit.readBigUInt64LE(8);
      const higher = BigInt(wanted);
      if (higher > hard && setOpenFiles(higher, higher)) return wanted;
      if (!setOpenFiles(hard, hard)) throw new NativeError('setrlimit', EPERM, { hard: Number(hard) });
      return Number(hard);
    },
    ignoreLeaseSignal() {
      libc.signal(SIGIO, SIG_IGN);
    },
    trimHeap() {
      libc.mallocTrim?.(0);
    },
  };
}
