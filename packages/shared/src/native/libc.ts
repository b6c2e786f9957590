import koffi from 'koffi';
import { NativeError } from './native-error.js';
import { encodePath } from './path-bytes.js';

/** Calls that return -1 and set errno. */
export type SystemCall = (...args: unknown[]) => number;

/**
 * Binds the C library once. Only plain scalars and `void *` are used: koffi's named types are global to the process, and
 * a test runner that evaluates this module twice would trip over them.
 */
export function bindLibc() {
  if (koffi.sizeof('void *') !== 8) {
    throw new NativeError('koffi.sizeof', 38, { reason: 'only 64-bit platforms are supported' });
  }
  const lib = koffi.load(null);
  // koffi types functions as (...args: any[]) => any; this is the one place that says what they are.
  const bind = (definition: string): SystemCall => lib.func(definition) as SystemCall;
  return {
    read: bind('int64_t read(int, void *, size_t)'),
    pread: bind('int64_t pread64(int, void *, size_t, int64_t)'),
    preadv2: bind('int64_t preadv64v2(int, void *, int, int64_t, int)'),
    writev: bind('int64_t writev(int, void *, int)'),
    close: bind('int close(int)'),
    statx: bind('int statx(int, void *, int, unsigned int, void *)'),
    fstatfs: bind('int fstatfs(int, void *)'),
    readlink: bind('int64_t readlink(void *, void *, size_t)'),
    nameToHandleAt: bind('int name_to_handle_at(int, void *, void *, void *, int)'),
    openByHandleAt: bind('int open_by_handle_at(int, void *, int)'),
    memfdCreate: bind('int memfd_create(void *, unsigned int)'),
    renameat2: bind('int renameat2(int, void *, int, void *, unsigned int)'),
    unlinkat: bind('int unlinkat(int, void *, int)'),
    // fcntl is variadic in C; on x86-64 and arm64 Linux an int in third place travels the same way.
    fcntl: bind('int fcntl(int, int, int)'),
    // The same function for the commands that take a struct: variadic pointers travel in third place, too.
    fcntlPointer: bind('int fcntl(int, int, void *)'),
    dup2: bind('int dup2(int, int)'),
    socket: bind('int socket(int, int, int)'),
    socketpair: bind('int socketpair(int, int, int, void *)'),
    bind: bind('int bind(int, void *, uint32_t)'),
    listen: bind('int listen(int, int)'),
    connect: bind('int connect(int, void *, uint32_t)'),
    accept4: bind('int accept4(int, void *, void *, int)'),
    send: bind('int64_t send(int, void *, size_t, int)'),
    sendto: bind('int64_t sendto(int, void *, size_t, int, void *, uint32_t)'),
    sendmsg: bind('int64_t sendmsg(int, void *, int)'),
    recvmsg: bind('int64_t recvmsg(int, void *, int)'),
    shutdown: bind('int shutdown(int, int)'),
    getsockopt: bind('int getsockopt(int, int, int, void *, void *)'),
    setsockopt: bind('int setsockopt(int, int, int, void *, uint32_t)'),
    getsockname: bind('int getsockname(int, void *, void *)'),
    getpeername: bind('int getpeername(int, void *, void *)'),
    inetPton: bind('int inet_pton(int, void *, void *)'),
    // Its result is a pointer: the text is wanted from the buffer.
    inetNtop: lib.func('void inet_ntop(int, void *, void *, uint32_t)') as (...args: unknown[]) => void,
    ifNametoindex: bind('unsigned int if_nametoindex(void *)'),
    fanotifyInit: bind('int fanotify_init(unsigned int, unsigned int)'),
    fanotifyMark: bind('int fanotify_mark(int, unsigned int, uint64_t, int, void *)'),
    inotifyInit1: bind('int inotify_init1(int)'),
    inotifyAddWatch: bind('int inotify_add_watch(int, void *, uint32_t)'),
    inotifyRmWatch: bind('int inotify_rm_watch(int, int)'),
    gettid: bind('int gettid()'),
    pthreadSigmask: bind('int pthread_sigmask(int, void *, void *)'),
    signalfd: bind('int signalfd(int, void *, int)'),
    getrlimit: bind('int getrlimit(int, void *)'),
    setrlimit: bind('int setrlimit(int, void *)'),
    regcomp: bind('int regcomp(void *, void *, int)'),
    regexec: bind('int regexec(void *, void *, size_t, void *, int)'),
    regerror: bind('size_t regerror(int, void *, void *, size_t)'),
    regfree: lib.func('void regfree(void *)') as (regex: Uint8Array) => void,
    signal: lib.func('intptr_t signal(int, intptr_t)') as (signal: number, handler: number) => unknown,
    mallocTrim: bindIfThere(bind, 'int malloc_trim(size_t)'),
  };
}

/** For what not every C library has; koffi tells a missing symbol by an error without a code. */
function bindIfThere(bind: (definition: string) => SystemCall, definition: string): SystemCall | undefined {
  try {
    return bind(definition);
  } catch {
    return undefined;
  }
}

export type Libc = ReturnType<typeof bindLibc>;

/** errno of the call just made; only valid on the very next line. */
export function lastErrno(): number {
  return koffi.errno();
}

/** Throws what went wrong in the call just made. */
export function failedCall(syscall: string, context: Readonly<Record<string, string | number>> = {}): never {
  throw new NativeError(syscall, lastErrno(), context);
}

/** Memory at an address that never moves, for structs that point at each other. Lives as long as the process. */
export function fixedMemory(sizeBytes: number): { view: Buffer; address: bigint } {
  const pointer: unknown = koffi.alloc('uint8_t', sizeBytes);
  return { view: Buffer.from(koffi.view(pointer, sizeBytes)), address: koffi.address(pointer) };
}

/** Where the bytes lie, valid while `bytes` is reachable: V8 never moves memory once its address was asked for. */
export function addressOf(bytes: Uint8Array): bigint {
  return koffi.address(bytes);
}

/** A path as the kernel takes it: its bytes ({@link encodePath}) and a NUL. @throws NativeError EINVAL when it holds a NUL. */
export function cPath(path: string): Buffer {
  if (path.includes('\0')) throw new NativeError('path', 22, { reason: 'a path cannot hold a NUL byte' });
  return encodePath(`${path}\0`);
}
