import { LINE_MAX_BYTES } from '../line-length.js';
import type { SignatureOrigin } from '../names/name-table.js';
import { HashLine, INVALID_HASH } from './hash-line.js';
import type { HashLineProblem } from './hash-line.js';
import type { HashSubject } from './hash-table.js';

/** A line of a database file, for those who ignore signatures (`.ign`, `.ign2`). */
export interface NamedLine {
  /** In latin1. */
  readonly name: string;
  /** From 1, comments counted. */
  readonly lineNumber: number;
  /** The bytes of the line without its end; valid during the call only. */
  readonly line: Uint8Array;
}

/** How the lines of one file are taken. */
export interface HashFileOptions {
  /** Whether the file came out of a signed container. */
  readonly origin: SignatureOrigin;
  /** Whether a signature is left out; its hash need not be valid then (observed). Costs a string a line. */
  readonly isIgnored?: (line: NamedLine) => boolean;
  /** Called with the first line that is not allowed. Throws. */
  readonly onMalformed: (lineNumber: number, problem: HashLineProblem) => never;
}

/** Where signatures go. */
export interface HashSink {
  addLine(subject: HashSubject, line: HashLine, origin: SignatureOrigin): void;
}

const LINE_TOO_LONG: HashLineProblem = { kind: 'malformed', reason: 'line is too long' };
const LF = 0x0a;

/** Cuts the content of one database file into lines, however it is cut into pieces. */
export class HashFileReader {
  readonly #subject: HashSubject;
  readonly #options: HashFileOptions;
  readonly #sink: HashSink;
  readonly #line = new HashLine();
  #lineNumber = 0;
  /** The beginning of a line whose end is in a later piece. */
  readonly #rest = new Uint8Array(LINE_MAX_BYTES + 1);
  #restLength = 0;

  constructor(subject: HashSubject, options: HashFileOptions, sink: HashSink) {
    this.#subject = subject;
    this.#options = options;
    this.#sink = sink;
  }

  /** Takes the next bytes of the file; they are not kept. */
  push(piece: Uint8Array): void {
    let start = 0;
    if (this.#restLength > 0) {
      const lineEnd = piece.indexOf(LF);
      this.#keep(piece, 0, lineEnd === -1 ? piece.length : lineEnd);
      if (lineEnd === -1) return;
      this.#takeRest(LINE_MAX_BYTES);
      start = lineEnd + 1;
    }
    while (start < piece.length) {
      const lineEnd = this.#line.scan(piece, start);
      if (lineEnd === piece.length) {
        this.#keep(piece, start, lineEnd);
        return;
      }
      if (lineEnd - start > LINE_MAX_BYTES) this.#fail(LINE_TOO_LONG);
      this.#takeLine();
      start = lineEnd + 1;
    }
  }

  /** Takes what is left as the last line. */
  end(): void {
    if (this.#restLength > 0) this.#takeRest(LINE_MAX_BYTES + 1);
  }

  #keep(piece: Uint8Array, start: number, end: number): void {
    if (this.#restLength + end - start > this.#rest.length) this.#fail(LINE_TOO_LONG);
    this.#rest.set(piece.subarray(start, end), this.#restLength);
    this.#restLength += end - start;
  }

  #takeRest(maxBytes: number): void {
    if (this.#restLength > maxBytes) this.#fail(LINE_TOO_LONG);
    this.#line.scan(this.#rest.subarray(0, this.#restLength), 0);
    this.#restLength = 0;
    this.#takeLine();
  }

  /** Takes the line that was scanned last. */
  #takeLine(): void {
    const line = this.#line;
    this.#lineNumber++;
    if (line.isComment) return;
    const outcome = line.readFields(this.#subject);
    if (outcome === 'otherLevel') return;
    if (outcome !== 'usable') this.#failAt(outcome);
    const { isIgnored } = this.#options;
    if (isIgnored !== undefined && isIgnored(this.#namedLine())) return;
    if (!line.readDigest(this.#subject)) this.#failAt(INVALID_HASH);
    this.#sink.addLine(this.#subject, line, this.#options.origin);
  }

  #namedLine(): NamedLine {
    const { bytes, start, end, nameStart, nameEnd } = this.#line;
    const name = Buffer.from(bytes.buffer, bytes.byteOffset + nameStart, nameEnd - nameStart);
    return {
      name: name.toString('latin1'),
      lineNumber: this.#lineNumber,
      line: bytes.subarray(start, end),
    };
  }

  /** For a line whose end was not reached. */
  #fail(problem: HashLineProblem): never {
    return this.#options.onMalformed(this.#lineNumber + 1, problem);
  }

  #failAt(problem: HashLineProblem): never {
    return this.#options.onMalformed(this.#lineNumber, problem);
  }
}
