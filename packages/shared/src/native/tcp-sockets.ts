import { failedCall, lastErrno } from './libc.js';
import type { Libc, SystemCall } from './libc.js';
import { NativeError } from './native-error.js';
import type { SocketApi } from './native-api.js';
import {
  AF_INET,
  AF_INET6,
  decodeTcpAddress,
  encodeTcpAddress,
  TCP_ADDRESS_BYTES,
} from './socket-address.js';

// sys/socket.h, asm-generic/socket.h, netinet/in.h, netinet/tcp.h
const SOCK_STREAM_CLOEXEC_NONBLOCK = 1 | 0o2000000 | 0o4000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_ERROR = 4;
const SO_KEEPALIVE = 9;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

const EINPROGRESS = 115;

type ConnectCalls = 'createTcp' | 'connectTcp' | 'connectError';
type TcpCalls = 'listenTcp' | 'tuneTcp' | 'localAddress' | 'peerAddress' | ConnectCalls;

/** What {@link SocketApi} can do on TCP alone. */
export function createTcpCalls(libc: Libc): Pick<SocketApi, TcpCalls> {
  const set = (fd: number, level: number, option: number, number: number): void => {
    value.writeInt32LE(number, 0);
    if (libc.setsockopt(fd, level, option, value, value.length) !== 0) failedCall('setsockopt', { fd });
  };
  const value = Buffer.alloc(4);
  const address = Buffer.alloc(TCP_ADDRESS_BYTES);
  const length = Buffer.alloc(4);
  const ask = (call: SystemCall, syscall: string, fd: number) => {
    length.writeUInt32LE(address.length, 0);
    if (call(fd, address, length) !== 0) failedCall(syscall, { fd });
    return decodeTcpAddress(libc, address);
  };
  return {
    ...createConnectCalls(libc),
    listenTcp(at, backlog) {
      const encoded = encodeTcpAddress(libc, at);
      const isInet = at.family === 'inet';
      const fd = libc.socket(isInet ? AF_INET : AF_INET6, SOCK_STREAM_CLOEXEC_NONBLOCK, 0);
      if (fd < 0) failedCall('socket');
      try {
        set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        if (!isInet) set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        if (libc.bind(fd, encoded, encoded.length) !== 0) failedAt('bind', at);
        if (libc.listen(fd, backlog) !== 0) failedAt('listen', at);
        return fd;
      } catch (error) {
        libc.close(fd);
        throw error;
      }
    },
    tuneTcp(fd, { keepAlive }) {
      set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
      set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
      set(fd, IPPROTO_TCP, TCP_KEEPIDLE, keepAlive.idleSeconds);
      set(fd, IPPROTO_TCP, TCP_KEEPINTVL, keepAlive.intervalSeconds);
      set(fd, IPPROTO_TCP, TCP_KEEPCNT, keepAlive.probesMax);
    },
    localAddress: (fd) => ask(libc.getsockname, 'getsockname', fd),
    peerAddress: (fd) => ask(libc.getpeername, 'getpeername', fd),
  };
}

function createConnectCalls(libc: Libc): Pick<SocketApi, ConnectCalls> {
  const value = Buffer.alloc(4);
  const length = Buffer.alloc(4);
  return {
    createTcp(family) {
      const fd = libc.socket(family === 'inet' ? AF_INET : AF_INET6, SOCK_STREAM_CLOEXEC_NONBLOCK, 0);
      return fd >= 0 ? fd : failedCall('socket', { family });
    },
    connectTcp(fd, at) {
      const encoded = encodeTcpAddress(libc, at);
      if (libc.connect(fd, encoded, encoded.length) === 0) return 'connected';
      const errno = lastErrno();
      if (errno === EINPROGRESS) return 'inProgress';
      throw new NativeError('connect', errno, { address: at.address, port: at.port });
    },
    connectError(fd) {
      length.writeUInt32LE(value.length, 0);
      if (libc.getsockopt(fd, SOL_SOCKET, SO_ERROR, value, length) !== 0) failedCall('getsockopt', { fd });
      const errno = value.readInt32LE(0);
      return errno === 0 ? undefined : new NativeError('connect', errno);
    },
  };
}

function failedAt(syscall: string, { address, port }: { address: string; port: number }): never {
  throw new NativeError(syscall, lastErrno(), { address, port });
}
