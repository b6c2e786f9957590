import { Worker } from 'node:worker_threads';
import type { NativeApi } from '@portcullis/shared/native';
import { readLeaseDevices } from './lease-devices.js';
import { LeaseReleaser } from './lease-releaser.js';
import { LeaseTable } from './lease-table.js';

/** However high the limit: each held file pins an inode and what belongs to it, some kilobytes of the kernel's memory. */
const HELD_MAX = 65_536;
/** Beyond the number of held descriptors, for all others: numbers are handed out from the lowest free one. */
const OTHER_DESCRIPTORS_MAX = 131_072;
/** A lease thread that has not ended so long after it was told to is not waited for. */
const STOP_MAX_MS = 500;

type LeaseNative = Pick<NativeApi, 'fanotify' | 'leases' | 'files'>;

/** How many descriptors may be held, of the process' limit: the rest is for events, sockets and files. */
export function leasesMax(openFilesMax: number): number {
  return Math.min(HELD_MAX, Math.floor((openFilesMax * 5) / 8));
}

/**
 * Starts the lease thread, before the gates and before the first mark, where it is of use.
 *
 * @param native - the calling thread's own
 * @returns when files may be held; undefined where none may: it is switched off, or no file system is there for good
 */
export async function startLeases(
  native: LeaseNative,
  options: {
    readonly enabled: boolean;
    readonly heldMax: number;
    readonly onTrouble: (message: string) => void;
  },
): Promise<LeaseOwner | undefined> {
  if (!options.enabled || options.heldMax < 1) return undefined;
  const devices = await readLeaseDevices(native.files);
  if (devices.length === 0) return undefined;
  const owner = new LeaseOwner(native, { ...options, devices });
  await owner.ready;
  return owner;
}

/** The lease thread and its table, as the main thread owns them. */
export class LeaseOwner {
  /** For {@link LeaseTable}, on every thread. */
  readonly memory: SharedArrayBuffer;
  /** Descriptors that may be held at a time. */
  readonly heldMax: number;
  /** `major:minor` of those whose files may be held: `GateSettings.leaseDevices`. */
  readonly devices: readonly string[];
  /** Resolves when files may be guarded, or never will be: the thread has ended. */
  readonly ready: Promise<void>;
  readonly #table: LeaseTable;
  readonly #thread: Worker;
  readonly #ended: Promise<void>;

  /** Starts the thread. Without it nothing is held, so its end is not fatal. */
  constructor(
    native: LeaseNative,
    options: {
      readonly heldMax: number;
      readonly devices: readonly string[];
      readonly onTrouble: (message: string) => void;
    },
  ) {
    const { heldMax, devices, onTrouble } = options;
    this.heldMax = heldMax;
    this.devices = devices;
    this.memory = LeaseTable.memory(heldMax, heldMax + OTHER_DESCRIPTORS_MAX);
    this.#table = new LeaseTable(this.memory);
    this.#thread = new Worker(new URL('./lease-thread.js', import.meta.url), {
      workerData: this.memory,
      name: 'leases',
    });
    this.#thread.on('error', (error) => {
      onTrouble(`the lease thread: ${String(error)}`);
    });
    this.#ended = new Promise((resolve) => {
      this.#thread.once('exit', () => {
        // Nobody reads the signals any more: a writer would wait for lease-break-time.
        this.#table.close();
        new LeaseReleaser(native, this.#table).releaseAll();
        resolve();
      });
    });
    const started = new Promise<void>((resolve) => {
      this.#thread.once('message', () => {
        resolve();
      });
    });
    this.ready = Promise.race([started, this.#ended]);
  }

  /** Descriptors that are held at the moment. */
  get held(): number {
    return this.#table.used;
  }

  /** How often somebody wanted to write to a held file. */
  get breaks(): number {
    return this.#table.breaks;
  }

  /** Has everything let go of within some tens of milliseconds: new signatures, another group. */
  releaseAll(): void {
    this.#table.askToDropAll();
  }

  /** Lets go of everything and ends the thread. After the gates: what they take later would not be let go of. */
  async stop(): Promise<void> {
    this.#table.close();
    this.#thread.postMessage('stop');
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_MAX_MS);
    });
    await Promise.race([this.#ended, tooLate]);
    clearTimeout(timer);
  }
}
