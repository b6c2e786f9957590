import {
  CommandDecoder,
  encodeBareError,
  encodeBareWord,
  encodeDetection,
  encodePathMessage,
  encodePathWord,
  InstreamDecoder,
} from '@portcullis/shared';
import { isErrno } from '@portcullis/shared/native';
import type { NativeApi, PollHandle, ReceivedMessage, TcpAddress } from '@portcullis/shared/native';

/** What the daemon makes of a file's content. `silence`: no answer until {@link ScriptedDaemon.answerHeld}. */
export type ScriptedVerdict = 'OK' | 'silence' | { readonly found: string } | { readonly error: string };

interface Held {
  readonly connection: Connection;
  readonly id: number;
  readonly name: string;
}

/** An upload in the middle. */
interface Stream {
  readonly decoder: InstreamDecoder;
  readonly parts: Buffer[];
}

interface Connection {
  readonly fd: number;
  readonly decoder: CommandDecoder;
  readonly poll: PollHandle;
  lastId: number;
  awaitsByte: boolean;
  stream: Stream | undefined;
  readonly passed: number[];
}

/** The daemon's end of a session in a test: real codec, real (or faked) sockets, verdicts by script. */
export class ScriptedDaemon {
  /** Contents in the order in which they were handed over. */
  readonly scanned: string[] = [];
  /** So many were begun, on all connections. */
  commands = 0;
  /** `undefined`: the question ends the session, as with EnableVersionCommand no (behaviour 1.5). */
  version: string | undefined = 'ClamAV 1.4.6/1/Sat Nov 21 20:44:46 2026';
  /** StreamMaxLength; 0 = no limit. */
  streamMaxBytes = 0;
  readonly #native: Pick<NativeApi, 'sockets' | 'files' | 'poller'>;
  readonly #judge: (content: string) => ScriptedVerdict;
  readonly #listener: number;
  readonly #listening: PollHandle;
  readonly #connections = new Set<Connection>();
  readonly #held: Held[] = [];

  constructor(
    native: Pick<NativeApi, 'sockets' | 'files' | 'poller'>,
    /** The path of a Unix socket, or where to listen for TCP. */
    at: string | TcpAddress,
    judge: (content: string) => ScriptedVerdict,
  ) {
    this.#native = native;
    this.#judge = judge;
    this.#listener = listenAt(native, at);
    this.#listening = native.poller.watch(this.#listener, { readable: true, writable: false }, () => {
      const fd = native.sockets.accept(this.#listener);
      if (fd >= 0) this.#serve(fd);
    });
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Where it listens, when that is TCP: with the port that port 0 became. */
  get address(): TcpAddress {
    return this.#native.sockets.localAddress(this.#listener);
  }

  /** Stops or goes on reading, as a daemon does that is busy elsewhere. */
  pause(paused: boolean): void {
    for (const { poll } of this.#connections) poll.want({ readable: !paused, writable: false });
  }

  /** Answers what was held back by `silence`. */
  answerHeld(verdict: Exclude<ScriptedVerdict, 'silence'>): void {
    for (const held of this.#held.splice(0)) this.#reply(held, verdict);
  }

  /** Sends a line nobody asked for. */
  sendRaw(bytes: Buffer): void {
    for (const connection of this.#connections) this.#send(connection, bytes);
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
      stream: undefined,
      passed: [],
      poll: this.#native.poller.watch(fd, { readable: true, writable: false }, () => {
        this.#receive(connection);
      }),
    };
    this.#connections.add(connection);
  }

  #receive(connection: Connection): void {
    for (;;) {
      const message = this.#receiveOrEnd(connection.fd);
      if (message === undefined) return;
      connection.passed.push(...message.fds);
      if (message.bytes.length === 0) {
        this.#end(connection);
        return;
      }
      if (connection.stream === undefined) connection.decoder.push(message.bytes);
      else this.#takeStream(connection, connection.stream, message.bytes);
      this.#execute(connection);
      if (!this.#connections.has(connection)) return;
    }
  }

  /** A connection that was reset has ended. */
  #receiveOrEnd(fd: number): ReceivedMessage | undefined {
    try {
      return this.#native.sockets.receive(fd);
    } catch (error) {
      if (isErrno(error, 'ECONNRESET')) return { bytes: Buffer.alloc(0), fds: [] };
      throw error;
    }
  }

  #execute(connection: Connection): void {
    while (connection.stream === undefined && this.#connections.has(connection)) {
      if (connection.awaitsByte) {
        if (connection.decoder.takeByte() === undefined) return;
        connection.awaitsByte = false;
        this.#scanPassed(connection);
      }
      const decoded = connection.decoder.next();
      if (decoded === undefined) return;
      if (decoded.kind !== 'command') throw new Error(`the client sent ${decoded.kind}`);
      this.#begin(connection, decoded.command.verb);
    }
  }

  #begin(connection: Connection, verb: string): void {
    if (verb === 'IDSESSION') return;
    connection.lastId += 1;
    this.commands += 1;
    const answer = (word: string): void => {
      this.#send(connection, encodeBareWord(word, frame(connection.lastId)));
    };
    if (verb === 'FILDES') connection.awaitsByte = true;
    else if (verb === 'PING') answer('PONG');
    else if (verb === 'VERSION') {
      answer(this.version ?? 'COMMAND UNAVAILABLE');
      if (this.version === undefined) this.#end(connection);
    } else if (verb === 'INSTREAM') {
      connection.stream = { decoder: new InstreamDecoder(this.streamMaxBytes), parts: [] };
      this.#takeStream(connection, connection.stream, connection.decoder.take());
    } else throw new Error(`the client sent ${verb}`);
  }

  #takeStream(connection: Connection, stream: Stream, bytes: Buffer): void {
    for (const event of stream.decoder.push(bytes)) {
      if (event.kind === 'chunk') stream.parts.push(Buffer.from(event.bytes));
      else if (event.kind === 'sizeLimit') {
        this.#send(connection, encodeBareError('INSTREAM size limit exceeded.', frame(connection.lastId)));
        this.#end(connection);
      } else {
        connection.stream = undefined;
        connection.decoder.push(Buffer.from(event.rest));
        this.#scan(connection, 'stream', Buffer.concat(stream.parts).toString());
      }
    }
  }

  #scanPassed(connection: Connection): void {
    const fd = connection.passed.shift();
    if (fd === undefined) throw new Error('FILDES without a descriptor');
    const bytes = Buffer.alloc(4096);
    const content = bytes.toString('utf8', 0, this.#native.files.readAt(fd, bytes, 0));
    this.#native.files.close(fd);
    this.#scan(connection, 'fd[9]', content);
  }

  #scan(connection: Connection, name: string, content: string): void {
    this.scanned.push(content);
    const verdict = this.#judge(content);
    const about = { connection, id: connection.lastId, name };
    if (verdict === 'silence') this.#held.push(about);
    else this.#reply(about, verdict);
  }

  #reply({ connection, id, name }: Held, verdict: Exclude<ScriptedVerdict, 'silence'>): void {
    if (!this.#connections.has(connection)) return;
    if (verdict === 'OK') this.#send(connection, encodePathWord(name, 'OK', frame(id)));
    else if ('found' in verdict) this.#send(connection, encodeDetection(name, verdict.found, frame(id)));
    else this.#send(connection, encodePathMessage(name, verdict.error, frame(id)));
  }

  #send(connection: Connection, bytes: Buffer): void {
    try {
      this.#native.sockets.send(connection.fd, bytes);
    } catch (error) {
      if (!isErrno(error, 'EPIPE') && !isErrno(error, 'ECONNRESET')) throw error; // the client has given this session up
    }
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

function listenAt({ sockets }: Pick<NativeApi, 'sockets'>, at: string | TcpAddress): number {
  if (typeof at !== 'string') return sockets.listenTcp(at, 10);
  const fd = sockets.createUnix();
  sockets.bindUnix(fd, at);
  sockets.listen(fd, 10);
  return fd;
}
