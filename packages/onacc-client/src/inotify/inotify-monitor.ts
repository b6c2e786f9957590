import { constants, decodePath, emptyFileStatus, NativeError, WOULD_BLOCK } from '@portcullis/shared/native';
import type { FanotifyApi, NativeApi, PollHandle } from '@portcullis/shared/native';
import { sameKey } from '../gate/file-key.js';
import type { FileKey } from '../gate/file-key.js';
import { OwnScans } from './own-scans.js';
import { VerdictCache } from '../gate/verdict-cache.js';
import { screenObject } from '../policy/screen.js';
import type { FileObserver, FileOutcome } from '../scan/file-observer.js';
import type { MarkTarget } from '../watch/mark-targets.js';
import { decodeInotifyEvents } from '../watch/decode-inotify-events.js';
import type { InotifyEvent } from '../watch/decode-inotify-events.js';

const { IN_CLOSE_WRITE, IN_IGNORED, IN_ISDIR, IN_MOVED_TO, IN_ONLYDIR, IN_OPEN, IN_Q_OVERFLOW } = constants;
const WATCHED = IN_ONLYDIR | IN_OPEN | IN_CLOSE_WRITE | IN_MOVED_TO;
const READ_BUFFER_BYTES = 65_536;
const READS_PER_TURN_MAX = 16;
const ENOSYS = 38;

export interface InotifyMonitorOptions {
  readonly native: Pick<NativeApi, 'files' | 'inotify' | 'poller'>;
  /** OnAccessMaxFileSize in bytes, `Infinity` for no limit. */
  readonly maxFileBytes: number;
  /** Versions of files that are remembered as clean; at least 4. */
  readonly cacheEntriesMax: number;
  /** A file was opened, written or moved in, and this version of it has not been found clean yet. Must not throw. */
  readonly onFile: (path: string) => void;
  /** Monotonic. */
  readonly nowMs: () => number;
  /** The kernel dropped events: what happened meanwhile is unknown. */
  readonly onOverflow: () => void;
  /** Reading failed for good. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * The last rung of the kernel interfaces: tells of opened, written and moved files by inotify(7), where there is no
 * fanotify or it is not to be used. Nobody waits and nobody is refused; who opened a file is unknown, so exclusions by
 * user do not hold. Main thread only.
 *
 * A version that was found clean is not told of again; any other is, whenever somebody opens it. Our own open of a file, to scan
 * it, is an event like any other: whoever scans has to tell of it ({@link FileObserver}).
 */
export class InotifyMonitor implements FileObserver {
  /** For a TreeWatcher: what it marks through instead of fanotify, and the one target. */
  readonly marks: FanotifyApi;
  readonly target: MarkTarget;
  readonly #options: InotifyMonitorOptions;
  readonly #instance: number;
  readonly #poll: PollHandle;
  readonly #judged: VerdictCache;
  readonly #ownScans: OwnScans;
  /** A directory's path as of its last marking: the watcher marks anew what was renamed. */
  readonly #pathOf = new Map<number, string>();
  readonly #buffer = Buffer.alloc(READ_BUFFER_BYTES);
  readonly #status = emptyFileStatus();
  #isClosed = false;

  /** @throws NativeError EMFILE (fs.inotify.max_user_instances, or descriptors), ENOSYS. */
  constructor(options: InotifyMonitorOptions) {
    this.#options = options;
    const { native } = options;
    this.#judged = new VerdictCache(options.cacheEntriesMax);
    this.#ownScans = new OwnScans(options.nowMs);
    this.#instance = native.inotify.create();
    this.marks = this.#marks();
    this.target = { group: this.#instance, mask: WATCHED };
    this.#poll = native.poller.watch(this.#instance, { readable: true, writable: false }, () => {
      this.#read();
    });
  }

  /** How many directories are watched. */
  get watches(): number {
    return this.#pathOf.size;
  }

  /** The signatures changed: what was judged is unknown again. */
  forgetJudged(): void {
    this.#judged.flush();
  }

  onBegin(path: string): void {
    this.#ownScans.begin(path, this.#judged.generation);
  }

  onEnd(path: string, outcome: FileOutcome): void {
    const ended = this.#ownScans.end(path, outcome.kind === 'clean');
    if (ended === undefined) return;
    if (outcome.kind === 'clean') this.#judged.store(outcome.key, ended.generation);
    if (ended.isChanged && !this.#isClosed) this.#look(path, outcome.key);
  }

  /** Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#poll.close();
    this.#options.native.files.close(this.#instance);
  }

  #read(): void {
    const { files } = this.#options.native;
    for (let reads = 0; reads < READS_PER_TURN_MAX && !this.#isClosed; reads += 1) {
      let gotBytes: number;
      try {
        gotBytes = files.read(this.#instance, this.#buffer);
      } catch (error) {
        this.close();
        this.#options.onFailure(error);
        return;
      }
      if (gotBytes === WOULD_BLOCK || gotBytes === 0) return;
      for (const event of decodeInotifyEvents(this.#buffer.subarray(0, gotBytes)).events) this.#take(event);
    }
  }

  #take({ watch, mask, name }: InotifyEvent): void {
    if ((mask & IN_Q_OVERFLOW) !== 0) {
      this.#judged.flush();
      this.#options.onOverflow();
      return;
    }
    if ((mask & IN_IGNORED) !== 0) {
      this.#pathOf.delete(watch);
      return;
    }
    const directory = this.#pathOf.get(watch);
    if (directory === undefined || (mask & IN_ISDIR) !== 0 || name.length === 0) return;
    const path = `${directory}/${decodePath(name)}`;
    const isOpen = (mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) === 0;
    if (!this.#ownScans.explains(path, isOpen)) this.#look(path);
  }

  /** Asks without opening: an open would be an event again. */
  #look(path: string, justJudged?: FileKey): void {
    const { native, maxFileBytes, onFile } = this.#options;
    try {
      native.files.statusOfPath(path, this.#status);
    } catch {
      return; // gone again
    }
    if (screenObject(this.#status, maxFileBytes).kind !== 'scan' || this.#judged.has(this.#status)) return;
    if (justJudged !== undefined && sameKey(this.#status, justJudged)) return;
    this.#ownScans.expect(path, this.#judged.generation);
    onFile(path);
  }

  /** Watches in the place of marks. There are no groups: whoever asks for one is told that there is no fanotify. */
  #marks(): FanotifyApi {
    const { inotify } = this.#options.native;
    const missing = (syscall: string) => (): never => {
      throw new NativeError(syscall, ENOSYS);
    };
    return {
      createGroup: missing('fanotify_init'),
      readEvents: missing('read'),
      respond: missing('write'),
      markPath: (instance, flags, mask, path) => {
        if ((flags & constants.FAN_MARK_ADD) === 0) return;
        this.#pathOf.set(inotify.addWatch(instance, path, mask & WATCHED), path);
      },
      markFd: (instance, flags, _mask, fd) => {
        if ((flags & constants.FAN_MARK_REMOVE) === 0) return;
        // The magic link leads to the inode wherever it is now; adding again gives the watch that it has.
        const watch = inotify.addWatch(instance, `/proc/self/fd/${fd}`, WATCHED);
        this.#pathOf.delete(watch);
        inotify.removeWatch(instance, watch);
      },
    };
  }
}
