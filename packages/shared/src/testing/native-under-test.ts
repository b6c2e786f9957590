import type { FileApi, NativeApi, PeerCredentials, TcpAddress } from '../native/native-api.js';

/** One operating system under test, real or fake, with the hands a test needs in it. */
export interface NativeUnderTest {
  readonly native: NativeApi;
  /** Absolute, empty, ours to fill, on a file system with leases. */
  readonly directory: string;
  /** Who this process is. */
  readonly identity: PeerCredentials;
  readonly writeFile: (path: string, content: string) => void;
  readonly makeDirectory: (path: string) => void;
  /** rename(2). */
  readonly rename: (from: string, to: string) => void;
  /** unlink(2), or rmdir(2) of an empty directory. */
  readonly remove: (path: string) => void;
  readonly symlink: (target: string, path: string) => void;
  /** @returns the fd, the caller's. */
  readonly openFile: (path: string, access: ReturnType<FileApi['accessMode']>) => number;
  /** Whether `directory` is where RWF_NOWAIT works (preadv2(2)): ext4, xfs, btrfs; not tmpfs. */
  readonly tellsWhatIsCached: boolean;
  /** The file leaves the page cache, as far as the kernel lets it go. */
  readonly dropFromCache: (path: string) => void;
  /** Somebody opens the file for reading and writing, and closes it; settles when that is done. */
  readonly openForWriting: (path: string) => Promise<void>;
  /** Another process asks for a POSIX write lock. @returns what makes it let go, undefined if refused. Bounded in time. */
  readonly lockElsewhere: (path: string) => Promise<(() => Promise<void>) | undefined>;
  /** bind(2) to an abstract name, written with '@' as its first character. Borrows the fd. */
  readonly bindAbstract: (fd: number, name: string) => void;
  /** Another process connects. @returns that end's fd, the caller's. */
  readonly connectTcp: (to: TcpAddress) => number;
  /** Descriptors open in this process. */
  readonly countOpenFds: () => number;
  readonly dispose: () => void;
}

/** What a call throws, by its code; undefined when it throws nothing. */
export function codeOf(call: () => unknown): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    return typeof error === 'object' && error !== null && 'code' in error ? error.code : error;
  }
}
