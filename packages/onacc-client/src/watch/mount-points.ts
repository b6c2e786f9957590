import type { NativeApi } from '@portcullis/shared/native';
import { MountChanges, readMountInfo } from '../mounts/mount-changes.js';
import { readMountTable } from '../mounts/mount-table.js';

/**
 * Tells which mount points came, went or changed: below a root that uncovers or covers directories, and no event of a
 * directory tells of it. Owns what the mount changes are learned through.
 */
export class MountPoints {
  readonly #native: NativeApi;
  readonly #onChanged: (mountPoints: readonly string[]) => Promise<void>;
  readonly #onFailure: (error: unknown) => void;
  #changes: MountChanges | undefined;
  #known: ReadonlyMap<string, string> = new Map();
  #state: 'new' | 'open' | 'closed' = 'new';

  /**
   * @param onChanged - told after each word of a change, and every ten seconds at least, of the mount points where the table
   * shows one
   * @param onFailure - told where that rejected
   */
  constructor(
    native: NativeApi,
    onChanged: (mountPoints: readonly string[]) => Promise<void>,
    onFailure: (error: unknown) => void,
  ) {
    this.#native = native;
    this.#onChanged = onChanged;
    this.#onFailure = onFailure;
  }

  /** What is mounted by then is taken for granted: to be called before the trees are walked. */
  async open(): Promise<void> {
    const known = await readMounts();
    if (this.#state !== 'new') return;
    this.#state = 'open';
    this.#known = known ?? new Map<string, string>();
    this.#changes = new MountChanges(this.#native, () => this.#look(), this.#onFailure);
  }

  /** Idempotent. */
  close(): void {
    this.#state = 'closed';
    this.#changes?.close();
  }

  async #look(): Promise<void> {
    const now = await readMounts();
    if (now === undefined || this.#state !== 'open') return;
    const changed = new Set<string>();
    for (const [point, mounts] of now) if (this.#known.get(point) !== mounts) changed.add(point);
    for (const point of this.#known.keys()) if (!now.has(point)) changed.add(point);
    this.#known = now;
    // Also when there are none: the ids and device numbers of what is unmounted are used again for what is mounted next.
    await this.#onChanged([...changed]);
  }
}

/** What is mounted at each mount point, one over the other. Undefined where that cannot be read. */
async function readMounts(): Promise<Map<string, string> | undefined> {
  let table: string;
  try {
    table = await readMountInfo();
  } catch {
    return undefined;
  }
  const mounts = new Map<string, string>();
  for (const { id, device, root, mountPoint } of readMountTable(table)) {
    mounts.set(mountPoint, `${mounts.get(mountPoint) ?? ''} ${id} ${device} ${root}`);
  }
  return mounts;
}
