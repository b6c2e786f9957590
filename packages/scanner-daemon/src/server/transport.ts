import type { OwnedFd } from '@portcullis/shared/native';

/** What a connection hears from its transport. Of these only `onClosed` may come from inside a call to the transport. */
export interface TransportHandler {
  /** One receive. Its bytes are lent until this returns; the descriptors are the handler's, to be closed. */
  onBytes(bytes: Buffer, fds: readonly OwnedFd[]): void;
  /** The client will send no more; it may still read (half-close). */
  onEnd(): void;
  /** The output has fallen below its high-water mark. */
  onDrained(): void;
  /** The connection is no more, whoever ended it. Called once and last. */
  onClosed(reason: CloseReason): void;
}

/** `ended` = by us; `gone` = the client left or broke off; `stalled` = it did not read for SendBufTimeout. */
export type CloseReason = 'ended' | 'gone' | 'stalled';

/** One client connection as bytes and descriptors. Owns its socket. Main thread only. */
export interface Transport {
  /** How logs call the other end: `local` or `1.2.3.4@port` (behaviour 2.8). */
  readonly peerName: string;
  /** Begins to read. Called once. */
  start(handler: TransportHandler): void;
  /** Queues bytes; everything queued in one turn of the event loop goes out at its end, in one send if it fits. */
  send(bytes: Buffer): void;
  /** Whether the client is behind with reading what was sent. */
  readonly congested: boolean;
  /** Stops reading. Cheap to repeat. */
  pause(): void;
  /** Reads again. Cheap to repeat. */
  resume(): void;
  /** Whether the client has closed for good, as far as can be told without reading. */
  peerGone(): boolean;
  /** Sends what is queued and closes. */
  end(): void;
  /**
   * Sends what is queued, shuts the sending side down, reads and drops what the client still sends, for at most
   * `drainMaxMs`, and closes. Closing at once would reset the connection, and the client might never see the reply.
   */
  endAfterDraining(drainMaxMs: number): void;
  /** Closes now; what is queued is lost. */
  destroy(): void;
}
