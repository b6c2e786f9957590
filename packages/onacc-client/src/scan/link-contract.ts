import type { ScanVerdict } from '@portcullis/shared';
import type { Endpoint, Transfer } from './endpoint.js';

/** Something to be scanned, as its owner keeps it. */
export interface ScanTicket {
  /** The descriptor to pass on or to read, held fast until it is returned; negative once nobody waits for the verdict any more. */
  borrowFd(): number;
  returnFd(): void;
}

/** Who is told what happens on the link. Every ticket that was submitted comes back exactly once. */
export interface LinkObserver<Ticket> {
  onVerdict(ticket: Ticket, verdict: ScanVerdict): void;
  /** It is longer than a stream may be (StreamMaxLength, ours or the daemon's). Never with descriptors. */
  onTooLarge(ticket: Ticket): void;
  /** The link broke, or could not take the ticket, before the verdict came. */
  onLost(ticket: Ticket): void;
  /** @param daemonPid - 0 where it cannot be told, as over TCP */
  onUp(daemonPid: number): void;
  onDown(reason: string): void;
  /** The daemon scans with other signatures from now on. */
  onDatabaseChanged(): void;
}

export interface LinkOptions {
  readonly endpoint: Endpoint;
  /** `descriptor` over Unix sockets only. */
  readonly transfer: Transfer;
  /** Scans sent and not yet answered, at most; what comes beyond waits in the order it came. */
  readonly windowScans: number;
  /**
   * With scans outstanding and not one byte from the daemon for so long, the connection is given up; also when a single
   * question is not answered for so long, or for 150 s where that is longer (MaxScanTime is 120 s by default).
   */
  readonly silenceMaxMs: number;
  /** Waiting awake for a single answer; 0 = never. */
  readonly spinMaxMs: number;
  /** A connection that has not come about by then is given up. */
  readonly connectMaxMs: number;
  /** CommandReadTimeout: the daemon ends a session on which nothing is asked for so long. 0 = never; by default 30,000. */
  readonly commandReadTimeoutMs?: number;
  /** StreamMaxLength: what is longer is not sent. `Infinity` for no limit. */
  readonly streamMaxBytes: number;
  /** Monotonic; the clock of `tick`. */
  readonly nowMs: () => number;
}

/** What judges files: one session, or several behind one door. */
export interface ScanLink<Ticket> {
  /** Whether what is submitted now is sent; a connection under way does not count. */
  readonly isUp: boolean;
  /** Sends the ticket's file, or keeps it in line. While the link is down it comes back as lost at once. */
  submit(ticket: Ticket): void;
  /** Waits awake, for a very short time, where a single answer is under way. */
  spin(): void;
  /** The link's clock: connects, keeps alive, gives up on a silent daemon. `nowMs` is monotonic. */
  tick(nowMs: number): void;
  /** Closes everything for good; what is outstanding comes back as lost. */
  close(): void;
}
