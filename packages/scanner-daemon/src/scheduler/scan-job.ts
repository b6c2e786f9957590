import type { ScanVerdict } from '@portcullis/shared';
import type { OwnedFd } from '@portcullis/shared/native';

/** What STATS calls the work in hand (behaviour 1.12). */
export type TaskName =
  'SCAN' | 'CONTSCAN' | 'MULTISCAN' | 'MULTISCANFILE' | 'ALLMATCHSCAN' | 'FILDES' | 'INSTREAM';

/** Where the bytes are. The job takes what it names and releases it when it reports. */
export type ScanSource =
  /** A regular file's descriptor, readable; its shared offset is never moved. */
  | {
      readonly kind: 'fd';
      readonly fd: OwnedFd;
      readonly sizeBytes: number;
    }
  /** A path that the worker opens itself (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY), raw bytes. */
  | { readonly kind: 'path'; readonly path: Buffer }
  /** A stream that fitted in memory: the first `sizeBytes` of the buffer, handed over without a copy. */
  | { readonly kind: 'memory'; readonly bytes: SharedArrayBuffer; readonly sizeBytes: number };

/** One thing to scan and whom to tell. */
export interface ScanJob {
  readonly source: ScanSource;
  readonly task: TaskName;
  /** What STATS shows: a path, `fd[12]`, `instream(local)`. */
  readonly label: string;
  readonly allMatch: boolean;
  /** Session jobs and MULTISCAN files are bulk: workers take four single jobs for each of them (behaviour 1.9). */
  readonly priority: 'single' | 'bulk';
  /**
   * Aborted when the client is gone: a queued job is dropped, a running one stopped; it reports `cancelled`. May be made
   * when it is first asked for, so only who is going to wait asks.
   */
  readonly signal?: AbortSignal;
  /** Called exactly once, possibly before `submit` returns. */
  readonly onVerdict: (verdict: ScanVerdict) => void;
}

/** The scan side of the daemon as the server side sees it. */
export interface Scanner {
  /** Takes the job. A full queue is no error: it reports `failed` through the job. */
  submit(job: ScanJob): void;
}
