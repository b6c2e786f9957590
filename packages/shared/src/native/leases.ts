import { failedCall, lastErrno } from './libc.js';
import type { Libc } from './libc.js';
import type { LeaseApi } from './native-api.js';

// asm-generic/fcntl.h, linux/fcntl.h
const F_SETSIG = 10;
const F_SETOWN_EX = 15;
const F_OWNER_TID = 0;
const F_SETLEASE = 1024;
const F_GETLEASE = 1025;
const F_RDLCK = 0;
const F_UNLCK = 2;
const EAGAIN = 11;

export function createLeaseApi(libc: Libc): LeaseApi {
  const owner = Buffer.alloc(8); // struct f_owner_ex: i32 type, i32 id
  owner.writeInt32LE(F_OWNER_TID, 0);
  return {
    probe(fd) {
      if (libc.fcntl(fd, F_SETLEASE, F_RDLCK) === 0) {
        // A lease left behind would hold up the next writer; the fd is ours, so this cannot fail but for a bug.
        return libc.fcntl(fd, F_SETLEASE, F_UNLCK) === 0 ? 'noWriter' : 'unsupported';
      }
      return lastErrno() === EAGAIN ? 'writer' : 'unsupported';
    },
    hold(fd, { signal, threadId }) {
      owner.writeInt32LE(threadId, 4);
      // Before the lease: a writer that comes at once must find where to send the signal. F_SETLEASE keeps an owner that is there.
      if (libc.fcntl(fd, F_SETSIG, signal) !== 0) return 'unsupported';
      if (libc.fcntlPointer(fd, F_SETOWN_EX, owner) !== 0) return 'unsupported';
      if (libc.fcntl(fd, F_SETLEASE, F_RDLCK) === 0) return 'held';
      return lastErrno() === EAGAIN ? 'writer' : 'unsupported';
    },
    release(fd) {
      // EAGAIN: there is none; EACCES: none is permitted. Whoever lets go has nobody to tell of anything else either.
      libc.fcntl(fd, F_SETLEASE, F_UNLCK);
    },
    isBeingBroken(fd) {
      const type = libc.fcntl(fd, F_GETLEASE, 0);
      return type >= 0 ? type !== F_RDLCK : failedCall('fcntl', { fd });
    },
  };
}
