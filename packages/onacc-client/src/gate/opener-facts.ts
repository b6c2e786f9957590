import { emptyFileStatus } from '@portcullis/shared/native';
import type { FileApi } from '@portcullis/shared/native';

const STATUS_BYTES_MAX = 4_096;
/** proc_pid_status(5): real, effective, saved and filesystem uid. The name in the first line cannot hold a line end. */
const REAL_UID = /^Uid:\t(\d+)\t/m;
/** As far as the parent. */
const STAT_BYTES_MAX = 256;
const PARENT_PID = /^.*\) \S (\d+) /s;
const COMMAND_LINE_BYTES_MAX = 4_096;
const CGROUP_FILE_BYTES_MAX = 8_192;
const CGROUP_CHARS_MAX = 1_024;
/** As container runtimes name their cgroups: `docker-<id>.scope`, `cri-containerd-<id>`, `libpod-<id>`, `/docker/<id>`. */
const CONTAINER_ID = /(?:^|[^0-9a-f])([0-9a-f]{64})(?:[^0-9a-f]|$)/;
/** cgroups(7): hierarchy, controllers, path. */
const CGROUP_LINE = /^\d+:[^:]*:(\/.*)$/;

/** Reads the start of a text file under /proc; '' where it cannot. */
export type ReadProcText = (path: string, bytesMax: number) => string;

/**
 * Asks /proc about the process behind an event. Files are opened only for a detection and for who may be exempt, and only there: /proc cannot be
 * marked for permission events (field notes 3.5.15), so such an open never waits for us. What comes back is the opener's
 * own word and has to be cleaned before it is shown.
 */
export class OpenerFacts {
  readonly #files: Pick<FileApi, 'readLink' | 'statusOfPath'>;
  readonly #readProcText: ReadProcText;
  readonly #status = emptyFileStatus();

  constructor(files: Pick<FileApi, 'readLink' | 'statusOfPath'>, readProcText: ReadProcText) {
    this.#files = files;
    this.#readProcText = readProcText;
  }

  /** Owner of the directory /proc/PID: the effective uid, also of a process that is not dumpable. -1 when it is gone. */
  uid(pid: number): number {
    try {
      this.#files.statusOfPath(`/proc/${pid}`, this.#status);
      return this.#status.uid;
    } catch {
      return -1; // gone: killed while it waited
    }
  }

  /**
   * Whether both the effective and the real uid of the process are among these. A setuid program has only the first from its
   * owner: whoever calls it is not exempt with root (behaviour 4.10, 13). False when the process is gone.
   */
  runsAs(pid: number, uids: readonly number[]): boolean {
    // The cheap question first: most openers are nobody's exception.
    if (!uids.includes(this.uid(pid))) return false;
    const real = REAL_UID.exec(this.#readProcText(`/proc/${pid}/status`, STATUS_BYTES_MAX))?.[1];
    return real !== undefined && uids.includes(Number(real));
  }

  /** proc_pid_stat(5), field 4; 0 when the process is gone. The name before it may hold blanks and brackets. */
  parentPid(pid: number): number {
    const stat = this.#readProcText(`/proc/${pid}/stat`, STAT_BYTES_MAX);
    return Number(PARENT_PID.exec(stat)?.[1] ?? 0);
  }

  executable(pid: number): string {
    return this.#linkOrEmpty(`/proc/${pid}/exe`);
  }

  /** The arguments with blanks between them, at most 4,096 bytes of them. */
  commandLine(pid: number): string {
    return this.#readProcText(`/proc/${pid}/cmdline`, COMMAND_LINE_BYTES_MAX).replaceAll('\0', ' ').trim();
  }

  /** The control group, cut at 1,024 characters, and the id of the container it belongs to; '' where there is none. */
  cgroup(pid: number): { cgroup: string; container: string } {
    return parseCgroup(this.#readProcText(`/proc/${pid}/cgroup`, CGROUP_FILE_BYTES_MAX));
  }

  /** The path of an event's descriptor as the kernel knows it now; may be of another mount namespace. */
  path(fd: number): string {
    return this.#linkOrEmpty(`/proc/self/fd/${fd}`);
  }

  #linkOrEmpty(path: string): string {
    try {
      return this.#files.readLink(path);
    } catch {
      return '';
    }
  }
}

/** /proc/PID/cgroup: one line in version 2, one a hierarchy in version 1, where the one that names a container counts. */
export function parseCgroup(text: string): { cgroup: string; container: string } {
  const paths = text.split('\n').flatMap((line) => CGROUP_LINE.exec(line)?.[1] ?? []);
  const cgroup = paths.find((path) => CONTAINER_ID.test(path)) ?? paths.at(-1) ?? '';
  return { cgroup: cgroup.slice(0, CGROUP_CHARS_MAX), container: CONTAINER_ID.exec(cgroup)?.[1] ?? '' };
}
