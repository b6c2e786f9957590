import { isIPv4, isIPv6 } from 'node:net';
import type { FakeDescriptors, FakeWakeups } from './fake-descriptors.js';
import { systemError } from './fake-faults.js';
import type { FakeFaults } from './fake-faults.js';
import { FakeSocket } from './fake-socket.js';
import type { FakeNetwork } from './fake-socket.js';
import type { PeerCredentials, SocketApi, TcpAddress } from './native-api.js';

/** As net.ipv4.ip_local_port_range. */
const FIRST_FREE_PORT = 32_768;
const PORT_MAX = 0xffff;
const NOBODY: PeerCredentials = { pid: 0, uid: 0xffff_ffff, gid: 0xffff_ffff };

interface TcpParts extends FakeNetwork {
  readonly descriptors: FakeDescriptors;
  readonly wakeups: FakeWakeups;
  readonly faults: FakeFaults;
  readonly tcpHost: FakeTcpHost;
}

type OpenSocket = (fd: number, syscall: string) => FakeSocket;
type ConnectCalls = 'createTcp' | 'connectTcp' | 'connectError';
type TcpCalls = 'listenTcp' | 'tuneTcp' | 'localAddress' | 'peerAddress' | ConnectCalls;

/** The TCP ports of the fake host, all of whose addresses are its own. Wildcards stand for every address of their family. */
export class FakeTcpHost {
  readonly #listeners: { readonly at: TcpAddress; readonly socket: FakeSocket }[] = [];
  #nextPort = FIRST_FREE_PORT;

  /** bind(2). @returns the address with its port. */
  bind(socket: FakeSocket, wanted: TcpAddress): TcpAddress {
    const at = { ...wanted, port: wanted.port === 0 ? this.freePort() : wanted.port };
    const isTaken = this.#listeners.some((other) => other.at.port === at.port && overlaps(other.at, at));
    if (isTaken) throw systemError('bind', 'EADDRINUSE', { address: at.address, port: at.port });
    const listener = { at, socket };
    this.#listeners.push(listener);
    socket.unbind = () => {
      this.#listeners.splice(this.#listeners.indexOf(listener), 1);
    };
    return at;
  }

  find(to: TcpAddress): FakeSocket | undefined {
    return this.#listeners.find(({ at }) => at.port === to.port && overlaps(at, to))?.socket;
  }

  freePort(): number {
    if (this.#nextPort > PORT_MAX) throw systemError('bind', 'EADDRINUSE');
    this.#nextPort += 1;
    return this.#nextPort - 1;
  }
}

/** The calls of SocketApi that are TCP's. The stream itself behaves as an AF_UNIX one does, its resets included. */
export function createFakeTcpCalls(parts: TcpParts, open: OpenSocket): Pick<SocketApi, TcpCalls> {
  const { descriptors, faults, tcpHost } = parts;
  return {
    ...createConnectCalls(parts, open),
    listenTcp(at, backlog) {
      faults.pass('listenTcp');
      requireAddress(at);
      const socket = new FakeSocket(parts);
      const fd = descriptors.install(socket, 'socket');
      try {
        socket.addresses = { local: tcpHost.bind(socket, at), peer: undefined };
        socket.listen(backlog, NOBODY);
      } catch (error) {
        descriptors.close(fd);
        throw error;
      }
      return fd;
    },
    tuneTcp(fd) {
      faults.pass('tuneTcp');
      if (open(fd, 'setsockopt').addresses === undefined) throw systemError('setsockopt', 'ENOTSUP');
    },
    localAddress(fd) {
      faults.pass('localAddress');
      const { addresses } = open(fd, 'getsockname');
      if (addresses === undefined) throw systemError('getsockname', 'EAFNOSUPPORT');
      return addresses.local;
    },
    peerAddress(fd) {
      faults.pass('peerAddress');
      const { addresses } = open(fd, 'getpeername');
      if (addresses?.peer === undefined) throw systemError('getpeername', 'ENOTCONN');
      return addresses.peer;
    },
  };
}

/** As on Linux, a connection is `inProgress` even to the host itself; one that finds a full backlog stays so. */
function createConnectCalls(parts: TcpParts, open: OpenSocket): Pick<SocketApi, ConnectCalls> {
  const { descriptors, faults, tcpHost, wakeups } = parts;
  return {
    createTcp(family) {
      faults.pass('createTcp');
      const socket = new FakeSocket(parts);
      socket.addresses = {
        local: { family, address: family === 'inet' ? '0.0.0.0' : '::', port: 0 },
        peer: undefined,
      };
      return descriptors.install(socket, 'socket');
    },
    connectTcp(fd, at) {
      if (faults.wouldBlock('connectTcp')) return 'inProgress';
      requireAddress(at);
      const client = open(fd, 'connect');
      if (client.addresses?.local.family !== at.family) throw systemError('connect', 'EAFNOSUPPORT');
      if (client.state.name === 'connected') throw systemError('connect', 'EISCONN');
      if (client.connecting !== undefined) throw systemError('connect', 'EALREADY');
      const { address, port } = at;
      client.addresses = { local: { ...at, port: tcpHost.freePort() }, peer: at };
      const listener = tcpHost.find(at);
      const failure =
        listener === undefined ? systemError('connect', 'ECONNREFUSED', { address, port }) : undefined;
      if (listener?.admit(client, NOBODY) !== true) client.connecting = { failure };
      wakeups.notify();
      return 'inProgress';
    },
    connectError(fd) {
      faults.pass('connectError');
      const socket = open(fd, 'getsockopt');
      const failure = socket.connecting?.failure;
      if (failure !== undefined) socket.connecting = undefined;
      return failure;
    },
  };
}

/** Test side: a client elsewhere, connected. @returns its fd. @throws NativeError ECONNREFUSED. */
export function connectFakeTcp(parts: Omit<TcpParts, 'faults'>, to: TcpAddress): number {
  const listener = parts.tcpHost.find(to);
  const client = new FakeSocket(parts);
  const from = { ...to, port: parts.tcpHost.freePort() };
  client.addresses = { local: from, peer: to };
  if (listener?.admit(client, NOBODY) !== true) throw systemError('connect', 'ECONNREFUSED');
  return parts.descriptors.install(client, 'socket');
}

function overlaps(one: TcpAddress, other: TcpAddress): boolean {
  if (one.family !== other.family) return false;
  return one.address === other.address || [one, other].some(({ address }) => WILDCARDS.has(address));
}

const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

function requireAddress({ family, address, port }: TcpAddress): void {
  const isAddress = family === 'inet' ? isIPv4(address) : isIPv6(address);
  if (!isAddress || !Number.isInteger(port) || port < 0 || port > PORT_MAX) {
    throw systemError('bind', 'EINVAL', { address, port });
  }
}
