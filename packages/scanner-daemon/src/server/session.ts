import type { Command, DecodedCommand, ReplyFrame, Terminator } from '@portcullis/shared';
import {
  allowedInSession,
  assertNever,
  CommandDecoder,
  encodeBareError,
  encodeBareWord,
  FILDES_NOTICE_BYTE,
} from '@portcullis/shared';
import { emptyFileStatus } from '@portcullis/shared/native';
import type { FileStatus, OwnedFd } from '@portcullis/shared/native';
import type { Client } from './client.js';
import type { CommandCall, CommandOutcome } from './commands/command.js';
import { scanDescriptor } from './commands/fildes.js';
import { StreamUpload } from './commands/instream.js';
import { PATH_COMMANDS, PLAIN_COMMANDS } from './commands/table.js';
import { replyText } from './reply-text.js';
import { DISCARD_MAX_BYTES } from './server-config.js';
import type { ServerServices } from './server-services.js';

type KnownCommand = DecodedCommand & { kind: 'command' };

/** Where a connection stands in the protocol. `call` is the command whose rest is awaited. */
export type SessionState =
  /** One command is served outside a session. */
  | { readonly kind: 'awaitingCommand' }
  | { readonly kind: 'inSession' }
  | { readonly kind: 'awaitingDescriptor'; readonly call: CommandCall }
  | { readonly kind: 'receivingStream'; readonly upload: StreamUpload; readonly call: CommandCall }
  /** The one command is being answered; what the client still sends is dropped. */
  | { readonly kind: 'answering'; droppedBytes: number }
  /** END came: commands are ignored, replies still go out. */
  | { readonly kind: 'ending' }
  | { readonly kind: 'closed' };

const AWAITING_COMMAND: SessionState = { kind: 'awaitingCommand' };
const IN_SESSION: SessionState = { kind: 'inSession' };
const ENDING: SessionState = { kind: 'ending' };
const CLOSED: SessionState = { kind: 'closed' };

/** clamd's control buffer holds two descriptors; a message with more is cut off and the connection dropped (1.7). */
const CUT_OFF_DESCRIPTORS = 3;
const NO_FDS: readonly OwnedFd[] = [];

/** The protocol of one connection: bytes and descriptors in, commands and closings out (behaviour part 1). */
export class Session {
  readonly #client: Client;
  readonly #services: ServerServices;
  readonly #decoder = new CommandDecoder();
  readonly #fileStatus: FileStatus;
  #state: SessionState = AWAITING_COMMAND;
  /** Descriptors of the packet in work that nobody took yet. */
  #packetFds = NO_FDS;
  /** Whether the packet in work held a whole command; a stray descriptor is then no error outside a session. */
  #commandInPacket = false;
  #lastId = 0;
  /** That of the last command completed; FILDES is complete with its byte. */
  #terminator: Terminator = '\0';
  #wantsNotices = false;

  constructor(client: Client, services: ServerServices, fileStatus: FileStatus = emptyFileStatus()) {
    this.#client = client;
    this.#services = services;
    this.#fileStatus = fileStatus;
  }

  get state(): SessionState['kind'] {
    return this.#state.kind;
  }

  /** Whether reading should wait for a spool. */
  get waiting(): boolean {
    return this.#state.kind === 'receivingStream' && this.#state.upload.waiting;
  }

  /** Whether the connection is over once nothing is left to answer. */
  get endsWhenAnswered(): boolean {
    return this.#state.kind === 'answering' || this.#state.kind === 'ending';
  }

  /** Whether enough was dropped behind a command that reading may stop. */
  get deaf(): boolean {
    return this.#state.kind === 'answering' && this.#state.droppedBytes > DISCARD_MAX_BYTES;
  }

  /** Looks at one packet: `step` until it answers false, or `hold`, before the next. The descriptors are taken. */
  push(bytes: Buffer, fds: readonly OwnedFd[]): void {
    if (this.#state.kind === 'closed') {
      closeAll(fds);
      return;
    }
    if (fds.length >= CUT_OFF_DESCRIPTORS) {
      closeAll(fds);
      this.#violation('too many descriptors in one message', []);
      return;
    }
    this.#packetFds = fds;
    this.#commandInPacket = false;
    this.#decoder.push(bytes);
    if (this.#state.kind !== 'receivingStream') return;
    this.#client.clock('read');
    // No chunk comes with a descriptor, not even the last one.
    this.#packetDone();
  }

  /** Copies what is unread of the packet, whose memory is the transport's. */
  hold(): void {
    if (this.#state.kind !== 'closed') this.#decoder.hold();
  }

  /** Serves the next thing in the packet. @returns whether there may be more. */
  step(): boolean {
    switch (this.#state.kind) {
      case 'awaitingCommand':
      case 'inSession':
        return this.#decode() || this.#packetDone();
      case 'awaitingDescriptor':
        return this.#takeDescriptor(this.#state.call) || this.#packetDone();
      case 'receivingStream':
        return this.#takeChunks(this.#state) || this.#packetDone();
      case 'answering':
        this.#state.droppedBytes += this.#decoder.take().length;
        return this.#packetDone();
      case 'ending':
        this.#decoder.take();
        return this.#packetDone();
      case 'closed':
        return false;
      default:
        return assertNever(this.#state);
    }
  }

  /** The client will send no more. */
  clientEnded(): void {
    switch (this.#state.kind) {
      case 'answering':
      case 'ending':
        // Half-closed: it may still be reading.
        return;
      case 'awaitingCommand':
      case 'inSession':
      case 'awaitingDescriptor':
      case 'receivingStream':
        this.#client.close('end');
        return;
      case 'closed':
        return;
      default:
        assertNever(this.#state);
    }
  }

  /** No new commands; the connection ends when everything is answered. */
  finishUp(): void {
    if (this.#state.kind === 'closed' || this.endsWhenAnswered) return;
    if (this.#state.kind === 'receivingStream') this.#state.upload.discard();
    this.#state = ENDING;
  }

  /** Tells a client that asked for it that verdicts of the database before are stale (see {@link takeDescriptor}). */
  databaseSwapped(): void {
    const live = this.#lastId > 0 && this.#state.kind !== 'ending' && this.#state.kind !== 'closed';
    if (!live || !this.#wantsNotices) return;
    const frame = { terminator: this.#terminator, sessionId: 0 };
    this.#client.reply(encodeBareWord(replyText.databaseReloaded, frame));
  }

  /** The connection is over: lets go of everything. */
  close(): void {
    if (this.#state.kind === 'receivingStream') this.#state.upload.discard();
    this.#state = CLOSED;
    closeAll(this.#packetFds);
    this.#packetFds = NO_FDS;
  }

  get #isSession(): boolean {
    return this.#state.kind === 'inSession';
  }

  #decode(): boolean {
    const decoded = this.#decoder.next();
    if (decoded === undefined) return false;
    switch (decoded.kind) {
      case 'command':
        this.#serve(decoded);
        return true;
      case 'unknown':
        this.#terminator = decoded.terminator;
        this.#refuse();
        return true;
      case 'overlong':
        // No reply, but earlier ones are still delivered (behaviour 1.2).
        this.#services.log.violation(this.#client.peerName, 'a command without end');
        this.#client.close('end');
        return true;
      case 'oldStyleInSession':
        this.#violation('old style in a session', [replyText.oldStyleInSession, replyText.garbage]);
        return true;
      default:
        return assertNever(decoded);
    }
  }

  #serve({ command, terminator }: KnownCommand): void {
    const inSession = this.#isSession;
    if (inSession && !allowedInSession(command.verb)) {
      this.#terminator = terminator;
      this.#refuse();
      return;
    }
    if (command.verb === 'END' && !inSession) {
      this.#terminator = terminator;
      this.#refuse();
      return;
    }
    if (command.verb !== 'FILDES') this.#terminator = terminator;
    this.#commandInPacket = command.verb !== 'FILDES';
    this.#services.stats.counters.commands += 1;
    const call = this.#callFor(terminator, inSession);
    if ('path' in command || command.verb === 'STATS') this.#complainOfGarbage(call);
    // Outside a session the byte of FILDES belongs to the first command (observed: CommandReadTimeout counts on).
    if (inSession || command.verb !== 'FILDES') this.#client.clock('read');
    this.#follow(runCommand(command, call), call);
  }

  #callFor(terminator: Terminator, inSession: boolean): CommandCall {
    if (inSession) this.#lastId += 1;
    const frame: ReplyFrame = inSession ? { terminator, sessionId: this.#lastId } : { terminator };
    return { frame, inSession, client: this.#client, services: this.#services };
  }

  #follow(outcome: CommandOutcome, call: CommandCall): void {
    // The command, or what it set off, may have ended the connection already.
    if (this.#state.kind === 'closed') return;
    switch (outcome) {
      case 'answered':
        if (call.inSession) this.#state = IN_SESSION;
        else this.#client.close('end');
        return;
      case 'answeredLast':
        if (call.inSession) this.#end();
        else this.#client.close('end');
        return;
      case 'dispatched':
        if (call.inSession) {
          this.#state = IN_SESSION;
        } else {
          this.#client.clock('off');
          this.#state = { kind: 'answering', droppedBytes: 0 };
        }
        return;
      case 'sessionBegins':
        this.#state = IN_SESSION;
        return;
      case 'sessionEnds':
        this.#end();
        return;
      case 'descriptorFollows':
        this.#state = { kind: 'awaitingDescriptor', call };
        return;
      case 'streamFollows':
        this.#state = { kind: 'receivingStream', upload: new StreamUpload(call), call };
        return;
      default:
        assertNever(outcome);
    }
  }

  #end(): void {
    this.#client.clock('off');
    this.#state = ENDING;
  }

  /**
   * The byte behind FILDES with its descriptor. Its value means nothing to clamd. Ours: {@link FILDES_NOTICE_BYTE} says
   * that the client is a Portcullis one and wants, in a session, the line `0: DATABASE RELOADED` (with the terminator of
   * its last command) after every database swap, so that it can drop the verdicts it keeps. No reply ever has id 0. And
   * that it wants to be told when a limit ended the scan of this descriptor.
   */
  #takeDescriptor(call: CommandCall): boolean {
    const byte = this.#decoder.takeByte();
    if (byte === undefined) return false;
    this.#terminator = call.frame.terminator;
    const [fd, second] = this.#packetFds;
    if (fd === undefined || second !== undefined) {
      this.#violation('FILDES without one descriptor', [replyText.noDescriptor], call.frame);
      return true;
    }
    this.#packetFds = NO_FDS;
    const isOurs = byte === FILDES_NOTICE_BYTE;
    if (isOurs) this.#wantsNotices = true;
    if (call.inSession) this.#client.clock('read');
    else this.#complainOfGarbage(call);
    this.#follow(scanDescriptor(call, fd, { scratch: this.#fileStatus, tellsIncomplete: isOurs }), call);
    return true;
  }

  #takeChunks({ upload, call }: SessionState & { kind: 'receivingStream' }): boolean {
    const bytes = this.#decoder.take();
    if (bytes.length === 0) return false;
    const progress = upload.push(bytes);
    switch (progress.kind) {
      case 'more':
        return false;
      case 'complete':
        // Outside a session what lies behind the end is ignored, without a complaint (behaviour 1.8).
        if (call.inSession) this.#decoder.push(progress.rest);
        this.#client.clock('read');
        this.#follow('dispatched', call);
        return true;
      case 'tooLong':
        this.#violation('INSTREAM over its limit', [replyText.streamTooLong], call.frame);
        return true;
      case 'writeFailed':
        this.#violation('INSTREAM could not be kept', [replyText.streamWriteFailed], call.frame);
        return true;
      default:
        return assertNever(progress);
    }
  }

  /** Bytes behind a command that is dispatched, outside a session: told, and the command goes on (behaviour 1.2). */
  #complainOfGarbage(call: CommandCall): void {
    if (call.inSession || this.#decoder.pendingBytes === 0) return;
    this.#services.log.violation(this.#client.peerName, 'garbage behind a command');
    this.#client.reply(encodeBareError(replyText.garbage, call.frame));
  }

  /** The packet is used up; a descriptor that nobody took is an error, with two of them clamd does not notice. */
  #packetDone(): false {
    const fds = this.#packetFds;
    if (fds.length === 0) return false;
    this.#packetFds = NO_FDS;
    closeAll(fds);
    const { kind } = this.#state;
    if (fds.length !== 1 || kind === 'answering' || kind === 'ending' || kind === 'closed') return false;
    if (kind === 'awaitingCommand' || kind === 'inSession') {
      this.#violation('stray descriptor', [replyText.strayDescriptor]);
      return false;
    }
    const { call } = this.#state;
    // With the command of an upload, outside a session, clamd does not notice it.
    if (this.#commandInPacket && !call.inSession) return false;
    const frame = { ...call.frame, terminator: this.#terminator };
    this.#violation('stray descriptor', [replyText.strayDescriptor, replyText.garbage], frame);
    return false;
  }

  /** UNKNOWN COMMAND, or what a session answers instead. */
  #refuse(): void {
    if (this.#isSession) {
      this.#violation('a command that is not for sessions', [replyText.invalidInSession]);
      return;
    }
    this.#services.log.violation(this.#client.peerName, replyText.unknownCommand);
    this.#client.reply(encodeBareWord(replyText.unknownCommand, { terminator: this.#terminator }));
    this.#client.close('drain');
  }

  /** Errors about the command, under the next id unless a frame is given; then the connection ends. */
  #violation(what: string, errors: readonly string[], frame = this.#nextFrame()): void {
    this.#services.log.violation(this.#client.peerName, what);
    for (const error of errors) this.#client.reply(encodeBareError(error, frame));
    const isUpload = this.#state.kind === 'receivingStream';
    this.#client.close(errors.length === 0 ? 'drop' : isUpload ? 'drainUpload' : 'drain');
  }

  #nextFrame(): ReplyFrame {
    const terminator = this.#terminator;
    return this.#isSession ? { terminator, sessionId: this.#lastId + 1 } : { terminator };
  }
}

function runCommand(command: Command, call: CommandCall): CommandOutcome {
  return 'path' in command
    ? PATH_COMMANDS[command.verb](call, command.path)
    : PLAIN_COMMANDS[command.verb](call);
}

function closeAll(fds: readonly OwnedFd[]): void {
  for (const fd of fds) fd.close();
}
