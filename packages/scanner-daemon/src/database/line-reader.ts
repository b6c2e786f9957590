import type { FileReader } from './signature-sink.js';

const LF = 0x0a;
const NOTHING = Buffer.alloc(0);

/** What becomes of the lines of one file. */
export interface LineReaderOptions {
  /** Without the LF, with a CR: a longer line is malformed, since clamd reads lines through a buffer of fixed size. */
  readonly lineMaxBytes: number;
  /** Takes a line without its end, comments and all. @param number from 1 */
  readonly takeLine: (line: Buffer, number: number) => void;
  /** Throws what the load fails with. @param number from 1 */
  readonly onTooLong: (number: number) => never;
  /** Called at the end; `isEmpty`: there was not one byte. */
  readonly onEnd?: (isEmpty: boolean) => void;
}

/**
 * Cuts the content of a file into lines, however it is cut into pieces. The end of a line is LF, CRLF or the end of the
 * file; a NUL ends what is looked at, as in clamd.
 */
export class LineReader implements FileReader {
  readonly #options: LineReaderOptions;
  /** The beginning of a line whose end is in a later piece. */
  #rest = NOTHING;
  #number = 0;
  #isEmpty = true;

  constructor(options: LineReaderOptions) {
    this.#options = options;
  }

  push(piece: Uint8Array): void {
    if (piece.length > 0) this.#isEmpty = false;
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    let start = 0;
    for (let end = bytes.indexOf(LF); end !== -1; end = bytes.indexOf(LF, start)) {
      const head = bytes.subarray(start, end);
      this.#take(this.#rest.length === 0 ? head : Buffer.concat([this.#rest, head]));
      this.#rest = NOTHING;
      start = end + 1;
    }
    if (start === bytes.length) return;
    // Copied: the piece is not ours to keep.
    this.#rest = Buffer.concat([this.#rest, bytes.subarray(start)]);
    if (this.#rest.length > this.#options.lineMaxBytes + 1) this.#options.onTooLong(this.#number + 1);
  }

  end(): void {
    if (this.#rest.length > 0) this.#take(this.#rest);
    this.#options.onEnd?.(this.#isEmpty);
  }

  #take(line: Buffer): void {
    const number = ++this.#number;
    if (line.length > this.#options.lineMaxBytes) this.#options.onTooLong(number);
    const nul = line.indexOf(0);
    let end = nul === -1 ? line.length : nul;
    while (end > 0 && line[end - 1] === 0x0d) end--;
    this.#options.takeLine(line.subarray(0, end), number);
  }
}
