import { open, readFile, readlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

// asm-generic/fcntl.h, the same on x86-64 and arm64; Node names no O_PATH.
const O_PATH = 0o10000000;
/** A local filesystem answers at once; where a server is away this thread of Node's pool is lost until it is back. */
const OPEN_MAX_MS = 5_000;
const MOUNT_ID = /^mnt_id:\s*(\d+)$/m;

/**
 * A path held by an O_PATH descriptor: which mount it leads to cannot change any more, whatever is mounted over it
 * meanwhile, so what was judged is what gets marked. Opening it raises no event and reads nothing.
 */
export interface PinnedPath {
  /** Of /proc/self/mountinfo, if read after this. */
  readonly mountId: number;
  /** As this process sees it, without symbolic links. */
  readonly realPath: string;
  /** Names the very object, for fanotify_mark(2), without a walk that could end elsewhere. */
  readonly magicLink: string;
  close(): Promise<void>;
}

/** Pins paths, each at most once at a time: one that hangs is not opened again while it does. */
export class PathPinner {
  readonly #hanging = new Set<string>();
  readonly #openMaxMs: number;

  constructor(openMaxMs: number = OPEN_MAX_MS) {
    this.#openMaxMs = openMaxMs;
  }

  /** Follows symbolic links. @throws with a code: as open(2), or ETIMEDOUT where it does not come back. */
  async pin(path: string): Promise<PinnedPath> {
    if (this.#hanging.has(path)) throw timedOut(path);
    const handle = await this.#open(path);
    const magicLink = `/proc/self/fd/${handle.fd}`;
    try {
      const facts = await readFile(`/proc/self/fdinfo/${handle.fd}`, 'latin1');
      const mountId = Number(MOUNT_ID.exec(facts)?.[1] ?? -1);
      return { mountId, realPath: await readlink(magicLink), magicLink, close: () => handle.close() };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async #open(path: string): Promise<FileHandle> {
    const opening = open(path, O_PATH);
    const abort = new AbortController();
    const late = delay(this.#openMaxMs, undefined, { signal: abort.signal, ref: false }).catch(
      () => undefined,
    );
    try {
      const first = await Promise.race([opening, late]);
      if (first !== undefined) return first;
    } finally {
      abort.abort();
    }
    this.#hanging.add(path);
    void this.#closeWhenItComes(path, opening);
    throw timedOut(path);
  }

  async #closeWhenItComes(path: string, opening: Promise<FileHandle>): Promise<void> {
    try {
      await (await opening).close();
    } catch {
      // It came back with an error: nothing to close.
    } finally {
      this.#hanging.delete(path);
    }
  }
}

function timedOut(path: string): Error {
  return Object.assign(new Error(`open: ETIMEDOUT: ${path}`), { code: 'ETIMEDOUT' });
}
