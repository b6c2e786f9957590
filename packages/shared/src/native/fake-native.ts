import { FAN_CLOSE_WRITE } from './constants.js';
import { FakeDescriptors, FakeWakeups } from './fake-descriptors.js';
import { FakeDatagram, FakeInheritedSocket } from './fake-datagrams.js';
import { createFakeDirectoryCalls } from './fake-directory-calls.js';
import { FakeDisk } from './fake-disk.js';
import { FakeFanotify } from './fake-fanotify.js';
import { FakeFaults } from './fake-faults.js';
import type { ErrnoCode, FakeCall } from './fake-faults.js';
import { createFakeFiles, FakeFile } from './fake-files.js';
import type { FakeAccess } from './fake-files.js';
import { createFakeInotify, FakeInotify } from './fake-inotify.js';
import { FakeLeases } from './fake-leases.js';
import { FakeOpener } from './fake-opener.js';
import { FakePoller } from './fake-poller.js';
import { FakeSignals } from './fake-signals.js';
import { createFakeSockets } from './fake-sockets.js';
import { connectFakeTcp, FakeTcpHost } from './fake-tcp.js';
import { bindLibc } from './libc.js';
import type {
  FanotifyApi,
  FileApi,
  InotifyApi,
  LeaseApi,
  LimitApi,
  NativeApi,
  PatternApi,
  PeerCredentials,
  Poller,
  SignalApi,
  SocketApi,
  SocketDescription,
  TcpAddress,
} from './native-api.js';
import { createPatternApi } from './posix-patterns.js';

export interface FakeNativeOptions {
  /** How much a peer may leave unread before a send would block. Bytes, default 64 KiB. */
  readonly sendBufferBytes?: number;
  /** The soft and the hard RLIMIT_NOFILE; default 1,024 and 4,096. */
  readonly openFilesSoft?: number;
  readonly openFilesHard?: number;
}

/**
 * An operating system in memory, for unit tests: one process under test (this API), its disk, and the other
 * processes of the host (`opener`). Passes the same contract test as the real fence.
 *
 * Not in it: permissions, blocking calls and pairs of packets, memory mappings and memory files (ENOSYS), events with names (FAN_REPORT_DFID_NAME gives a group
 * whose records the test pushes itself).
 */
export class FakeNative implements NativeApi {
  readonly files: FileApi;
  readonly leases: LeaseApi;
  readonly signals: SignalApi;
  readonly sockets: SocketApi;
  readonly fanotify: FanotifyApi;
  readonly inotify: InotifyApi;
  readonly limits: LimitApi;
  readonly patterns: PatternApi;
  readonly poller: Poller;
  /** Test side: what is on disk. */
  readonly disk = new FakeDisk();
  /** Test side: the other processes of the host. */
  readonly opener: FakeOpener;
  /** Test side: who the process under test is, as its peers see it. May be changed before each connect or listen. */
  identity: PeerCredentials = { pid: 1_000, uid: 0, gid: 0 };

  readonly #faults = new FakeFaults();
  readonly #descriptors: FakeDescriptors;
  readonly #events: FakeFanotify;
  readonly #abstractNames = new Map<string, FakeDatagram>();
  readonly #connectTcp: (to: TcpAddress) => number;
  #leaseSignalIgnored = false;

  constructor(options: FakeNativeOptions = {}) {
    const { sendBufferBytes = 65_536, openFilesSoft = 1_024, openFilesHard = 4_096 } = options;
    const wakeups = new FakeWakeups();
    const descriptors = new FakeDescriptors(this.#faults, openFilesSoft);
    const parts = { descriptors, wakeups, disk: this.disk, faults: this.#faults };
    this.#descriptors = descriptors;
    this.#events = new FakeFanotify(parts);
    this.files = { ...createFakeFiles(parts), ...createFakeDirectoryCalls(parts) };
    const signals = new FakeSignals(parts);
    const leases = new FakeLeases({ ...parts, signals });
    this.signals = signals;
    this.leases = leases;
    const network = { ...parts, sendBufferBytes, tcpHost: new FakeTcpHost() };
    this.sockets = createFakeSockets({
      ...network,
      identity: () => this.identity,
      abstractNames: this.#abstractNames,
    });
    this.#connectTcp = (to) => connectFakeTcp(network, to);
    this.fanotify = this.#events;
    this.inotify = createFakeInotify(parts);
    this.limits = this.#createLimits(openFilesHard);
    // Nothing of the host is in it, so the fake has the real thing; bound only where it is asked for.
    let patterns: PatternApi | undefined;
    this.patterns = { compile: (pattern) => (patterns ??= createPatternApi(bindLibc())).compile(pattern) };
    this.poller = new FakePoller(descriptors, wakeups);
    this.opener = new FakeOpener(this.disk, this.#events, leases);
  }

  /** Test side: descriptors the process under test holds: after its end, what it leaked. */
  get openFdCount(): number {
    return this.#descriptors.count;
  }

  /** Test side: permission events, queued or read, whose opener still waits. */
  get unansweredEvents(): number {
    return this.#events.unansweredEvents;
  }

  /** Test side: whether a broken lease would leave the process alive. */
  get leaseSignalIgnored(): boolean {
    return this.#leaseSignalIgnored;
  }

  /** Test side: the next call of that name fails once; several orders are met in turn. */
  failNext(call: FakeCall, code: ErrnoCode): void {
    this.#faults.order(call, code);
  }

  /** Test side: a descriptor of the process under test, opened without asking any group. @throws NativeError ENOENT. */
  openFile(path: string, access: FakeAccess = 'read'): number {
    const inode = this.disk.require(path, 'open');
    const parent = this.disk.parentOf(path);
    this.#descriptors.requireRoom('open');
    const file = new FakeFile(inode, path, access, () => {
      const about = { inode, path, parent, pid: this.identity.pid };
      if (file.writable) this.#events.tell({ ...about, mask: FAN_CLOSE_WRITE });
    });
    return this.#descriptors.install(file, 'open');
  }

  /** Test side: a socket made by whoever started us. @returns its fd. */
  inheritSocket(description: SocketDescription): number {
    return this.#descriptors.install(new FakeInheritedSocket(description), 'socket');
  }

  /** Test side: another process connects to a TCP listener. @returns that end's fd. @throws NativeError ECONNREFUSED. */
  connectTcp(to: TcpAddress): number {
    return this.#connectTcp(to);
  }

  /** Test side: bind(2) of a datagram socket to an abstract name, written with '@' as its first character. */
  bindAbstract(fd: number, name: string): void {
    const socket = this.#descriptors.get(fd, 'bind');
    if (!(socket instanceof FakeDatagram))
      throw new Error('the fake binds only datagram sockets to such names');
    this.#abstractNames.set(name, socket);
    socket.unbind = () => this.#abstractNames.delete(name);
  }

  /** Test side: how much of the file is in the page cache, from its start; everything unless told. Bytes. */
  setCached(path: string, cachedBytes: number): void {
    this.disk.require(path, 'open').cachedBytes = cachedBytes;
  }

  /**
   * Test side: another process of the host asks for its POSIX lock.
   * @returns what makes it let go; undefined when the lock is refused.
   */
  lockElsewhere(path: string): (() => void) | undefined {
    const inode = this.disk.require(path, 'open');
    if (inode.lockHolder !== undefined) return undefined;
    inode.lockHolder = {};
    return () => {
      inode.lockHolder = undefined;
    };
  }

  /** Test side: queues a raw record, such as one with names, at a group or an inotify fd of the process under test. */
  pushRecord(fd: number, bytes: Buffer): void {
    const description = this.#descriptors.find(fd);
    if (description instanceof FakeInotify) description.push(bytes);
    else this.#events.pushRecord(fd, bytes);
  }

  #createLimits(openFilesHard: number): LimitApi {
    let hard = openFilesHard;
    return {
      raiseOpenFiles: (wanted = 0) => {
        this.#faults.pass('raiseOpenFiles');
        if (this.identity.uid === 0) hard = Math.max(hard, wanted);
        this.#descriptors.openFilesMax = hard;
        return hard;
      },
      ignoreLeaseSignal: () => {
        this.#faults.pass('ignoreLeaseSignal');
        this.#leaseSignalIgnored = true;
      },
      trimHeap: () => {
        this.#faults.pass('trimHeap');
      },
    };
  }
}
