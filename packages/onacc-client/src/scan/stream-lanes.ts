import { emptyFileStatus } from '@portcullis/shared/native';
import type { NativeApi } from '@portcullis/shared/native';
import { DaemonLink } from './daemon-link.js';
import type { LinkObserver, LinkOptions, ScanLink, ScanTicket } from './link-contract.js';

/** Longer files go by the long lane. On a network of 100 Mbit/s, this is what anybody may have to wait for: 20 ms. */
const QUICK_MAX_BYTES = 262_144;
/** A file whose size cannot be told is the quick lane's misfortune, or nobody's. */
const UNKNOWN_BYTES = 0;

/** A link for the transfer that is asked for: descriptors are passed on one session, streams go by two. */
export function createScanLink<Ticket extends ScanTicket>(
  native: Pick<NativeApi, 'sockets' | 'files' | 'poller'>,
  options: LinkOptions,
  observer: LinkObserver<Ticket>,
): ScanLink<Ticket> {
  if (options.transfer === 'descriptor') return new DaemonLink(native, options, observer);
  return new StreamLanes(native, options, observer);
}

/**
 * Two sessions to the daemon, since on one session a stream makes every other one wait until it is sent (clamonacc's global
 * lock, behaviour 4.10, weakness 1): one for short files and one for long ones. Each stands in for the other. The short files'
 * one tells whether the daemon is there.
 */
export class StreamLanes<Ticket extends ScanTicket> implements ScanLink<Ticket> {
  readonly #files: NativeApi['files'];
  readonly #quick: DaemonLink<Ticket>;
  readonly #long: DaemonLink<Ticket>;
  readonly #status = emptyFileStatus();

  constructor(
    native: Pick<NativeApi, 'sockets' | 'files' | 'poller'>,
    options: LinkOptions,
    observer: LinkObserver<Ticket>,
  ) {
    this.#files = native.files;
    this.#quick = new DaemonLink(native, options, observer);
    this.#long = new DaemonLink(native, options, {
      onVerdict: (ticket, verdict) => {
        observer.onVerdict(ticket, verdict);
      },
      onTooLarge: (ticket) => {
        observer.onTooLarge(ticket);
      },
      onLost: (ticket) => {
        observer.onLost(ticket);
      },
      onUp: () => undefined,
      onDown: () => undefined,
      // Behind a load balancer it may be another daemon than the quick lane's.
      onDatabaseChanged: () => {
        observer.onDatabaseChanged();
      },
    });
  }

  get isUp(): boolean {
    return this.#quick.isUp;
  }

  submit(ticket: Ticket): void {
    const isLong = this.#sizeBytesOf(ticket) > QUICK_MAX_BYTES;
    const [right, other] = isLong ? [this.#long, this.#quick] : [this.#quick, this.#long];
    // The wrong lane is better than none.
    (right.isUp || !other.isUp ? right : other).submit(ticket);
  }

  spin(): void {
    this.#quick.spin();
  }

  tick(nowMs: number): void {
    this.#quick.tick(nowMs);
    this.#long.tick(nowMs);
  }

  close(): void {
    this.#quick.close();
    this.#long.close();
  }

  #sizeBytesOf(ticket: Ticket): number {
    const fd = ticket.borrowFd();
    if (fd < 0) return UNKNOWN_BYTES;
    try {
      this.#files.status(fd, this.#status);
      return this.#status.sizeBytes;
    } catch {
      return UNKNOWN_BYTES; // reading it will say what is wrong
    } finally {
      ticket.returnFd();
    }
  }
}
