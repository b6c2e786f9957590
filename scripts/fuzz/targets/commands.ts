import { CommandDecoder, InstreamDecoder } from '@portcullis/shared';
import { waysToCut } from '../cuts.js';
import { demand } from '../fuzz-error.js';
import type { DecoderTarget } from './target.js';
import { transcripts } from './transcripts.js';

/** Longest command (behaviour 1.2). */
const COMMAND_MAX_BYTES = 4104;
const STREAM_MAX_BYTES = 1000;

/** A connection as far as bytes go: the commands, the byte of FILDES, the chunks of INSTREAM. */
class Conversation {
  readonly seen: string[] = [];
  readonly #decoder = new CommandDecoder();
  #upload: InstreamDecoder | undefined;
  #bodyBytes = 0;
  #state: 'commands' | 'byte' | 'over' = 'commands';

  push(packet: Buffer): void {
    if (this.#state === 'over') return;
    this.#decoder.push(packet);
    // Each step reads at least a byte, or tells an end once.
    for (let steps = 0; this.#step(); steps += 1)
      demand(steps <= packet.length + COMMAND_MAX_BYTES, 'no step without a byte');
    demand(this.#decoder.pendingBytes <= COMMAND_MAX_BYTES, 'no more than one command is held');
  }

  #step(): boolean {
    if (this.#state === 'over') return false;
    if (this.#upload !== undefined) return this.#takeChunks(this.#upload);
    if (this.#state === 'byte') return this.#takeByte();
    const decoded = this.#decoder.next();
    if (decoded === undefined) return false;
    // What begins a packet decides about old style, so it is the one thing that may hang on the cuts.
    if (decoded.kind === 'oldStyleInSession') return true;
    if (decoded.kind !== 'command') {
      this.seen.push(decoded.kind);
      return true;
    }
    const { command, framing } = decoded;
    this.seen.push(`${framing} ${command.verb} ${'path' in command ? command.path.toString('latin1') : ''}`);
    if (command.verb === 'FILDES') this.#state = 'byte';
    if (command.verb === 'INSTREAM') this.#upload = new InstreamDecoder(STREAM_MAX_BYTES);
    this.#bodyBytes = 0;
    return true;
  }

  #takeByte(): boolean {
    const byte = this.#decoder.takeByte();
    if (byte === undefined) return false;
    this.seen.push(`byte ${byte}`);
    this.#state = 'commands';
    return true;
  }

  #takeChunks(upload: InstreamDecoder): boolean {
    const bytes = this.#decoder.take();
    for (const event of upload.push(bytes)) {
      if (event.kind === 'chunk') {
        this.#bodyBytes += event.bytes.length;
        demand(this.#bodyBytes <= STREAM_MAX_BYTES, 'no more than StreamMaxLength is passed on');
        continue;
      }
      this.seen.push(`${event.kind} ${this.#bodyBytes}`);
      this.#upload = undefined;
      if (event.kind === 'sizeLimit') this.#state = 'over';
      else this.#decoder.push(event.rest);
    }
    return bytes.length > 0 && this.#upload === undefined;
  }
}

/** CommandDecoder and InstreamDecoder together, as the server drives them. */
export function createCommandsTarget(): DecoderTarget {
  return {
    name: 'commands',
    ...transcripts('/srv/some file'),
    check(input) {
      const startsOld = input[0] !== 0x6e && input[0] !== 0x7a;
      const [whole, ...others] = waysToCut(input).map((pieces) => {
        const conversation = new Conversation();
        for (const piece of pieces) conversation.push(piece);
        return conversation.seen.join('\n');
      });
      // An old-style command is one packet by definition (behaviour 1.2).
      if (startsOld) return;
      for (const other of others) demand(other === whole, 'commands are the same however they are cut');
    },
  };
}
