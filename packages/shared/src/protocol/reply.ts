import type { Buffer } from 'node:buffer';
import type { Terminator } from './command.js';

/** A file name, signature name or sentence on the wire: text goes out as UTF-8, a `Buffer` byte for byte. */
export type WireText = string | Buffer;

/** What stands around a reply (behaviour 1.4). */
export interface ReplyFrame {
  /** That of the command answered. */
  readonly terminator: Terminator;
  /** The command's number in its IDSESSION, from 1; left out outside a session. */
  readonly sessionId?: number | undefined;
}

/**
 * One reply as a client reads it. Names are decoded as UTF-8, so one that is not UTF-8 is for showing, not for opening.
 */
export type Reply =
  | { readonly kind: 'clean'; readonly name: string }
  /** `signatureName` may hold spaces. It is empty only when a peer sends `NAME:  FOUND`, which clamd never does. */
  | { readonly kind: 'infected'; readonly name: string; readonly signatureName: string }
  /** `message` is what stands before ` ERROR`. No `name` when the error is about the command, not about a file. */
  | { readonly kind: 'error'; readonly name?: string; readonly message: string }
  /** Everything else: PONG, RELOADING, UNKNOWN COMMAND, version and STATS text, `NAME: Excluded`. Never a verdict. */
  | { readonly kind: 'word'; readonly text: string };
