import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { makeTempDir } from '@portcullis/shared/testing';

export type DiskType = 'ext4' | 'xfs' | 'btrfs';

/** Sparse; xfs takes no less than 300 MB. */
const IMAGE_BYTES = 400 * 2 ** 20;
const RUN_MAX_MS = 30_000;
const QUICKLY: Readonly<Record<DiskType, readonly string[]>> = {
  ext4: ['-q', '-F', '-E', 'lazy_itable_init=1,lazy_journal_init=1'],
  xfs: ['-q'],
  btrfs: ['-q'],
};

/** Why there can be no such filesystem here; undefined when there can. */
export function whyNoDisk(type: DiskType): string | undefined {
  if (process.geteuid?.() !== 0) return 'needs root';
  try {
    run('sh', ['-c', `command -v mkfs.${type}`]);
    return undefined;
  } catch {
    return `mkfs.${type} is not installed (Debian packages e2fsprogs, xfsprogs, btrfs-progs)`;
  }
}

/** Mounts of one test, in a directory of its own; all gone, loop devices too, after `remove()`. */
export class MountsFixture {
  readonly #directory = makeTempDir('mounts-');
  readonly #mounted: string[] = [];

  get path(): string {
    return this.#directory.path;
  }

  directory(name: string): string {
    const path = `${this.path}/${name}`;
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** A new filesystem on a sparse file. */
  disk(type: DiskType, name: string = type): string {
    const image = this.image(type, name);
    const path = this.directory(name);
    // The loop device detaches itself at the last unmount.
    this.mount(['-t', type, '-o', 'loop', image], path);
    return path;
  }

  /** The image alone, to be mounted later. */
  image(type: DiskType, name: string = type): string {
    const image = `${this.path}/${name}.img`;
    writeFileSync(image, '');
    truncateSync(image, IMAGE_BYTES);
    run(`mkfs.${type}`, [...QUICKLY[type], image]);
    return image;
  }

  tmpfs(name: string): string {
    const path = this.directory(name);
    this.mount(['-t', 'tmpfs', '-o', 'size=16m', 'portcullis-test'], path);
    return path;
  }

  /** An overlay whose layers lie on `base`. */
  overlay(base: string, name: string): { merged: string; lower: string; upper: string } {
    const layers = { lower: `${base}/lower`, upper: `${base}/upper`, work: `${base}/work` };
    for (const path of Object.values(layers)) mkdirSync(path, { recursive: true });
    const merged = this.directory(name);
    const { lower, upper, work } = layers;
    const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    this.mount(['-t', 'overlay', '-o', options, 'portcullis-test'], merged);
    return { merged, lower, upper };
  }

  bind(from: string, name: string): string {
    const path = this.directory(name);
    this.mount(['--bind', from], path);
    return path;
  }

  mount(args: readonly string[], at: string): void {
    run('mount', [...args, at]);
    this.#mounted.push(at);
  }

  /** The topmost mount at this path. */
  unmount(at: string): void {
    run('umount', [at]);
    this.#mounted.splice(this.#mounted.lastIndexOf(at), 1);
  }

  /** Unmounts what is left, last first, and deletes the directory. */
  remove(): void {
    for (const at of [...this.#mounted].reverse()) {
      try {
        this.unmount(at);
      } catch {
        run('umount', ['--lazy', at]); // somebody is in there; gone when they are
        this.#mounted.splice(this.#mounted.lastIndexOf(at), 1);
      }
    }
    rmSync(this.path, { recursive: true, force: true, maxRetries: 3 });
  }
}

function run(program: string, args: readonly string[]): void {
  execFileSync(program, args, { stdio: 'pipe', timeout: RUN_MAX_MS, killSignal: 'SIGKILL' });
}
