import { lastErrno } from './libc.js';
import type { Libc } from './libc.js';
import type { LeaseApi } from './native-api.js';

// asm-generic/fcntl.h, linux/fcntl.h
const F_SETLEASE = 1024;
const F_RDLCK = 0;
const F_UNLCK = 2;
const EAGAIN = 11;

export function createLeaseApi(libc: Libc): LeaseApi {
  return {
    probe(fd) {
      if (libc.fcntl(fd, F_SETLEASE, F_RDLCK) === 0) {
        // A lease left behind would hold up the next writer; the fd is ours, so this cannot fail but for a bug.
        return libc.fcntl(fd, F_SETLEASE, F_UNLCK) === 0 ? 'noWriter' : 'unsupported';
      }
      return lastErrno() === EAGAIN ? 'writer' : 'unsupported';
    },
  };
}
