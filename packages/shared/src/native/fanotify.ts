import { cPath, failedCall, fixedMemory, lastErrno } from './libc.js';
import type { Libc } from './libc.js';
import { NativeError } from './native-error.js';
import { WOULD_BLOCK } from './native-api.js';
import type { FanotifyApi } from './native-api.js';

const AT_FDCWD = -100;
const EINTR = 4;
const EAGAIN = 11;
const RESPONSE_BYTES = 8;
const IOVEC_BYTES = 16;
/** Well under IOV_MAX (1,024); a caller with more answers calls again. */
const RESPONSES_MAX = 64;

export function createFanotifyApi(libc: Libc): FanotifyApi {
  const batch = layOutResponses();
  return {
    createGroup(flags, eventFlags) {
      const group = libc.fanotifyInit(flags, eventFlags);
      return group >= 0 ? group : failedCall('fanotify_init', { flags, eventFlags });
    },
    markPath(group, flags, mask, path) {
      if (libc.fanotifyMark(group, flags, mask, AT_FDCWD, cPath(path)) !== 0) {
        failedCall('fanotify_mark', { path, flags, mask });
      }
    },
    markFd(group, flags, mask, fd) {
      if (libc.fanotifyMark(group, flags, mask, fd, null) !== 0)
        failedCall('fanotify_mark', { fd, flags, mask });
    },
    readEvents(group, into) {
      const got = libc.read(group, into, into.byteLength);
      if (got >= 0) return got;
      const errno = lastErrno();
      if (errno === EAGAIN || errno === EINTR) return WOULD_BLOCK;
      throw new NativeError('read', errno, { group });
    },
    respond(group, responses, count) {
      const taken = Math.min(count, RESPONSES_MAX);
      batch.data.set(responses.subarray(0, taken * RESPONSE_BYTES), 0);
      const written = libc.writev(group, batch.iovecs, taken);
      return written >= 0 ? written / RESPONSE_BYTES : failedCall('writev', { group });
    },
  };
}

/** One iovec a response, since the kernel takes a single response from each (fanotify(7); measured). */
function layOutResponses() {
  const { view, address } = fixedMemory(RESPONSES_MAX * (IOVEC_BYTES + RESPONSE_BYTES));
  const dataAt = RESPONSES_MAX * IOVEC_BYTES;
  for (let index = 0; index < RESPONSES_MAX; index += 1) {
    view.writeBigUInt64LE(address + BigInt(dataAt + index * RESPONSE_BYTES), index * IOVEC_BYTES);
    view.writeBigUInt64LE(BigInt(RESPONSE_BYTES), index * IOVEC_BYTES + 8);
  }
  return { iovecs: view.subarray(0, dataAt), data: view.subarray(dataAt) };
}
