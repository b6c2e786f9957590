/** One record of a `dir` stream. */
export interface DirectoryRecord {
  readonly id: number;
  readonly data: Buffer;
}

const HEADER_BYTES = 6;
/** Says that it has four bytes and has six ([MS-OVBA], 2.3.4.2.1.11). */
const PROJECT_VERSION = 0x09;
const PROJECT_VERSION_BYTES = 6;

/** The records of a decompressed `dir` stream, one after the other ([MS-OVBA], 2.3.4.2). */
export class DirectoryRecords {
  readonly #bytes: Buffer;
  #at = 0;
  #isDamaged = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** True once a record was longer than what is left. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  next(): DirectoryRecord | undefined {
    const start = this.#at + HEADER_BYTES;
    if (this.#isDamaged || start > this.#bytes.length) return undefined;
    const id = this.#bytes.readUInt16LE(this.#at);
    const sizeBytes = id === PROJECT_VERSION ? PROJECT_VERSION_BYTES : this.#bytes.readUInt32LE(this.#at + 2);
    if (start + sizeBytes > this.#bytes.length) {
      this.#isDamaged = true;
      return undefined;
    }
    this.#at = start + sizeBytes;
    return { id, data: this.#bytes.subarray(start, this.#at) };
  }

  /** What the next record holds, if it is of this kind. */
  expect(id: number): Buffer | undefined {
    const record = this.next();
    return record?.id === id ? record.data : undefined;
  }
}
