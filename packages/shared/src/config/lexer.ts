import { Buffer } from 'node:buffer';

import type { ConfigIssue } from './config-issue.js';
import { CONFIG_MESSAGES } from './config-issue.js';

/** One `Name Value` line. Name and value are byte strings: one character for each byte of the file. */
export interface Directive {
  readonly kind: 'directive';
  readonly name: string;
  /** Trimmed and unquoted, never empty; an inline comment is still in it. */
  readonly value: string;
  readonly line: number;
}

/** A line that cannot be a directive. */
export interface BadLine {
  readonly kind: 'issue';
  readonly issue: ConfigIssue;
}

/** ClamAV reads lines into 1024 bytes, the last of which is the terminator (behaviour 3.1). */
const LINE_BYTES_MAX = 1023;

/**
 * Splits the text of a clamd.conf into directives, by behaviour 3.1. Names and values are not judged here.
 *
 * @param fileName - as the messages shall name it.
 */
export function* lexClamdConfig(
  text: string | Uint8Array,
  fileName: string,
): Generator<Directive | BadLine, void, undefined> {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'utf8') : Buffer.from(text);
  let line = 0;
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(0x0a, start);
    const lineEnd = newline === -1 ? bytes.length : newline + 1;
    const end = Math.min(lineEnd, start + LINE_BYTES_MAX);
    line += 1;
    const lexed = lexLine(bytes.toString('latin1', start, end), line, fileName);
    if (lexed !== undefined) yield lexed;
    start = end;
  }
}

/** The text behind a byte string; bytes that are not UTF-8 become U+FFFD. */
export function decodeByteString(byteString: string): string {
  return Buffer.from(byteString, 'latin1').toString('utf8');
}

function lexLine(chunk: string, line: number, fileName: string): Directive | BadLine | undefined {
  const text = skipBlanks(untilNul(chunk));
  // The newline counts, so a single stray letter passes as nothing (behaviour 3.1).
  if (text.length <= 2 || text.startsWith('#')) return undefined;
  if (text.startsWith('Example')) return badLine(CONFIG_MESSAGES.exampleFile(fileName), line);

  const at = `${fileName}:${line}`;
  const nameEnd = text.search(/[ \t]/);
  const argument = nameEnd === -1 ? '' : trimArgument(text.slice(nameEnd));
  if (argument === '') return badLine(CONFIG_MESSAGES.missingArgument(at), line);

  const name = text.slice(0, nameEnd);
  if (!argument.startsWith('"')) return { kind: 'directive', name, value: argument, line };
  const closing = argument.lastIndexOf('"');
  const shownName = decodeByteString(name);
  if (closing === 0) return badLine(CONFIG_MESSAGES.missingClosingQuote(shownName, at), line);
  const value = argument.slice(1, closing);
  if (value === '') return badLine(CONFIG_MESSAGES.emptyArgument(shownName, at), line);
  return { kind: 'directive', name, value, line };
}

function badLine(message: string, line: number): BadLine {
  return { kind: 'issue', issue: { severity: 'error', origin: 'clamav', message, line } };
}

function untilNul(chunk: string): string {
  const nul = chunk.indexOf('\0');
  return nul === -1 ? chunk : chunk.slice(0, nul);
}

function skipBlanks(text: string): string {
  let start = 0;
  while (text[start] === ' ' || text[start] === '\t') start += 1;
  return text.slice(start);
}

/** Blanks, tabs and the newline only: `\r` stays and spoils the value, as it does in ClamAV. */
function trimArgument(text: string): string {
  let end = text.length;
  while (end > 0 && ' \t\n'.includes(text.charAt(end - 1))) end -= 1;
  return skipBlanks(text.slice(0, end));
}
