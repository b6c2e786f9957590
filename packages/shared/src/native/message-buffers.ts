import { fixedMemory, lastErrno } from './libc.js';
import type { Libc } from './libc.js';
import { NativeError } from './native-error.js';
import { WOULD_BLOCK } from './native-api.js';
import type { ReceivedMessage } from './native-api.js';

// struct msghdr on a 64-bit platform: name, namelen, iov, iovlen, control, controllen, flags.
const MSGHDR_BYTES = 56;
const IOV_AT = 16;
const IOVLEN_AT = 24;
const CONTROL_AT = 32;
const CONTROLLEN_AT = 40;
const IOVEC_BYTES = 16;
// struct cmsghdr: u64 length including the header, int level, int type, then the data, padded to 8 bytes.
const CMSGHDR_BYTES = 16;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
/** The most descriptors the kernel puts in one message (SCM_MAX_FD, net/scm.h): none is ever cut off, so none leaks. */
const SCM_MAX_FD = 253;

const RECEIVE_BYTES = 65_536;
/** A path (PATH_MAX, 4,096) and what goes before it. */
const SEND_BYTES_MAX = 4_352;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const EINTR = 4;
const EAGAIN = 11;
const EINVAL = 22;

/**
 * sendmsg(2) and recvmsg(2) with their headers laid out once in memory that does not move, so that a call copies
 * nothing: what was received is a view, overwritten by the next receive. One set a thread.
 */
export function createMessageBuffers(libc: Libc) {
  const incoming = layOut(RECEIVE_BYTES, CMSGHDR_BYTES + SCM_MAX_FD * 4 + 4);
  const outgoing = layOut(SEND_BYTES_MAX, CMSGHDR_BYTES + 8);
  outgoing.control.writeBigUInt64LE(BigInt(CMSGHDR_BYTES + 4), 0);
  outgoing.control.writeInt32LE(SOL_SOCKET, 8);
  outgoing.control.writeInt32LE(SCM_RIGHTS, 12);

  return {
    receive(fd: number): ReceivedMessage | undefined {
      incoming.header.writeUInt32LE(incoming.control.length, CONTROLLEN_AT);
      const got = libc.recvmsg(fd, incoming.header, MSG_CMSG_CLOEXEC);
      if (got < 0) {
        const errno = lastErrno();
        if (errno === EAGAIN || errno === EINTR) return undefined;
        throw new NativeError('recvmsg', errno);
      }
      const controlBytes = incoming.header.readUInt32LE(CONTROLLEN_AT);
      return {
        bytes: incoming.data.subarray(0, got),
        fds: controlBytes === 0 ? NO_FDS : passedFds(incoming.control.subarray(0, controlBytes)),
      };
    },
    sendWithFd(fd: number, bytes: Uint8Array, passedFd: number): number {
      if (bytes.byteLength === 0 || bytes.byteLength > SEND_BYTES_MAX)
        throw new NativeError('sendmsg', EINVAL);
      outgoing.data.set(bytes, 0);
      outgoing.iovec.writeUInt32LE(bytes.byteLength, 8);
      outgoing.control.writeInt32LE(passedFd, CMSGHDR_BYTES);
      const sent = libc.sendmsg(fd, outgoing.header, MSG_NOSIGNAL);
      if (sent >= 0) return sent;
      const errno = lastErrno();
      if (errno === EAGAIN || errno === EINTR) return WOULD_BLOCK;
      throw new NativeError('sendmsg', errno);
    },
  };
}

const NO_FDS: readonly number[] = [];

/** One block of fixed memory: header, iovec, control, data, each pointing where it should. */
function layOut(dataBytes: number, controlBytes: number) {
  const paddedControl = Math.ceil(controlBytes / 8) * 8;
  const { view, address } = fixedMemory(MSGHDR_BYTES + IOVEC_BYTES + paddedControl + dataBytes);
  view.fill(0);
  const iovecAt = MSGHDR_BYTES;
  const controlAt = iovecAt + IOVEC_BYTES;
  const dataAt = controlAt + paddedControl;
  const header = view.subarray(0, MSGHDR_BYTES);
  const iovec = view.subarray(iovecAt, controlAt);
  header.writeBigUInt64LE(address + BigInt(iovecAt), IOV_AT);
  header.writeBigUInt64LE(1n, IOVLEN_AT);
  header.writeBigUInt64LE(address + BigInt(controlAt), CONTROL_AT);
  header.writeBigUInt64LE(BigInt(paddedControl), CONTROLLEN_AT);
  iovec.writeBigUInt64LE(address + BigInt(dataAt), 0);
  iovec.writeBigUInt64LE(BigInt(dataBytes), 8);
  return { header, iovec, control: view.subarray(controlAt, dataAt), data: view.subarray(dataAt) };
}

/** Every descriptor of every SCM_RIGHTS block; other kinds of ancillary data carry none. */
function passedFds(control: Buffer): number[] {
  const fds: number[] = [];
  let at = 0;
  while (at + CMSGHDR_BYTES <= control.length) {
    const length = control.readUInt32LE(at);
    if (length < CMSGHDR_BYTES) break;
    const end = Math.min(at + length, control.length);
    if (control.readInt32LE(at + 8) === SOL_SOCKET && control.readInt32LE(at + 12) === SCM_RIGHTS) {
      for (let fdAt = at + CMSGHDR_BYTES; fdAt + 4 <= end; fdAt += 4) fds.push(control.readInt32LE(fdAt));
    }
    at += Math.ceil(length / 8) * 8;
  }
  return fds;
}
