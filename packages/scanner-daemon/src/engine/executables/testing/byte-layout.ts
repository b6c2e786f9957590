/** Bytes at a place of a file under construction. */
export interface Placement {
  readonly fileOffset: number;
  readonly bytes: Uint8Array;
}

/** Little or big endian numbers one after the other, for headers. Sizes in bits are in the names. */
export class ByteWriter {
  readonly #littleEndian: boolean;
  readonly #bytes: number[] = [];

  constructor(littleEndian: boolean) {
    this.#littleEndian = littleEndian;
  }

  get lengthBytes(): number {
    return this.#bytes.length;
  }

  number(value: number | bigint, widthBytes: number): this {
    const digits = Array.from({ length: widthBytes }, (_, index) =>
      Number(BigInt.asUintN(8, BigInt(value) >> BigInt(8 * index))),
    );
    this.#bytes.push(...(this.#littleEndian ? digits : digits.reverse()));
    return this;
  }

  u16(...values: readonly number[]): this {
    for (const value of values) this.number(value, 2);
    return this;
  }

  u32(...values: readonly number[]): this {
    for (const value of values) this.number(value, 4);
    return this;
  }

  /** ASCII, cut or filled up with zeros. */
  text(text: string, lengthBytes = text.length): this {
    for (let index = 0; index < lengthBytes; index += 1) {
      this.#bytes.push(index < text.length ? text.charCodeAt(index) & 0xff : 0);
    }
    return this;
  }

  bytes(bytes: Uint8Array): this {
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

/** A file made of pieces; later ones cover earlier ones. Gaps hold zeros. */
export function layOut(placements: readonly Placement[], totalBytes?: number): Uint8Array {
  const end = placements.reduce(
    (most, { fileOffset, bytes }) => Math.max(most, fileOffset + bytes.length),
    0,
  );
  const file = new Uint8Array(totalBytes ?? end);
  for (const { fileOffset, bytes } of placements) {
    if (fileOffset >= file.length) continue;
    file.set(bytes.subarray(0, file.length - fileOffset), fileOffset);
  }
  return file;
}

export function roundUpTo(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
