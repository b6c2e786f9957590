import { emptyFileStatus } from '@portcullis/shared/native';
import type { FileApi } from '@portcullis/shared/native';

/** Asks /proc about the process behind an event. Only stat and readlink: nothing is opened (proc(5)). */
export class OpenerFacts {
  readonly #files: Pick<FileApi, 'readLink' | 'statusOfPath'>;
  readonly #status = emptyFileStatus();

  constructor(files: Pick<FileApi, 'readLink' | 'statusOfPath'>) {
    this.#files = files;
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

  executable(pid: number): string {
    return this.#linkOrEmpty(`/proc/${pid}/exe`);
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
