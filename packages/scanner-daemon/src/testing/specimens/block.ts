/** Bytes to put somewhere into a file, with what must lie around them. */
export interface Block {
  readonly values: Uint8Array;
  /** 1 where the byte must be this one, 0 where any will do. */
  readonly fixed: Uint8Array;
  /** Where in it the match begins; the bytes before are surroundings. */
  readonly leadBytes: number;
}

/** What fills the places where any byte will do: letters in what is to be taken for text. */
export type Filling = 'binary' | 'text';

/** The byte number `index` of a filling that repeats nothing a signature would look for. */
export function fillingByte(filling: Filling, index: number): number {
  return filling === 'text' ? (TEXT_FILLING[index % TEXT_FILLING.length] ?? 0x71) : 0xc1 + ((index * 7) % 29);
}

const TEXT_FILLING = Buffer.from('qzkvwjxgqpzyvbq');

/** Collects the bytes of a block. */
export class BlockWriter {
  readonly #values: number[] = [];
  readonly #fixed: number[] = [];

  get lengthBytes(): number {
    return this.#values.length;
  }

  append(values: Iterable<number>, isFixed: boolean): this {
    for (const value of values) {
      this.#values.push(value);
      this.#fixed.push(isFixed ? 1 : 0);
    }
    return this;
  }

  appendMasked(values: Uint8Array, masks: Uint8Array): this {
    for (let index = 0; index < values.length; index++)
      this.append([values[index] ?? 0], (masks[index] ?? 0) !== 0);
    return this;
  }

  finish(leadBytes: number): Block {
    return { values: Uint8Array.from(this.#values), fixed: Uint8Array.from(this.#fixed), leadBytes };
  }
}

/** A block of bytes that all matter. */
export function fixedBlock(bytes: Uint8Array, leadBytes = 0): Block {
  return { values: bytes, fixed: new Uint8Array(bytes.length).fill(1), leadBytes };
}

/** A file under construction: what is fixed stays, what is not may still be taken. */
export class Canvas {
  readonly #emptyByte: number;
  #values: Uint8Array;
  #fixed = new Uint8Array(4096);
  #lengthBytes = 0;

  /** @param emptyByte - what lies where nothing was put */
  constructor(emptyByte: number) {
    this.#emptyByte = emptyByte;
    this.#values = new Uint8Array(4096).fill(emptyByte);
  }

  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  /** Makes it at least so long. */
  extendTo(lengthBytes: number): void {
    if (lengthBytes > this.#values.length) {
      const values = new Uint8Array(Math.max(lengthBytes, 2 * this.#values.length)).fill(this.#emptyByte);
      const fixed = new Uint8Array(values.length);
      values.set(this.#values);
      fixed.set(this.#fixed);
      this.#values = values;
      this.#fixed = fixed;
    }
    this.#lengthBytes = Math.max(this.#lengthBytes, lengthBytes);
  }

  /** @returns false, with nothing changed, where it would overwrite what is fixed and differs. */
  put(fileOffset: number, { values, fixed }: Pick<Block, 'values' | 'fixed'>): boolean {
    if (fileOffset < 0) return false;
    this.extendTo(fileOffset + values.length);
    for (let index = 0; index < values.length; index++) {
      const at = fileOffset + index;
      if (fixed[index] === 1 && this.#fixed[at] === 1 && this.#values[at] !== values[index]) return false;
    }
    for (let index = 0; index < values.length; index++) {
      const at = fileOffset + index;
      if (this.#fixed[at] === 1) continue;
      this.#values[at] = values[index] ?? 0;
      this.#fixed[at] = fixed[index] ?? 0;
    }
    return true;
  }

  /** Whether nothing there is fixed. */
  isFree(fileOffset: number, lengthBytes: number): boolean {
    return !this.#fixed.subarray(fileOffset, fileOffset + lengthBytes).includes(1);
  }

  finish(): Uint8Array {
    return this.#values.slice(0, this.#lengthBytes);
  }
}
