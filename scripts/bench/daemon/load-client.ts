import type { Connect, DaemonConnection } from './daemon-connection.js';
import type { ClientGroup } from './load-plan.js';

/** Makes a request of a client and sends it. */
export type SendRequest = (connection: DaemonConnection) => void;

const idSession = Buffer.from('zIDSESSION\0', 'latin1');

/** One client: a request, its reply, the next request. Every reply is looked at; anything but OK ends the run. */
export class LoadClient {
  readonly #connect: Connect;
  readonly #group: ClientGroup;
  readonly #sendRequest: SendRequest;
  #session: DaemonConnection | undefined;
  #sessionReplies = 0;
  #requests = 0;
  #current: DaemonConnection | undefined;
  #deadlineAtMs = 0;
  #settle: { readonly resolve: () => void; readonly reject: (reason: Error) => void } | undefined;

  constructor(connect: Connect, group: ClientGroup, sendRequest: SendRequest) {
    this.#connect = connect;
    this.#group = group;
    this.#sendRequest = sendRequest;
  }

  /** Requests answered so far. */
  get requests(): number {
    return this.#requests;
  }

  /** Begins requests until the deadline and resolves when the last of them is answered; at least one. */
  run(deadlineAtMs: number): Promise<void> {
    this.#deadlineAtMs = deadlineAtMs;
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#next();
    });
  }

  close(): void {
    this.#session?.close();
  }

  #next(): void {
    if (this.#group.framing === 'connection') {
      this.#current = this.#open();
      this.#sendRequest(this.#current);
      return;
    }
    if (this.#session === undefined) {
      this.#session = this.#open();
      this.#session.send([idSession]);
    }
    this.#sendRequest(this.#session);
  }

  #open(): DaemonConnection {
    return this.#connect({
      onReply: (reply) => {
        this.#onReply(reply);
      },
      onFailure: (why) => {
        this.#settle?.reject(new Error(why));
      },
    });
  }

  #onReply(reply: string): void {
    if (this.#group.framing === 'session') this.#sessionReplies += 1;
    if (!isCleanReply(reply, this.#group, this.#sessionReplies)) {
      this.#settle?.reject(new Error(`${this.#group.command} was answered: ${reply.slice(0, 200)}`));
      return;
    }
    this.#requests += 1;
    if (this.#group.framing === 'connection') this.#current?.close();
    if (performance.now() < this.#deadlineAtMs) this.#next();
    else this.#settle?.resolve();
  }
}

/**
 * @param id - the number a session's reply must have
 * @internal
 */
export function isCleanReply(
  reply: string,
  group: Pick<ClientGroup, 'command' | 'framing'>,
  id: number,
): boolean {
  const prefix = group.framing === 'session' ? `${id}: ` : '';
  if (!reply.startsWith(prefix)) return false;
  const answer = reply.slice(prefix.length);
  return group.command === 'INSTREAM' ? answer === 'stream: OK' : /^fd\[[0-9]+\]: OK$/.test(answer);
}
