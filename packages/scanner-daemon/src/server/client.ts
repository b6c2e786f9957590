import type { ReplyFrame, WireText } from '@portcullis/shared';
import type { ScanSource, TaskName } from '../scheduler/scan-job.js';

/** One scan whose verdict becomes one reply. */
export interface ScanRequest {
  /** Taken. */
  readonly source: ScanSource;
  readonly task: TaskName;
  /** What STATS shows and, unless the source is a descriptor, what the log calls it. */
  readonly label: string;
  /** What the reply begins with. */
  readonly name: WireText;
  readonly frame: ReplyFrame;
  readonly inSession: boolean;
  /** The client can tell an incomplete scan from a clean one, and asks to be told. */
  readonly tellsIncomplete?: boolean;
}

/** A connection as its session and its commands see it. */
export interface Client {
  readonly peerName: string;
  /** Aborted when nobody waits for the answers any more. */
  readonly signal: AbortSignal;
  /** Whether the client is behind with reading; a walk waits with {@link Client.onceDrained}. */
  readonly congested: boolean;
  /** Resolves when the client has caught up or is gone. */
  onceDrained(): Promise<void>;
  reply(bytes: Buffer): void;
  /** Scans when it is its turn, and answers. */
  scan(request: ScanRequest): void;
  /** A request is under way that will be answered by other means than `scan`. */
  began(): void;
  /** And now it has been. */
  done(): void;
  /** The clock starts anew with ReadTimeout, or stops. */
  clock(next: 'read' | 'off'): void;
  /**
   * No more is read. `end` = what is queued is sent, then the socket closes; `drain` = the same for a client that may
   * still be sending and is to see the reply; `drop` = at once. Scans under way are cancelled.
   */
  close(how: 'end' | 'drain' | 'drainUpload' | 'drop'): void;
  /** Something that held reading up is over. */
  proceed(): void;
}
