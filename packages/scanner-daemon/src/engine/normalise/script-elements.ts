import { EXCLAMATION, GREATER, LESS } from './html-bytes.js';

const SLASH = 0x2f;
const CARRIAGE_RETURN = 0x0d;
const BEGIN = Buffer.from('<script');
const NAME = 'script';
/** A longer name is none of ours; carriage returns in it do not count. */
const NAME_MAX_BYTES = 32;

/** A part of an HTML file. */
export interface ScriptElement {
  readonly start: number;
  readonly end: number;
}

/**
 * The content of each `<script …>` with the tag that ends it and the white space behind that: clamscan 1.4.6 takes it
 * all apart as one, so that a string without an end goes on to there (observed).
 */
export function* scriptElements(bytes: Buffer): Iterable<ScriptElement> {
  for (let at = nextScriptTag(bytes, 0); at !== -1;) {
    const tagEnd = bytes.indexOf(GREATER, at);
    if (tagEnd === -1) return;
    const end = scriptEnd(bytes, tagEnd + 1);
    if (afterWhiteSpace(bytes, tagEnd + 1) < end) yield { start: tagEnd + 1, end };
    at = nextScriptTag(bytes, end);
  }
}

/** The next `<script` in any case, with white space or `>` behind it. */
function nextScriptTag(bytes: Buffer, start: number): number {
  for (let at = bytes.indexOf(LESS, start); at !== -1; at = bytes.indexOf(LESS, at + 1)) {
    let length = 1;
    while (length < BEGIN.length && isLetter(bytes[at + length], BEGIN[length])) length += 1;
    const next = bytes[at + length];
    if (length === BEGIN.length && (next === undefined || next === GREATER || next <= 0x20)) return at;
  }
  return -1;
}

function isLetter(byte: number | undefined, lower: number | undefined): boolean {
  return byte === lower || (byte !== undefined && byte >= 0x41 && byte <= 0x5a && (byte | 0x20) === lower);
}

/** Each `<` begins a tag or, with `!`, what goes on to the next `>`; a closing tag within those is none. */
function scriptEnd(bytes: Buffer, start: number): number {
  for (let at = bytes.indexOf(LESS, start); at !== -1; at = bytes.indexOf(LESS, at)) {
    at = afterWhiteSpace(bytes, at + 1);
    const first = bytes[at];
    if (first === EXCLAMATION) {
      at = bytes.indexOf(GREATER, at);
      if (at === -1) break;
      continue;
    }
    const isClosing = first === SLASH;
    const nameEnd = endOfName(bytes, at + 1, isClosing);
    if (isClosing && isScript(bytes, at + 1, nameEnd)) return closingEnd(bytes, nameEnd);
    at = nameEnd;
  }
  return bytes.length;
}

function endOfName(bytes: Buffer, start: number, isClosing: boolean): number {
  let at = start;
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (isWhiteSpace(byte) || byte === GREATER || (byte === LESS && !isClosing)) break;
  }
  return at;
}

function isScript(bytes: Buffer, start: number, end: number): boolean {
  if (end - start > NAME_MAX_BYTES) return false;
  return bytes.toString('latin1', start, end).replaceAll('\r', '').toLowerCase() === NAME;
}

/** Behind the `>`, if it is right there, and the white space that follows. */
function closingEnd(bytes: Buffer, nameEnd: number): number {
  return afterWhiteSpace(bytes, bytes[nameEnd] === GREATER ? nameEnd + 1 : nameEnd);
}

function afterWhiteSpace(bytes: Buffer, start: number): number {
  let at = start;
  while (at < bytes.length && (isWhiteSpace(bytes[at] ?? 0) || bytes[at] === CARRIAGE_RETURN)) at += 1;
  return at;
}

function isWhiteSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 9 && byte <= 12);
}
