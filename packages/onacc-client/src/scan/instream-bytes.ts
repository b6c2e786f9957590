import { encodeCommand, encodeStreamEnd } from '@portcullis/shared';
import type { FileApi } from '@portcullis/shared/native';

const COMMAND = encodeCommand('INSTREAM');
const END = encodeStreamEnd();
const HEADER_BYTES = END.length;
/** Data of one chunk, at most. */
const CHUNK_MAX_BYTES = 65_536;
/** Room for a whole chunk behind the command, and always for the end. */
const BUFFER_BYTES = COMMAND.length + HEADER_BYTES + CHUNK_MAX_BYTES + HEADER_BYTES;
/** Less room than this is left alone until all is sent. */
const CHUNK_WORTHWHILE_BYTES = 4_096;

/** What {@link InstreamBytes.readOn} came upon. */
export type ReadOn = 'read' | 'tooLarge';

/**
 * One INSTREAM upload after another as bytes to send (behaviour 1.8), in one buffer. A chunk is announced only once it has been
 * read, with the length that came, so a file may grow or shrink under way without harm to the framing (4.10, weakness 20). The
 * stream can be ended validly at any moment.
 */
export class InstreamBytes {
  /** Bytes of one stream, at most. */
  streamMaxBytes: number;
  readonly #files: Pick<FileApi, 'readAt'>;
  readonly #bytes = Buffer.allocUnsafe(BUFFER_BYTES);
  #from = 0;
  #to = 0;
  #fileOffset = 0;
  #ended = true;

  constructor(files: Pick<FileApi, 'readAt'>, streamMaxBytes: number) {
    this.#files = files;
    this.streamMaxBytes = streamMaxBytes;
  }

  /** What is to be sent next, a view; call {@link sent} with what of it was taken. */
  get unsent(): Buffer {
    return this.#bytes.subarray(this.#from, this.#to);
  }

  /** Everything that was read is sent, and there is more to read. */
  get isHungry(): boolean {
    return this.#from === this.#to && !this.#ended;
  }

  /** The stream's end is sent as well. */
  get isOver(): boolean {
    return this.#from === this.#to && this.#ended;
  }

  /** Bytes of the file that have been read for the stream. */
  get readBytes(): number {
    return this.#fileOffset;
  }

  /** The command, as the first bytes of a stream. The one before is forgotten. */
  begin(): void {
    this.#from = 0;
    this.#to = COMMAND.copy(this.#bytes);
    this.#fileOffset = 0;
    this.#ended = false;
  }

  sent(bytes: number): void {
    this.#from += bytes;
    if (this.#from === this.#to) {
      this.#from = 0;
      this.#to = 0;
    }
  }

  /**
   * Reads as much as the buffer has room for, and the end of the file with it where that is near, so that a small file is one
   * send. Borrows the fd and never moves its offset. A disk or a server may let the caller wait.
   *
   * @returns `tooLarge` when more than `streamMaxBytes` came: the stream is ended then
   * @throws NativeError what was read before it stays valid; the caller ends the stream
   */
  readOn(fd: number): ReadOn {
    while (!this.#ended) {
      const dataAt = this.#to + HEADER_BYTES;
      const room = Math.min(CHUNK_MAX_BYTES, BUFFER_BYTES - HEADER_BYTES - dataAt);
      if (room < CHUNK_WORTHWHILE_BYTES) return 'read';
      const got = this.#files.readAt(fd, this.#bytes.subarray(dataAt, dataAt + room), this.#fileOffset);
      if (got === 0 || this.#fileOffset + got > this.streamMaxBytes) {
        this.end();
        return got === 0 ? 'read' : 'tooLarge';
      }
      this.#bytes.writeUInt32BE(got, this.#to);
      this.#to = dataAt + got;
      this.#fileOffset += got;
    }
    return 'read';
  }

  /** Ends the stream behind what has been read. A second time does nothing. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#to += END.copy(this.#bytes, this.#to);
  }
}
