import type { ReplyFrame } from '@portcullis/shared';
import type { Client } from '../client.js';
import type { ServerServices } from '../server-services.js';

/** What happens to the connection after a command. */
export type CommandOutcome =
  /** Answered (or nothing to say): outside a session the connection closes, inside it goes on. */
  | 'answered'
  /** Answered, and the connection closes in a session too, like after END. */
  | 'answeredLast'
  /** The reply comes later. */
  | 'dispatched'
  | 'sessionBegins'
  | 'sessionEnds'
  | 'descriptorFollows'
  | 'streamFollows';

/** One command to serve. */
export interface CommandCall {
  readonly frame: ReplyFrame;
  readonly inSession: boolean;
  readonly client: Client;
  readonly services: ServerServices;
}

/** A command without an argument. */
export type PlainCommand = (call: CommandCall) => CommandOutcome;

/** A command on a path, given as the raw bytes that the client sent. */
export type PathCommand = (call: CommandCall, path: Buffer) => CommandOutcome;
