import { failedCall } from './libc.js';
import type { Libc } from './libc.js';
import type { LimitApi } from './native-api.js';

const RLIMIT_NOFILE = 7;
const SIGIO = 29;
const SIG_IGN = 1;

export function createLimitApi(libc: Libc): LimitApi {
  return {
    raiseOpenFiles() {
      const limit = Buffer.alloc(16); // struct rlimit: soft, hard
      if (libc.getrlimit(RLIMIT_NOFILE, limit) !== 0) failedCall('getrlimit');
      const hard = limit.readBigUInt64LE(8);
      limit.writeBigUInt64LE(hard, 0);
      if (libc.setrlimit(RLIMIT_NOFILE, limit) !== 0) failedCall('setrlimit', { hard: Number(hard) });
      return Number(hard);
    },
    ignoreLeaseSignal() {
      libc.signal(SIGIO, SIG_IGN);
    },
  };
}
