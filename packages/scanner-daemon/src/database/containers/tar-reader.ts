import type { FileReader } from '../signature-sink.js';

const BLOCK_BYTES = 512;
/** Where the fields of a header are (POSIX.1-1988 ustar). */
const NAME_BYTES = 100;
const SIZE_OFFSET = 124;
const SIZE_BYTES = 12;
const TYPE_OFFSET = 156;
const REGULAR: ReadonlySet<number> = new Set([0x00, 0x30]);
const NUL = 0;

/** Bounds of what is inside a container, unpacked; several times what the largest published one has. */
export const CONTAINER_BOUNDS = {
  entries: 10_000,
  entryBytes: 2 ** 31 - 1,
  totalBytes: 8 * 1024 ** 3,
};

/** One regular file of an archive; its name is data, never a path. */
export interface TarEntry {
  /** Latin1, up to the first NUL; a name with a slash is refused (observed). */
  readonly name: string;
  readonly sizeBytes: number;
}

/** Who takes what is in an archive, and how much of it there may be. */
export interface TarReaderOptions {
  /** Who takes the content of an entry; undefined: nobody does. Its end comes when all of it was there. */
  readonly openEntry: (entry: TarEntry) => FileReader | undefined;
  /** Called with what is wrong with the archive, and throws. */
  readonly fail: (reason: string) => never;
  /** Unless a test makes do with less. */
  readonly bounds?: typeof CONTAINER_BOUNDS;
}

/**
 * Takes an archive apart while it comes in pieces, as clamd does it: what is no plain file is an error, a checksum is not
 * looked at, an empty header ends the archive, and one that breaks off is one that ends there (all observed).
 */
export class TarReader {
  readonly #options: TarReaderOptions;
  readonly #header = Buffer.alloc(BLOCK_BYTES);
  #headerBytes = 0;
  #entry: FileReader | undefined;
  /** Of the content of the entry, and of what fills up its last block. */
  #contentLeft = 0;
  #paddingLeft = 0;
  #isOpen = false;
  #isAtEnd = false;
  #entries = 0;
  #totalBytes = 0;

  constructor(options: TarReaderOptions) {
    this.#options = options;
  }

  /** Whether the archive has ended, so that nothing more of it need be read. */
  get isAtEnd(): boolean {
    return this.#isAtEnd;
  }

  push(piece: Uint8Array): void {
    const { bounds = CONTAINER_BOUNDS, fail } = this.#options;
    this.#totalBytes += piece.length;
    if (this.#totalBytes > bounds.totalBytes) fail('more content than a container may have');
    let start = 0;
    while (start < piece.length && !this.#isAtEnd) start += this.#take(piece.subarray(start));
  }

  /** The archive ends here: what was read of its last entry is all there is of it. */
  end(): void {
    if (this.#isOpen) this.#closeEntry();
  }

  /** Takes the beginning of a piece. @returns how many bytes. */
  #take(piece: Uint8Array): number {
    if (this.#contentLeft > 0) {
      const count = Math.min(piece.length, this.#contentLeft);
      this.#entry?.push(piece.subarray(0, count));
      this.#contentLeft -= count;
      if (this.#contentLeft === 0) this.#closeEntry();
      return count;
    }
    if (this.#paddingLeft > 0) {
      const count = Math.min(piece.length, this.#paddingLeft);
      this.#paddingLeft -= count;
      return count;
    }
    const count = Math.min(piece.length, BLOCK_BYTES - this.#headerBytes);
    this.#header.set(piece.subarray(0, count), this.#headerBytes);
    this.#headerBytes += count;
    if (this.#headerBytes === BLOCK_BYTES) {
      this.#headerBytes = 0;
      this.#takeHeader();
    }
    return count;
  }

  #takeHeader(): void {
    const { openEntry, fail, bounds = CONTAINER_BOUNDS } = this.#options;
    if (this.#header[0] === NUL) {
      this.#isAtEnd = true;
      return;
    }
    if (++this.#entries > bounds.entries) fail('more entries than a container may have');
    const name = textOf(this.#header.subarray(0, NAME_BYTES));
    if (name.includes('/')) fail('a name with a slash');
    const type = this.#header[TYPE_OFFSET] ?? 0;
    if (!REGULAR.has(type)) fail('an entry that is no plain file');
    const sizeBytes = readSize(this.#header.subarray(SIZE_OFFSET, SIZE_OFFSET + SIZE_BYTES));
    if (sizeBytes === undefined || sizeBytes > bounds.entryBytes) return fail('invalid size of an entry');
    this.#contentLeft = sizeBytes;
    this.#paddingLeft = (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
    this.#entry = openEntry({ name, sizeBytes });
    this.#isOpen = true;
    if (sizeBytes === 0) this.#closeEntry();
  }

  #closeEntry(): void {
    const entry = this.#entry;
    this.#entry = undefined;
    this.#isOpen = false;
    entry?.end();
  }
}

function textOf(field: Buffer): string {
  const end = field.indexOf(NUL);
  return field.toString('latin1', 0, end === -1 ? field.length : end);
}

function readSize(field: Buffer): number | undefined {
  const digits = /^ *([0-7]+)[ \0]*$/.exec(field.toString('latin1'))?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}
