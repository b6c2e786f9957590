/** One connection of the generator to the daemon. Closed once, by whoever opened it. */
export interface DaemonConnection {
  /** Sends the parts one after the other; they must stay as they are until the reply. */
  send: (parts: readonly Uint8Array[]) => void;
  /** FILDES with this descriptor, in one message. Borrows the fd. Unix socket only. */
  passFd: (fd: number) => void;
  close: () => void;
}

export interface ConnectionHandler {
  /** A whole reply, without its NUL. */
  readonly onReply: (reply: string) => void;
  /** The daemon closed the connection, or it could not be made. */
  readonly onFailure: (why: string) => void;
}

/** Opens a connection; what is sent before it stands waits. */
export type Connect = (handler: ConnectionHandler) => DaemonConnection;

const replyMaxBytes = 64 * 1024;

/** Puts replies together from what arrives; NUL ends each. */
export class ReplyCollector {
  readonly #onReply: (reply: string) => void;
  #partial = '';

  constructor(onReply: (reply: string) => void) {
    this.#onReply = onReply;
  }

  /** @throws RangeError when a reply grows past 64 KiB */
  push(bytes: Buffer): void {
    const text = this.#partial + bytes.toString('latin1');
    const messages = text.split('\0');
    this.#partial = messages.pop() ?? '';
    if (this.#partial.length > replyMaxBytes) throw new RangeError('a reply without an end');
    for (const message of messages) this.#onReply(message);
  }
}
