import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { constants, openNative, WOULD_BLOCK } from '@portcullis/shared/native';
import type { NativeApi } from '@portcullis/shared/native';

const { FAN_CLASS_NOTIF, FAN_CLOEXEC, FAN_NONBLOCK, FAN_OPEN } = constants;
export const native = openNative();
const buffer = Buffer.alloc(65_536);

/** A group that is only told of opens, so that nothing here can hold anyone up. */
export class OpenListener {
  readonly group = native.fanotify.createGroup(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK, 0);
  readonly mask = FAN_OPEN;

  /** How many open events wait; reads them away and closes their fds. */
  take(): number {
    let events = 0;
    for (;;) {
      const got = native.fanotify.readEvents(this.group, buffer);
      if (got === WOULD_BLOCK) return events;
      for (let at = 0; at < got; at += buffer.readUInt32LE(at)) {
        const fd = buffer.readInt32LE(at + 16);
        if (fd >= 0) native.files.close(fd);
        events += 1;
      }
    }
  }

  /** Whether an open of a new file in the directory is seen. */
  sees(directory: string | Buffer): boolean {
    const file = Buffer.concat([Buffer.from(directory), Buffer.from('/seen-or-not')]);
    this.take();
    writeFileSync(file, 'x');
    readFileSync(file);
    rmSync(file);
    return this.take() > 0;
  }

  close(): void {
    native.files.close(this.group);
  }
}

/** As on a file system that has no file handles. */
export function withoutHandles(): NativeApi {
  const files = {
    ...native.files,
    handleOfPath: () => {
      throw Object.assign(new Error('no handles'), { code: 'ENOTSUP' });
    },
  };
  return { ...native, files };
}

/** The inodes that a group has marked, as the kernel lists them (proc(5), fdinfo). */
export function markedInodes(group: number): number[] {
  const lines = readFileSync(`/proc/self/fdinfo/${group}`, 'latin1').matchAll(/^fanotify ino:([0-9a-f]+)/gm);
  return Array.from(lines, (line) => parseInt(line[1] ?? '', 16));
}

/** The fanotify marks and inotify watches of every descriptor of this process. */
export function marksOfProcess(): number {
  let marks = 0;
  for (const fd of readdirSync('/proc/self/fdinfo')) {
    const path = `/proc/self/fdinfo/${fd}`;
    if (!existsSync(path)) continue;
    marks += Array.from(readFileSync(path, 'latin1').matchAll(/^(fanotify ino:|inotify wd:)/gm)).length;
  }
  return marks;
}

/** Waits until the condition holds; the tests have nothing else to wait for than the event loop. */
export async function until(condition: () => boolean, what: string, waitMs = 60_000): Promise<void> {
  const endMs = performance.now() + waitMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`still not so after ${waitMs} ms: ${what}`);
    await delay(5);
  }
}

/** A mount of a test's own, in a directory of its own. */
export interface TestMount {
  readonly path: string;
  /** Idempotent. @returns what umount(8) complained of: nothing, when all went well */
  unmount(): string;
}

/** Runs mount(8), with the mount point as the last argument. @throws Error when it fails */
export function mountAt(path: string, ...options: readonly string[]): TestMount {
  execFileSync('mount', [...options, path], { encoding: 'utf8', timeout: 20_000 });
  let isMounted = true;
  return {
    path,
    unmount() {
      if (!isMounted) return '';
      try {
        execFileSync('umount', [path], { encoding: 'utf8', timeout: 20_000, stdio: 'pipe' });
      } catch (error) {
        return String(error);
      }
      isMounted = false;
      return '';
    },
  };
}

export function mountTmpfs(path: string): TestMount {
  return mountAt(path, '-t', 'tmpfs', '-o', 'size=16m', 'tmpfs');
}
