import {
  CommandDecoder,
  encodeBareWord,
  encodeDetection,
  encodePathMessage,
  encodePathWord,
} from '@portcullis/shared';
import type { NativeApi, PollHandle } from '@portcullis/shared/native';

/** What the daemon makes of a file's content. `silence`: no answer until {@link ScriptedDaemon.answerHeld}. */
export type ScriptedVerdict = 'OK' | 'silence' | { readonly found: string } | { readonly error: string };

interface Held {
  readonly connection: Connection;
  readonly id: number;
  readonly content: string;
}

interface Connection {
  readonly fd: number;
  readonly decoder: CommandDecoder;
  readonly poll: PollHandle;
  lastId: number;
  awaitsByte: boolean;
  readonly passed: number[];
}

/** The daemon's end of a session in a test: real codec, real (or faked) sockets, verdicts by script. */
export class ScriptedDaemon {
  /** Contents in the order in which they were handed over. */
  readonly scanned: string[] = [];
  version = 'ClamAV 1.4.6/1/Sat Nov 21 20:44:46 2026';
  readonly #native: Pick<NativeApi, 'sockets' | 'files' | 'poller'>;
  readonly #judge: (content: string) => ScriptedVerdict;
  readonly #listener: number;
  readonly #listening: PollHandle;
  readonly #connections = new Set<Connection>();
  readonly #held: Held[] = [];

  constructor(
    native: Pick<NativeApi, 'sockets' | 'files' | 'poller'>,
    socketPath: string,
    judge: (content: string) => ScriptedVerdict,
  ) {
    this.#native = native;
    this.#judge = judge;
    this.#listener = native.sockets.createUnix();
    native.sockets.bindUnix(this.#listener, socketPath);
    native.sockets.listen(this.#listener, 10);
    this.#listening = native.poller.watch(this.#listener, { readable: true, writable: false }, () => {
      const fd = native.sockets.accept(this.#listener);
      if (fd >= 0) this.#serve(fd);
    });
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Answers what was held back by `silence`. */
  answerHeld(verdict: Exclude<ScriptedVerdict, 'silence'>): void {
    for (const { connection, id } of this.#held.splice(0)) this.#reply(connection, id, verdict);
  }

  /** Sends a line nobody asked for. */
  sendRaw(bytes: Buffer): void {
    for (const { fd } of this.#connections) this.#native.sockets.send(fd, bytes);
  }

  /** Drops every connection, as a daemon that dies does. */
  dropConnections(): void {
    for (const connection of [...this.#connections]) this.#end(connection);
  }

  close(): void {
    this.dropConnections();
    this.#listening.close();
    this.#native.files.close(this.#listener);
  }

  #serve(fd: number): void {
    const connection: Connection = {
      fd,
      decoder: new CommandDecoder(),
      lastId: 0,
      awaitsByte: false,
      passed: [],
      poll: this.#native.poller.watch(fd, { readable: true, writable: false }, () => {
        this.#receive(connection);
      }),
    };
    this.#connections.add(connection);
  }

  #receive(connection: Connection): void {
    for (;;) {
      const message = this.#native.sockets.receive(connection.fd);
      if (message === undefined) return;
      connection.passed.push(...message.fds);
      if (message.bytes.length === 0) {
        this.#end(connection);
        return;
      }
      connection.decoder.push(message.bytes);
      this.#execute(connection);
    }
  }

  #execute(connection: Connection): void {
    for (;;) {
      if (connection.awaitsByte) {
        if (connection.decoder.takeByte() === undefined) return;
        connection.awaitsByte = false;
        this.#scan(connection);
      }
      const decoded = connection.decoder.next();
      if (decoded === undefined) return;
      if (decoded.kind !== 'command') throw new Error(`the client sent ${decoded.kind}`);
      const { verb } = decoded.command;
      if (verb === 'IDSESSION') continue;
      connection.lastId += 1;
      if (verb === 'FILDES') connection.awaitsByte = true;
      else if (verb === 'VERSION')
        this.#send(connection, encodeBareWord(this.version, frame(connection.lastId)));
      else throw new Error(`the client sent ${verb}`);
    }
  }

  #scan(connection: Connection): void {
    const fd = connection.passed.shift();
    if (fd === undefined) throw new Error('FILDES without a descriptor');
    const bytes = Buffer.alloc(4096);
    const content = bytes.toString('utf8', 0, this.#native.files.readAt(fd, bytes, 0));
    this.#native.files.close(fd);
    this.scanned.push(content);
    const verdict = this.#judge(content);
    if (verdict === 'silence') this.#held.push({ connection, id: connection.lastId, content });
    else this.#reply(connection, connection.lastId, verdict);
  }

  #reply(connection: Connection, id: number, verdict: Exclude<ScriptedVerdict, 'silence'>): void {
    if (!this.#connections.has(connection)) return;
    if (verdict === 'OK') this.#send(connection, encodePathWord('fd[9]', 'OK', frame(id)));
    else if ('found' in verdict) this.#send(connection, encodeDetection('fd[9]', verdict.found, frame(id)));
    else this.#send(connection, encodePathMessage('fd[9]', verdict.error, frame(id)));
  }

  #send(connection: Connection, bytes: Buffer): void {
    this.#native.sockets.send(connection.fd, bytes);
  }

  #end(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    connection.poll.close();
    for (const fd of connection.passed.splice(0)) this.#native.files.close(fd);
    this.#native.files.close(connection.fd);
  }
}

function frame(sessionId: number): { terminator: '\0'; sessionId: number } {
  return { terminator: '\0', sessionId };
}
