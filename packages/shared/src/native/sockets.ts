import { failedCall, lastErrno } from './libc.js';
import type { Libc } from './libc.js';
import { NativeError } from './native-error.js';
import { WOULD_BLOCK } from './native-api.js';
import type { PeerCredentials, SocketApi, SocketDescription } from './native-api.js';
import { createMessageBuffers } from './message-buffers.js';
import { AF_INET, AF_INET6 } from './socket-address.js';
import { createTcpCalls } from './tcp-sockets.js';

// sys/socket.h and asm-generic/socket.h
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_CLOEXEC_NONBLOCK = SOCK_CLOEXEC | 0o4000;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_ACCEPTCONN = 30;
const SO_DOMAIN = 39;
const SO_PEERCRED = 17;
const SHUT_WR = 1;
const SHUT_RDWR = 2;
const MSG_NOSIGNAL = 0x4000;
const SUN_PATH_BYTES = 108;

// fcntl(2)
const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const FD_CLOEXEC = 1;
const O_NONBLOCK = 0o4000;

const EINTR = 4;
const EAGAIN = 11;
const ENAMETOOLONG = 36;
const ENOTCONN = 107;
const EINPROGRESS = 115;

export function createSocketApi(libc: Libc): SocketApi {
  const message = createMessageBuffers(libc);
  return {
    ...createTcpCalls(libc),
    createUnix() {
      const fd = libc.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC_NONBLOCK, 0);
      return fd >= 0 ? fd : failedCall('socket');
    },
    pairOfPackets: () => pairOfPackets(libc),
    bindUnix(fd, path) {
      const address = unixAddress(path);
      if (libc.bind(fd, address, address.length) !== 0) failedCall('bind', { path });
    },
    listen(fd, backlog) {
      if (libc.listen(fd, backlog) !== 0) failedCall('listen');
    },
    connectUnix(fd, path) {
      const address = unixAddress(path);
      if (libc.connect(fd, address, address.length) === 0) return 'connected';
      const errno = lastErrno();
      if (errno === EAGAIN || errno === EINPROGRESS) return 'inProgress';
      throw new NativeError('connect', errno, { path });
    },
    accept(fd) {
      const connection = libc.accept4(fd, null, null, SOCK_CLOEXEC_NONBLOCK);
      if (connection >= 0) return connection;
      const errno = lastErrno();
      return errno === EAGAIN || errno === EINTR ? WOULD_BLOCK : failedWith('accept4', errno);
    },
    receive: (fd) => message.receive(fd),
    send(fd, bytes) {
      const sent = libc.send(fd, bytes, bytes.byteLength, MSG_NOSIGNAL);
      if (sent >= 0) return sent;
      const errno = lastErrno();
      return errno === EAGAIN || errno === EINTR ? WOULD_BLOCK : failedWith('send', errno);
    },
    sendWithFd: (fd, bytes, passedFd) => message.sendWithFd(fd, bytes, passedFd),
    ...createShutdownCalls(libc),
    peerCredentials: (fd) => peerCredentials(libc, fd),
    createDatagram() {
      const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC_NONBLOCK, 0);
      return fd >= 0 ? fd : failedCall('socket');
    },
    sendTo(fd, bytes, path) {
      const address = path.startsWith('@') ? abstractAddress(path) : unixAddress(path);
      const sent = libc.sendto(fd, bytes, bytes.byteLength, MSG_NOSIGNAL, address, address.length);
      if (sent >= 0) return sent;
      const errno = lastErrno();
      if (errno === EAGAIN || errno === EINTR) return WOULD_BLOCK;
      throw new NativeError('sendto', errno, { path });
    },
    describe: (fd) => describeSocket(libc, fd),
    adopt(fd) {
      addFlag(libc, fd, { get: F_GETFL, set: F_SETFL, flag: O_NONBLOCK });
      addFlag(libc, fd, { get: F_GETFD, set: F_SETFD, flag: FD_CLOEXEC });
    },
  };
}

function createShutdownCalls(libc: Libc): Pick<SocketApi, 'shutdownWrite' | 'shutdownBoth'> {
  return {
    shutdownWrite(fd) {
      if (libc.shutdown(fd, SHUT_WR) !== 0) failedCall('shutdown');
    },
    shutdownBoth(fd) {
      if (libc.shutdown(fd, SHUT_RDWR) === 0) return;
      const errno = lastErrno();
      if (errno !== ENOTCONN) throw new NativeError('shutdown', errno, { fd });
    },
  };
}

function failedWith(syscall: string, errno: number): never {
  throw new NativeError(syscall, errno);
}

function pairOfPackets(libc: Libc): [number, number] {
  const fds = Buffer.alloc(8); // int[2]
  if (libc.socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) !== 0) failedCall('socketpair');
  return [fds.readInt32LE(0), fds.readInt32LE(4)];
}

/** struct sockaddr_un (unix(7)): the path must leave room for its NUL. */
function unixAddress(path: string): Buffer {
  const bytes = Buffer.from(path);
  if (bytes.length === 0 || bytes.length >= SUN_PATH_BYTES || bytes.includes(0)) {
    throw new NativeError('bind', ENAMETOOLONG, { path, pathBytesMax: SUN_PATH_BYTES - 1 });
  }
  const address = Buffer.alloc(2 + bytes.length + 1);
  address.writeUInt16LE(AF_UNIX, 0);
  bytes.copy(address, 2);
  return address;
}

/** unix(7), abstract: a NUL in place of the '@', and the name ends where the address ends. */
function abstractAddress(path: string): Buffer {
  const name = Buffer.from(path);
  if (name.length > SUN_PATH_BYTES) {
    throw new NativeError('bind', ENAMETOOLONG, { path, pathBytesMax: SUN_PATH_BYTES });
  }
  const address = Buffer.alloc(2 + name.length);
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, 3, 1);
  return address;
}

function describeSocket(libc: Libc, fd: number): SocketDescription {
  const value = Buffer.alloc(4);
  const length = Buffer.alloc(4);
  const ask = (option: number): number => {
    length.writeUInt32LE(value.length, 0);
    if (libc.getsockopt(fd, SOL_SOCKET, option, value, length) !== 0) failedCall('getsockopt', { fd });
    return value.readInt32LE(0);
  };
  return {
    family: FAMILIES.get(ask(SO_DOMAIN)) ?? 'other',
    type: ask(SO_TYPE) === SOCK_STREAM ? 'stream' : 'other',
    isListening: ask(SO_ACCEPTCONN) !== 0,
  };
}

const FAMILIES: ReadonlyMap<number, SocketDescription['family']> = new Map([
  [AF_UNIX, 'unix'],
  [AF_INET, 'inet'],
  [AF_INET6, 'inet6'],
]);

function addFlag(
  libc: Libc,
  fd: number,
  { get, set, flag }: { get: number; set: number; flag: number },
): void {
  const flags = libc.fcntl(fd, get, 0);
  if (flags < 0 || libc.fcntl(fd, set, flags | flag) < 0) failedCall('fcntl', { fd });
}

/** struct ucred: pid, uid, gid. */
function peerCredentials(libc: Libc, fd: number): PeerCredentials {
  const credentials = Buffer.alloc(12);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(credentials.length, 0);
  if (libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length) !== 0) failedCall('getsockopt');
  return {
    pid: credentials.readInt32LE(0),
    uid: credentials.readUInt32LE(4),
    gid: credentials.readUInt32LE(8),
  };
}
