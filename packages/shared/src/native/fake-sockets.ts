import type { FakeDisk, FakeInode } from './fake-disk.js';
import { S_IFSOCK } from './fake-disk.js';
import { systemError } from './fake-faults.js';
import type { FakeFaults } from './fake-faults.js';
import { FakeDatagram, FakeInheritedSocket, sendDatagram } from './fake-datagrams.js';
import type { FakeAbstractNames } from './fake-datagrams.js';
import { FakeSocket } from './fake-socket.js';
import type { FakeNetwork } from './fake-socket.js';
import { createFakeTcpCalls } from './fake-tcp.js';
import type { FakeTcpHost } from './fake-tcp.js';
import { WOULD_BLOCK } from './native-api.js';
import type { PeerCredentials, SocketApi, SocketDescription } from './native-api.js';

/** As the fence: sun_path with its NUL, the bytes of one receive, the bytes that may go with a descriptor. */
const SUN_PATH_BYTES = 108;
const RECEIVE_BYTES = 65_536;
const SEND_WITH_FD_BYTES_MAX = 4_352;
/** Nothing that a protocol of ours would understand. */
const OVERWRITTEN = 0xdd;
const NOBODY: PeerCredentials = { pid: 0, uid: 0xffff_ffff, gid: 0xffff_ffff };

interface SocketParts extends FakeNetwork {
  readonly disk: FakeDisk;
  readonly faults: FakeFaults;
  /** Who calls connect(2) and listen(2) at this moment. */
  readonly identity: () => PeerCredentials;
  readonly abstractNames: FakeAbstractNames;
  readonly tcpHost: FakeTcpHost;
}

type BoundSockets = Map<FakeInode, FakeSocket | FakeDatagram>;
type OpenSocket = (fd: number, syscall: string) => FakeSocket;

export function createFakeSockets(parts: SocketParts): SocketApi {
  const open = (fd: number, syscall: string): FakeSocket => {
    const description = parts.descriptors.get(fd, syscall);
    if (description instanceof FakeSocket) return description;
    const isSocket = description instanceof FakeDatagram || description instanceof FakeInheritedSocket;
    throw systemError(syscall, isSocket ? 'EOPNOTSUPP' : 'ENOTSOCK');
  };
  const bound: BoundSockets = new Map();
  return {
    ...createSetUp(parts, open, bound),
    ...createTraffic(parts, open),
    ...createDatagramCalls(parts, bound),
    ...createFakeTcpCalls(parts, open),
  };
}

type SetUpCalls =
  'createUnix' | 'pairOfPackets' | 'bindUnix' | 'listen' | 'connectUnix' | 'accept' | 'peerCredentials';

type DatagramCalls = 'createDatagram' | 'sendTo' | 'describe' | 'adopt';

function createSetUp(parts: SocketParts, open: OpenSocket, bound: BoundSockets): Pick<SocketApi, SetUpCalls> {
  const { descriptors, disk, faults, identity } = parts;
  return {
    createUnix() {
      faults.pass('createUnix');
      return descriptors.install(new FakeSocket(parts), 'socket');
    },
    pairOfPackets() {
      faults.pass('pairOfPackets');
      throw systemError('socketpair', 'ENOSYS');
    },
    bindUnix(fd, path) {
      faults.pass('bindUnix');
      requireSocketPath(path);
      const description = descriptors.get(fd, 'bind');
      const socket = description instanceof FakeDatagram ? description : open(fd, 'bind');
      const isFresh = socket instanceof FakeDatagram || socket.state.name === 'fresh';
      if (socket.unbind !== undefined || !isFresh) throw systemError('bind', 'EINVAL');
      if (disk.find(path, { follow: false }) !== undefined) throw systemError('bind', 'EADDRINUSE', { path });
      if (disk.parentOf(path) === undefined) throw systemError('bind', 'ENOENT', { path });
      const inode = disk.create(path, S_IFSOCK | 0o755, identity().uid);
      bound.set(inode, socket);
      socket.unbind = () => bound.delete(inode);
    },
    listen(fd, backlog) {
      faults.pass('listen');
      open(fd, 'listen').listen(backlog, identity());
    },
    connectUnix(fd, path) {
      if (faults.wouldBlock('connectUnix')) return 'inProgress';
      requireSocketPath(path);
      const client = open(fd, 'connect');
      const listener = bound.get(disk.require(path, 'connect'));
      if (listener === undefined) throw systemError('connect', 'ECONNREFUSED', { path });
      if (listener instanceof FakeDatagram) throw systemError('connect', 'EPROTOTYPE', { path });
      return listener.admit(client, identity()) ? 'connected' : 'inProgress';
    },
    accept(fd) {
      if (faults.wouldBlock('accept')) return WOULD_BLOCK;
      const listener = open(fd, 'accept4');
      if (listener.nextWaiting() === undefined) return WOULD_BLOCK;
      descriptors.requireRoom('accept4'); // With the table full the connection stays where it is.
      const server = listener.takeWaiting();
      return server === undefined ? WOULD_BLOCK : descriptors.install(server, 'accept4');
    },
    peerCredentials(fd) {
      faults.pass('peerCredentials');
      const { state } = open(fd, 'getsockopt');
      if (state.name === 'listening') return state.owner;
      return state.name === 'connected' ? state.credentials : NOBODY;
    },
  };
}

type TrafficCalls = 'receive' | 'send' | 'sendWithFd' | 'shutdownWrite' | 'shutdownBoth';

function createTraffic(parts: SocketParts, open: OpenSocket): Pick<SocketApi, TrafficCalls> {
  const { descriptors, faults } = parts;
  const lent = Buffer.alloc(RECEIVE_BYTES);
  /** As the fence: one memory for all receives. What a caller kept of the one before is no longer what it was. */
  const lend = (bytes: Buffer): Buffer => {
    lent.fill(OVERWRITTEN);
    lent.set(bytes);
    return lent.subarray(0, bytes.length);
  };
  return {
    receive(fd) {
      if (faults.wouldBlock('receive')) return undefined;
      const description = descriptors.get(fd, 'recvmsg');
      if (description instanceof FakeDatagram) {
        const bytes = description.receive(RECEIVE_BYTES);
        return bytes && { bytes: lend(bytes), fds: [] };
      }
      const socket = open(fd, 'recvmsg');
      const received = socket.receive('recvmsg', RECEIVE_BYTES);
      if (received === undefined) return undefined;
      const fds: number[] = [];
      for (const description of received.passed) {
        // recvmsg(2): what finds no number is dropped (MSG_CTRUNC), the bytes come all the same.
        if (descriptors.hasRoom) fds.push(descriptors.install(description, 'recvmsg'));
      }
      socket.discard(received.passed); // The message's own reference.
      return { bytes: lend(received.bytes), fds };
    },
    send(fd, bytes) {
      if (faults.wouldBlock('send')) return WOULD_BLOCK;
      const sent = open(fd, 'send').send('send', bytes);
      return sent === 0 && bytes.byteLength > 0 ? WOULD_BLOCK : sent;
    },
    sendWithFd(fd, bytes, passedFd) {
      if (faults.wouldBlock('sendWithFd')) return WOULD_BLOCK;
      const length = bytes.byteLength;
      if (length === 0 || length > SEND_WITH_FD_BYTES_MAX) throw systemError('sendmsg', 'EINVAL');
      const socket = open(fd, 'sendmsg');
      const sent = socket.send('sendmsg', bytes, descriptors.get(passedFd, 'sendmsg'));
      return sent === 0 ? WOULD_BLOCK : sent;
    },
    shutdownWrite(fd) {
      faults.pass('shutdownWrite');
      open(fd, 'shutdown').shutdownWrite();
    },
    shutdownBoth(fd) {
      faults.pass('shutdownBoth');
      open(fd, 'shutdown').shutdownBoth();
    },
  };
}

function createDatagramCalls(parts: SocketParts, bound: BoundSockets): Pick<SocketApi, DatagramCalls> {
  const { descriptors, faults, wakeups } = parts;
  return {
    createDatagram() {
      faults.pass('createDatagram');
      return descriptors.install(new FakeDatagram(wakeups), 'socket');
    },
    sendTo(fd, bytes, path) {
      if (faults.wouldBlock('sendTo')) return WOULD_BLOCK;
      if (path.startsWith('@')) requireAbstractName(path);
      else requireSocketPath(path);
      const description = descriptors.get(fd, 'sendto');
      if (description instanceof FakeSocket)
        throw systemError('sendto', description.state.name === 'connected' ? 'EISCONN' : 'EOPNOTSUPP');
      if (!(description instanceof FakeDatagram)) throw systemError('sendto', 'ENOTSOCK');
      return sendDatagram({ ...parts, bound }, bytes, path) ?? WOULD_BLOCK;
    },
    describe(fd) {
      faults.pass('describe');
      return descriptionOf(descriptors.get(fd, 'getsockopt'));
    },
    adopt(fd) {
      faults.pass('adopt');
      descriptors.get(fd, 'fcntl'); // Every fake descriptor is non-blocking and there is no exec.
    },
  };
}

function descriptionOf(description: unknown): SocketDescription {
  if (description instanceof FakeDatagram || description instanceof FakeInheritedSocket)
    return description.description;
  if (!(description instanceof FakeSocket)) throw systemError('getsockopt', 'ENOTSOCK');
  const family = description.addresses?.local.family ?? 'unix';
  return { family, type: 'stream', isListening: description.state.name === 'listening' };
}

function requireAbstractName(path: string): void {
  const nameBytes = Buffer.byteLength(path);
  if (nameBytes <= SUN_PATH_BYTES) return;
  throw systemError('bind', 'ENAMETOOLONG', { path, pathBytesMax: SUN_PATH_BYTES });
}

function requireSocketPath(path: string): void {
  const pathBytes = Buffer.byteLength(path);
  if (pathBytes > 0 && pathBytes < SUN_PATH_BYTES && !path.includes('\0')) return;
  throw systemError('bind', 'ENAMETOOLONG', { path, pathBytesMax: SUN_PATH_BYTES - 1 });
}
