import { messageOf } from '@portcullis/shared';
import { emptyFileStatus, WOULD_BLOCK } from '@portcullis/shared/native';
import type { NativeApi } from '@portcullis/shared/native';
import { InstreamBytes } from './instream-bytes.js';
import type { ScanTicket } from './link-contract.js';

/** Why a file is not, or not wholly, sent. */
export type Cut =
  | { readonly kind: 'tooLarge' }
  | { readonly kind: 'unreadable'; readonly message: string }
  /** Nobody waits for the verdict any more. */
  | { readonly kind: 'unwanted' };

/** What is sent in one turn, at most, before the daemon's answers and other events get their chance. */
const TURN_MAX_BYTES = 1_048_576;
const TOO_LARGE: Cut = { kind: 'tooLarge' };
const UNWANTED: Cut = { kind: 'unwanted' };

/**
 * Sends files as INSTREAM uploads, one at a time. The descriptor is borrowed for each reading and no longer, so that between two
 * of them another gate may take the event over; the stream is ended validly then.
 *
 * Reading from a cold disk, or from a server, blocks the thread. That is what the relief of stuck gates is for (`gate/duty.ts`).
 */
export class Uploader<Ticket extends ScanTicket> {
  readonly #native: Pick<NativeApi, 'sockets' | 'files'>;
  readonly #bytes: InstreamBytes;
  readonly #status = emptyFileStatus();
  readonly #streamMaxBytes: number;
  #ticket: Ticket | undefined;
  #isBusy = false;

  constructor(native: Pick<NativeApi, 'sockets' | 'files'>, streamMaxBytes: number) {
    this.#native = native;
    this.#streamMaxBytes = streamMaxBytes;
    this.#bytes = new InstreamBytes(native.files, streamMaxBytes);
  }

  /** A stream has begun and its end is not sent yet: nothing else may be sent meanwhile. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Reads the beginning of the ticket's file. @returns why there will be no stream; nothing was or will be sent then */
  begin(ticket: Ticket): Cut | undefined {
    this.#ticket = ticket;
    this.#bytes.begin();
    const cut = this.#readOn(true);
    this.#isBusy = cut === undefined;
    return cut;
  }

  /**
   * Sends on, up to what one turn may take. Borrows the socket.
   *
   * @param onCut - the stream is ended before its file; called at most once a stream
   * @returns `over`: the next one may begin; `paused`: go on when the socket is writable
   * @throws NativeError the connection's
   */
  pump(socket: number, onCut: (cut: Cut) => void): 'over' | 'paused' {
    for (let sentBytes = 0; sentBytes < TURN_MAX_BYTES;) {
      if (this.#bytes.isHungry) {
        const cut = this.#readOn(false);
        if (cut !== undefined) {
          this.#bytes.end();
          onCut(cut);
        }
      }
      const taken = this.#native.sockets.send(socket, this.#bytes.unsent);
      if (taken === WOULD_BLOCK) return 'paused';
      sentBytes += taken;
      this.#bytes.sent(taken);
      if (this.#bytes.isOver) {
        this.reset();
        return 'over';
      }
    }
    return 'paused';
  }

  /** Bytes of the file that have been read for the stream under way, or the last one. */
  get readBytes(): number {
    return this.#bytes.readBytes;
  }

  /** The daemon takes less than we were told: what is as long as this is will not be sent again. */
  lowerLimit(refusedBytes: number): void {
    this.#bytes.streamMaxBytes = Math.min(this.#bytes.streamMaxBytes, Math.max(refusedBytes - 1, 0));
  }

  /** Another daemon may take more. */
  restoreLimit(): void {
    this.#bytes.streamMaxBytes = this.#streamMaxBytes;
  }

  /** The connection is gone, and the stream with it. */
  reset(): void {
    this.#ticket = undefined;
    this.#isBusy = false;
  }

  #readOn(isFirst: boolean): Cut | undefined {
    const ticket = this.#ticket;
    const fd = ticket?.borrowFd() ?? -1;
    if (ticket === undefined || fd < 0) return UNWANTED;
    try {
      if (isFirst && this.#isTooLarge(fd)) return TOO_LARGE;
      return this.#bytes.readOn(fd) === 'tooLarge' ? TOO_LARGE : undefined;
    } catch (error) {
      return { kind: 'unreadable', message: messageOf(error) };
    } finally {
      ticket.returnFd();
    }
  }

  /** Known beforehand, mostly; a file that grows is found out by {@link InstreamBytes.readOn}. */
  #isTooLarge(fd: number): boolean {
    if (this.#bytes.streamMaxBytes === Infinity) return false;
    this.#native.files.status(fd, this.#status);
    return this.#status.sizeBytes > this.#bytes.streamMaxBytes;
  }
}
