import type { NativeError } from './native-error.js';

/**
 * What the two programs ask of the operating system, with no koffi in sight. The real thing is
 * `openNative()`, the fake is `FakeNative`; both pass the same contract test.
 *
 * Every call throws {@link NativeError} on failure. "Would block" is no failure and is told by value.
 * Paths and names are strings in which bytes that are no UTF-8 stand as `decodePath` puts them; they are taken as such and
 * given as such.
 * Buffers lent to a call are free again when it returns. An fd that a signature *takes* belongs to the callee
 * afterwards; a *borrowed* one stays the caller's.
 */
export interface NativeApi {
  readonly files: FileApi;
  readonly leases: LeaseApi;
  readonly signals: SignalApi;
  readonly sockets: SocketApi;
  readonly fanotify: FanotifyApi;
  readonly inotify: InotifyApi;
  readonly limits: LimitApi;
  readonly patterns: PatternApi;
  readonly poller: Poller;
}

/** Returned by reading and sending calls when the fd is non-blocking and not ready. */
export const WOULD_BLOCK = -1;

/**
 * The fields of statx(2) that we use. The object is filled in place, so that a caller on a hot path can reuse it.
 * The inode number is kept in two halves, since a double holds only 53 bits of it.
 */
export interface FileStatus {
  devMajor: number;
  devMinor: number;
  inodeHigh: number;
  inodeLow: number;
  /** Bytes. */
  sizeBytes: number;
  /** Whole seconds since the epoch and the nanoseconds within that second. */
  mtimeSeconds: number;
  mtimeNs: number;
  ctimeSeconds: number;
  ctimeNs: number;
  /** File type and permission bits, as in inode(7). */
  mode: number;
  uid: number;
  linkCount: number;
  /** Of the mount it was reached through, never used again for another one (STATX_MNT_ID_UNIQUE); 0 before Linux 6.8. */
  mountId: number;
}

/** A file handle as name_to_handle_at(2) and fanotify's FID records give it. */
export interface FileHandle {
  /** The kernel's handle type, opaque. */
  readonly type: number;
  /** At most 128 bytes. */
  readonly bytes: Buffer;
}

export interface FileApi {
  /** read(2) at the shared offset into `into`; the bytes read, 0 at the end, or {@link WOULD_BLOCK}. Borrows the fd. */
  read(fd: number, into: Uint8Array): number;
  /** pread(2): never moves the shared offset. @returns the bytes read, 0 at the end. Borrows the fd. */
  readAt(fd: number, into: Uint8Array, offset: number): number;
  /**
   * preadv2(2) with RWF_NOWAIT: only what is in the page cache, so the caller waits for no disk and no server.
   * @returns the bytes read (fewer than asked for where the cache ends), 0 at the end of the file, or
   * {@link WOULD_BLOCK} when nothing is cached (the kernel may then have begun to fetch it), and where the filesystem
   * cannot tell (EOPNOTSUPP: FUSE, NFS, overlayfs, tmpfs, whose pages may be swapped out). Borrows the fd.
   */
  readAtIfCached(fd: number, into: Uint8Array, offset: number): number;
  /** close(2). Takes the fd. @throws NativeError EBADF only: a bug; what a filesystem says at the last close is dropped. */
  close(fd: number): void;
  /** statx(2) of an open fd. Borrows the fd. */
  status(fd: number, into: FileStatus): void;
  /**
   * fstatfs(2): f_type, the number of the filesystem's kind (statfs(2), linux/magic.h). Of FUSE and network filesystems
   * a server is asked. Borrows the fd.
   */
  filesystemType(fd: number): number;
  /** statx(2) of a path, without following a final symlink and without opening anything. */
  statusOfPath(path: string, into: FileStatus): void;
  /** readlink(2): the target's text, cut at 4,096 bytes; opens nothing. */
  readLink(path: string): string;
  /** name_to_handle_at(2), without following a final symlink; opens nothing. */
  handleOfPath(path: string): FileHandle;
  /**
   * open_by_handle_at(2) of a directory, non-blocking and close-on-exec. `mountFd`: any fd on the file system that the
   * handle is from. @returns the fd, the caller's; what it is called now is the link of `/proc/self/fd/N`. Borrows
   * `mountFd`. @throws NativeError ESTALE when the directory is gone, ENOTDIR for a handle of something else, EPERM
   * without CAP_DAC_READ_SEARCH; ENOENT or ELOOP are possible for handles that are no directory's.
   */
  openByHandle(mountFd: number, handle: FileHandle): number;
  /**
   * renameat2(2) with RENAME_NOREPLACE. Names are single components: no '/', neither '.' nor '..' (EINVAL).
   * Borrows the fds. @throws NativeError EEXIST when the target is taken, EXDEV across mounts, EINVAL also where the
   * file system cannot, ENOENT.
   */
  renameNoReplace(fromDirectoryFd: number, from: string, toDirectoryFd: number, to: string): void;
  /** unlinkat(2) of what is no directory. The name as with {@link renameNoReplace}. Borrows the fd. @throws NativeError ENOENT, EISDIR. */
  unlinkAt(directoryFd: number, name: string): void;
  /** The access mode the fd was opened with (fcntl F_GETFL): only the first two can be read from. */
  accessMode(fd: number): 'read' | 'readWrite' | 'write' | 'pathOnly';
  /**
   * fcntl(2) F_OFD_SETLK: an exclusive lock of the whole file, in conflict with the POSIX lock that clamd takes on its
   * LogFile, and with another one of ours. It belongs to the open file description and goes with the last descriptor of
   * that; a POSIX lock would go as soon as this process closes any descriptor of the same file, one that it has scanned
   * for instance. Our descriptors are close-on-exec: no program that we start keeps it. Borrows the fd.
   * @throws NativeError EBADF when the fd is not open for writing.
   */
  lockForWriting(fd: number): 'locked' | 'heldByOther';
  /**
   * dup2(2): `onto` afterwards refers to what `fd` refers to, survives an exec, and what it referred to before is
   * closed. Borrows both. @throws NativeError EBADF when `fd` is not open.
   */
  duplicateOnto(fd: number, onto: number): void;
  /**
   * memfd_create(2), close-on-exec, and not executable where the kernel knows that (MFD_NOEXEC_SEAL, Linux 6.3): an empty
   * file in memory, that ends with its last descriptor. Its pages count as this process's, or its cgroup's, memory. `name`:
   * what `/proc/self/fd/N` shows after `/memfd:`, at most 249 bytes. Written with node's fs.writeSync, at a position, and
   * read with {@link readAt}. @returns the fd, readable and writable, the caller's. @throws NativeError EINVAL for a
   * name that is too long or holds a NUL, EMFILE, ENFILE.
   */
  createMemoryFile(name: string): number;
}

/** What the read-lease probe found: `writer` = somebody has the file open for writing or mapped writable. */
export type LeaseProbe = 'noWriter' | 'writer' | 'unsupported';

export interface LeaseApi {
  /**
   * Takes and at once releases a read lease (fcntl(2) F_SETLEASE). The one cheap way to know that nobody,
   * the opener included, can write to the inode at this moment. Borrows the fd.
   */
  probe(fd: number): LeaseProbe;
  /**
   * Takes a read lease and keeps it (fcntl(2) F_SETLEASE F_RDLCK, F_SETSIG, F_SETOWN_EX with F_OWNER_TID). From then on
   * whoever opens the file for writing, or truncates it, waits (lease-break-time at most; EAGAIN with O_NONBLOCK) until
   * the lease is released, and the thread `threadId` is sent `signal` with the fd's number; when its queue of signals is
   * full, SIGIO instead. That thread must have blocked both (see {@link SignalApi}). The number sent is the one of this
   * call, even if the descriptor is reached through another. Ends with the last descriptor of the open file description.
   * Borrows the fd. @returns `writer` when somebody has the file open for writing or mapped writable.
   */
  hold(
    fd: number,
    to: { readonly signal: number; readonly threadId: number },
  ): 'held' | 'writer' | 'unsupported';
  /**
   * F_SETLEASE F_UNLCK; nothing where no lease is held, and none can be where the call is not permitted (CAP_LEASE). Never
   * throws. Borrows the fd.
   */
  release(fd: number): void;
  /** F_GETLEASE: whether somebody waits for the lease to go, and also where none is held. Borrows the fd. @throws NativeError EBADF. */
  isBeingBroken(fd: number): boolean;
}

/** One signal: its number and the descriptor it is about (ssi_fd, signalfd(2)); 0 for a signal that is about none. */
export interface ReceivedSignal {
  readonly signal: number;
  readonly fd: number;
}

/** Signals as events of one thread: blocked there, read there. One sent to a thread is read by that thread alone. */
export interface SignalApi {
  /** gettid(2) of the calling thread. */
  threadId(): number;
  /** pthread_sigmask(3) SIG_BLOCK in the calling thread, and in threads that it starts afterwards. */
  block(signals: readonly number[]): void;
  /** signalfd(2), non-blocking and close-on-exec. @returns the fd, the caller's, to be polled and read by the same thread. */
  open(signals: readonly number[]): number;
  /** At most 64 signals; undefined when none is there. Borrows the fd. */
  read(fd: number): ReceivedSignal[] | undefined;
}

/** Credentials of the process that called connect(2) or listen(2) at the other end (SO_PEERCRED, unix(7)). */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** One recvmsg(2): its bytes (empty: end of stream) and the descriptors that came with them, now the caller's. */
export interface ReceivedMessage {
  /** Lent: the next receive on this thread, of whichever socket, overwrites them. Whoever keeps them copies them. */
  readonly bytes: Buffer;
  readonly fds: readonly number[];
}

/** What a socket is, of which only the number is known: getsockopt(2) SO_DOMAIN, SO_TYPE, SO_ACCEPTCONN. */
export interface SocketDescription {
  readonly family: 'unix' | 'inet' | 'inet6' | 'other';
  readonly type: 'stream' | 'other';
  readonly isListening: boolean;
}

/** One end of a TCP connection, or where to listen. */
export interface TcpAddress {
  readonly family: 'inet' | 'inet6';
  /** `192.0.2.1`, or `2001:db8::1`, with a scope where one is needed: `fe80::1%eth0` or `fe80::1%2`. */
  readonly address: string;
  readonly port: number;
}

/** When an idle connection is probed: first after `idleSeconds`, then every `intervalSeconds`, up to `probesMax` times (tcp(7)). */
export interface TcpKeepAlive {
  readonly idleSeconds: number;
  readonly intervalSeconds: number;
  readonly probesMax: number;
}

export interface SocketApi {
  /** A non-blocking, close-on-exec AF_UNIX stream socket. The caller owns it. */
  createUnix(): number;
  /**
   * socketpair(2) of AF_UNIX SOCK_SEQPACKET: two close-on-exec, blocking ends, the caller's both. One send is one packet
   * and one receive, or nothing of it; a descriptor comes with its own packet. An end becomes non-blocking by
   * {@link adopt}, and the other one does not. Close-on-exec ends reach a child by its stdio alone (child_process).
   * @throws NativeError EMFILE, ENFILE.
   */
  pairOfPackets(): [number, number];
  /** bind(2). The path must fit sockaddr_un (107 bytes). Borrows the fd. */
  bindUnix(fd: number, path: string): void;
  /** listen(2). Borrows the fd. */
  listen(fd: number, backlog: number): void;
  /** connect(2); `inProgress` where the backlog is full: nothing is under way then, connect again. Borrows the fd. */
  connectUnix(fd: number, path: string): 'connected' | 'inProgress';
  /** accept4(2) on a stream socket of any family, non-blocking and close-on-exec. @returns the connection's fd, the caller's, or {@link WOULD_BLOCK}. */
  accept(fd: number): number;
  /**
   * One recvmsg(2) of at most 64 KiB; undefined when nothing is there. The bytes are lent until the next call (see
   * {@link ReceivedMessage}). Of a packet or datagram what is beyond 64 KiB is lost without a word (MSG_TRUNC). Where the
   * table of open files is full, descriptors are dropped and the bytes come all the same. Borrows the fd.
   *
   * On a blocking socket the thread waits until something comes, and undefined means a signal: ask again. Neither
   * `worker.terminate()` nor close(2) ends that wait, and process.exit() waits for the thread: use {@link shutdownBoth}.
   *
   * @throws NativeError ECONNRESET, once, when the other end closed with bytes or packets of ours unread; on a pair of
   * packets before what it had sent, which the next calls give.
   */
  receive(fd: number): ReceivedMessage | undefined;
  /**
   * send(2) without SIGPIPE. A packet of no bytes would read as the end of the stream. @returns the bytes taken (of a
   * packet all), or {@link WOULD_BLOCK}: no room now, or on a blocking socket, which waits for room, a signal. Borrows the
   * fd. @throws NativeError EPIPE when the other end is gone or shut, ECONNRESET as {@link receive}; EMSGSIZE for a packet
   * beyond the send buffer (net.core.wmem_default, 208 KiB).
   */
  send(fd: number, bytes: Uint8Array): number;
  /**
   * sendmsg(2) of 1 to 4,352 bytes (a path of 4,096 and what goes before it) with one descriptor (SCM_RIGHTS). Same
   * returns and errors. Borrows both fds. @throws NativeError EINVAL for another length; ETOOMANYREFS when more
   * descriptors of this user are under way than RLIMIT_NOFILE (without CAP_SYS_RESOURCE).
   */
  sendWithFd(fd: number, bytes: Uint8Array, passedFd: number): number;
  /** shutdown(2) of the sending side. Borrows the fd. */
  shutdownWrite(fd: number): void;
  /**
   * shutdown(2) of both sides of both ends: who waits in {@link receive} at either one, on whichever thread, gets what is
   * queued and then the end, and a send is EPIPE. Nothing where the peer is gone (ENOTCONN). Borrows the fd.
   */
  shutdownBoth(fd: number): void;
  /** Borrows the fd. */
  peerCredentials(fd: number): PeerCredentials;
  /** A non-blocking, close-on-exec AF_UNIX datagram socket. The caller owns it. */
  createDatagram(): number;
  /**
   * sendto(2), all or nothing, to the datagram socket at a path (107 bytes) or, when it begins with '@', under an
   * abstract name (sd_notify(3)). @returns the bytes sent, or {@link WOULD_BLOCK} while the receiver's queue is full.
   * @throws NativeError ENOENT, ECONNREFUSED where nobody receives; EMSGSIZE. Borrows the fd.
   */
  sendTo(fd: number, bytes: Uint8Array, path: string): number;
  /** Borrows the fd. @throws NativeError ENOTSOCK, EBADF. */
  describe(fd: number): SocketDescription;
  /** Makes an inherited descriptor non-blocking and close-on-exec (fcntl(2)). Borrows the fd. */
  adopt(fd: number): void;
  /**
   * A non-blocking, close-on-exec TCP socket that listens with SO_REUSEADDR, one of IPv6 for IPv6 only. Port 0 = any.
   * @returns the fd, the caller's. @throws NativeError EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EACCES; EINVAL for what is
   * no address of the family.
   */
  listenTcp(at: TcpAddress, backlog: number): number;
  /** A non-blocking, close-on-exec TCP socket. The caller owns it. @throws NativeError EAFNOSUPPORT. */
  createTcp(family: 'inet' | 'inet6'): number;
  /**
   * connect(2) on a socket of the address's family. `inProgress`: wait until the fd is ready, then ask
   * {@link connectError}. A connection that failed is told by the {@link Poller} as readable, one that came about as
   * writable. Borrows the fd. @throws NativeError ENETUNREACH, EADDRNOTAVAIL and what else is known at once; EINVAL for
   * what is no address of the family.
   */
  connectTcp(fd: number, at: TcpAddress): 'connected' | 'inProgress';
  /**
   * getsockopt(2) SO_ERROR: what the socket's connection came to, such as ECONNREFUSED, ETIMEDOUT; undefined: nothing to
   * complain of. It is taken: the next call does not say it again. Borrows the fd.
   */
  connectError(fd: number): NativeError | undefined;
  /** TCP_NODELAY and keep-alive probes. What is accepted from a listener has them from there. Borrows the fd. */
  tuneTcp(fd: number, options: { readonly keepAlive: TcpKeepAlive }): void;
  /** getsockname(2) of a TCP socket. Borrows the fd. */
  localAddress(fd: number): TcpAddress;
  /** getpeername(2) of a TCP connection; IPv4 that is mapped into IPv6 reads as IPv4. Borrows the fd. @throws NativeError ENOTCONN. */
  peerAddress(fd: number): TcpAddress;
}

export interface FanotifyApi {
  /** fanotify_init(2). @returns the group's fd, the caller's. */
  createGroup(flags: number, eventFlags: number): number;
  /** fanotify_mark(2) on a path (final symlink not followed with FAN_MARK_DONT_FOLLOW). Borrows the fd. */
  markPath(group: number, flags: number, mask: number, path: string): void;
  /** fanotify_mark(2) on the inode behind an open fd. Borrows both fds. */
  markFd(group: number, flags: number, mask: number, fd: number): void;
  /** One read(2) of the group. @returns the bytes read or {@link WOULD_BLOCK}. Borrows the fd. */
  readEvents(group: number, into: Uint8Array): number;
  /**
   * Writes `count` responses of 8 bytes each (fanotify(7)), with one writev(2) of one response an iovec: a plain
   * write of several would answer only the first. @returns how many were taken. Borrows the fd.
   */
  respond(group: number, responses: Uint8Array, count: number): number;
}

/** inotify(7). Records are read with {@link FileApi.read}, and a buffer too small for the next one is EINVAL. */
export interface InotifyApi {
  /** inotify_init1(2), non-blocking and close-on-exec. @returns the fd, the caller's. @throws NativeError EMFILE. */
  create(): number;
  /**
   * inotify_add_watch(2). @returns the watch descriptor; of an inode that is watched already the one it has, with the
   * mask replaced. Borrows the fd. @throws NativeError ENOENT, EACCES; ENOTDIR with IN_ONLYDIR; ENOSPC when the user's
   * watches are used up (fs.inotify.max_user_watches).
   */
  addWatch(fd: number, path: string, mask: number): number;
  /** inotify_rm_watch(2); IN_IGNORED follows as a record. Borrows the fd. @throws NativeError EINVAL for no such watch. */
  removeWatch(fd: number, watch: number): void;
}

export interface LimitApi {
  /**
   * Raises the soft RLIMIT_NOFILE to the hard one, and the hard one to `wanted` before where that is more and the kernel
   * allows it (CAP_SYS_RESOURCE, and no more than fs.nr_open). @returns the limit now in force, which may be lower than
   * `wanted`.
   */
  raiseOpenFiles(wanted?: number): number;
  /** Makes the process ignore SIGIO, which a broken lease would otherwise kill it with. */
  ignoreLeaseSignal(): void;
  /**
   * malloc_trim(3): gives the kernel back what the C library's heaps keep after free(3), of all threads; not V8's. Takes
   * the lock of one heap after the other, and some milliseconds a 100 MiB. Nothing where the C library has no such call
   * (musl).
   */
  trimHeap(): void;
}

/** A compiled POSIX extended regular expression. Belongs to the thread that compiled it. */
export interface PosixPattern {
  /**
   * Whether the expression matches somewhere in the text: its bytes up to a NUL, at most 4,097. False, too, where
   * memory runs out: what cannot be told is not excluded.
   */
  matches(text: Uint8Array): boolean;
}

export interface PatternApi {
  /**
   * regcomp(3) with REG_EXTENDED and REG_NOSUB, over bytes: nobody in Node calls setlocale(3), so the locale is C, as
   * clamd's always is (observed with 1.4.6). What is compiled stays until the process ends; at most 1,000 a thread.
   * @throws PatternError with regerror(3)'s text, or ours for one too many and for what `pattern-syntax.ts` refuses.
   */
  compile(pattern: Uint8Array): PosixPattern;
}

export interface ReadyEvents {
  readonly readable: boolean;
  readonly writable: boolean;
}

/** A watch on one fd. Closed once, before its thread ends: a live one at the end of a thread kills the process. */
export interface PollHandle {
  /** Changes what is waited for. */
  want(events: ReadyEvents): void;
  close(): void;
}

export interface Poller {
  /** Calls back on this thread's event loop while the fd is ready (level-triggered). Borrows the fd until `close()`. */
  watch(fd: number, events: ReadyEvents, onReady: (events: ReadyEvents) => void): PollHandle;
  /** How many handles are open on this thread. */
  readonly openHandles: number;
}
