import { readFile } from 'node:fs/promises';
import { constants } from '@portcullis/shared/native';
import type { NativeApi, PollHandle } from '@portcullis/shared/native';
import { expectErrno } from '../watch/probe-directory.js';

// linux/fanotify.h, Linux 6.14 (field notes 3.1 and 3.2).
const FAN_REPORT_MNT = 0x4000;
const FAN_MARK_MNTNS = 0x110;
const FAN_MNT_ATTACH = 0x0100_0000;
const FAN_MNT_DETACH = 0x0200_0000;

const OWN_NAMESPACE = '/proc/self/ns/mnt';
const MOUNT_TABLE = '/proc/self/mountinfo';
/** How often mounts are looked at where nothing tells of them. */
const POLL_MS = 1_000;
/** The same where something does: the marks are set again all the same, since ids and device numbers are reused. */
const TOLD_POLL_MS = 10_000;
/** After word of a change: a row of mounts is looked at once. */
const SETTLE_MS = 20;
/** Where many thousand mounts come and go, looking at them takes no more than a tenth of this thread. */
const REST_PER_LOOK = 10;
const READS_MAX = 64;

/**
 * Tells that mounts may have come or gone: at once through a fanotify group on this mount namespace (Linux 6.14), and
 * in any case every second (every ten where there is such a group). poll(2) of mountinfo with POLLPRI would tell as
 * well, but a mountinfo is always readable and koffi polls for nothing but readable, writable and disconnect.
 */
export class MountChanges {
  readonly #native: Pick<NativeApi, 'fanotify' | 'files' | 'poller'>;
  readonly #onChange: () => Promise<void>;
  readonly #onFailure: (error: unknown) => void;
  readonly #group: number | undefined;
  readonly #poll: PollHandle | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #record = Buffer.alloc(4_096);
  #settling: NodeJS.Timeout | undefined;
  #closed = false;
  /** How long the last look took. */
  #lookedMs = 0;

  /**
   * @param onChange - looks at the mounts
   * @param onFailure - told where that rejected
   */
  constructor(
    native: Pick<NativeApi, 'fanotify' | 'files' | 'poller'>,
    onChange: () => Promise<void>,
    onFailure: (error: unknown) => void,
  ) {
    this.#native = native;
    this.#onChange = onChange;
    this.#onFailure = onFailure;
    this.#group = openNamespaceGroup(native);
    if (this.#group !== undefined) {
      this.#poll = native.poller.watch(this.#group, { readable: true, writable: false }, () => {
        this.#onEvents();
      });
    }
    this.#timer = setInterval(
      () => {
        this.#change().catch(this.#onFailure);
      },
      this.isTold ? TOLD_POLL_MS : POLL_MS,
    );
    this.#timer.unref();
  }

  /** Whether the kernel tells; otherwise the table is only looked at every second. */
  get isTold(): boolean {
    return this.#group !== undefined;
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#settling);
    this.#poll?.close();
    if (this.#group !== undefined) this.#native.files.close(this.#group);
  }

  #onEvents(): void {
    if (this.#group === undefined || this.#closed) return;
    try {
      // What the events say is of no interest, and they carry no descriptors: the table says what is there now.
      for (let read = 0; read < READS_MAX; read += 1) {
        if (this.#native.fanotify.readEvents(this.#group, this.#record) <= 0) break;
      }
    } catch {
      this.#poll?.close(); // the interval goes on
    }
    this.#settling ??= setTimeout(
      () => {
        this.#settling = undefined;
        this.#change().catch(this.#onFailure);
      },
      SETTLE_MS + this.#lookedMs * REST_PER_LOOK,
    );
    this.#settling.unref();
  }

  async #change(): Promise<void> {
    const startedMs = performance.now();
    await this.#onChange();
    this.#lookedMs = performance.now() - startedMs;
  }
}

/** The mount table of this process as latin1, for `readMountTable`. @throws where there is no /proc. */
export function readMountInfo(): Promise<string> {
  return readFile(MOUNT_TABLE, 'latin1');
}

function openNamespaceGroup(native: Pick<NativeApi, 'fanotify' | 'files'>): number | undefined {
  let group: number | undefined;
  try {
    group = native.fanotify.createGroup(constants.FAN_CLOEXEC | constants.FAN_NONBLOCK | FAN_REPORT_MNT, 0);
    const mask = FAN_MNT_ATTACH | FAN_MNT_DETACH;
    native.fanotify.markPath(group, constants.FAN_MARK_ADD | FAN_MARK_MNTNS, mask, OWN_NAMESPACE);
    return group;
  } catch (error) {
    expectErrno(error); // an older kernel, or too many groups: the interval does
    if (group !== undefined) native.files.close(group);
    return undefined;
  }
}
