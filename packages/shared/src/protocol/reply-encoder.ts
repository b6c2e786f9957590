import { Buffer } from 'node:buffer';
import type { ReplyFrame, WireText } from './reply.js';

/** `NAME: WORD`, for example `/srv/file: OK`. */
export function encodePathWord(name: WireText, word: string, frame: ReplyFrame): Buffer {
  return encodeReply([name, ': ', word], frame);
}

/** `NAME: MESSAGE ERROR`; the full stop that most messages end in is part of `message` (behaviour 1.11). */
export function encodePathMessage(name: WireText, message: WireText, frame: ReplyFrame): Buffer {
  return encodeReply([name, ': ', message, ' ERROR'], frame);
}

/** `NAME: SIGNATURE FOUND`. */
export function encodeDetection(name: WireText, signatureName: WireText, frame: ReplyFrame): Buffer {
  return encodeReply([name, ': ', signatureName, ' FOUND'], frame);
}

/** `MESSAGE ERROR`: about the command, not about a file. */
export function encodeBareError(message: WireText, frame: ReplyFrame): Buffer {
  return encodeReply([message, ' ERROR'], frame);
}

/** `WORD`: PONG, UNKNOWN COMMAND, version and STATS text. */
export function encodeBareWord(word: WireText, frame: ReplyFrame): Buffer {
  return encodeReply([word], frame);
}

function encodeReply(parts: readonly WireText[], frame: ReplyFrame): Buffer {
  const id = frame.sessionId === undefined ? '' : `${frame.sessionId}: `;
  const all = [id, ...parts, frame.terminator];
  if (all.every((part) => typeof part === 'string')) return Buffer.from(all.join(''), 'utf8');
  return Buffer.concat(all.map((part) => (typeof part === 'string' ? Buffer.from(part, 'utf8') : part)));
}
