import { codeOfEntity, ENTITY_NAME_MAX_BYTES } from './html-entities.js';

const SEMICOLON = 0x3b;
const HASH = 0x23;
const LOWER_X = 0x78;
const AMPERSAND = 0x26;

/** What a byte did to the reference that is being read. */
export type EntityStep = 'more' | 'ended' | 'endedBefore';

/** Reads what follows `&`, a byte at a time, and says what it stands for. */
export class EntityReader {
  readonly #name = new Uint8Array(ENTITY_NAME_MAX_BYTES);
  #length = 0;
  #kind: 'name' | 'number' | 'decimal' | 'hex' = 'name';
  #low = 0;
  #isLarge = false;
  #isTerminated = false;

  begin(): void {
    this.#length = 0;
    this.#kind = 'name';
    this.#low = 0;
    this.#isLarge = false;
    this.#isTerminated = false;
  }

  /** `endedBefore`: the byte does not belong to the reference. */
  feed(byte: number): EntityStep {
    if (byte === SEMICOLON) {
      this.#isTerminated = true;
      return 'ended';
    }
    if (this.#kind === 'name') return this.#feedName(byte);
    if (this.#kind === 'number') {
      const isHex = (byte | 0x20) === LOWER_X;
      this.#kind = isHex ? 'hex' : 'decimal';
      if (isHex) return 'more';
    }
    const base = this.#kind === 'hex' ? 16 : 10;
    const digit = digitOf(byte);
    if (digit >= base) return 'endedBefore';
    const value = this.#low * base + digit;
    this.#isLarge ||= value > 0xffff;
    this.#low = value & 0xffff;
    return 'more';
  }

  /** The number ends with the file: it leaves nothing behind (observed). */
  get isBareAtEnd(): boolean {
    return this.#kind !== 'name' || this.#length === 0;
  }

  /**
   * What it stands for, byte by byte. A character up to U+00FE is one byte, a later one `&#x20ac;`; an unknown
   * name stays as it was.
   */
  finish(write: (byte: number, linkByte: number) => void, isAtEnd = false): void {
    if (this.#kind !== 'name') {
      this.#finishNumber(write);
      return;
    }
    const name = Buffer.from(this.#name.buffer, 0, this.#length);
    const code = this.#isTerminated || isAtEnd ? codeOfEntity(name.toString('latin1')) : undefined;
    if (code !== undefined) {
      writeCode(code, write);
      return;
    }
    write(AMPERSAND, AMPERSAND);
    for (const byte of name) write(lower(byte), byte);
    if (this.#isTerminated) write(SEMICOLON, SEMICOLON);
  }

  #feedName(byte: number): EntityStep {
    if (byte === HASH && this.#length === 0) {
      this.#kind = 'number';
      return 'more';
    }
    if (!isNameByte(byte) || this.#length === ENTITY_NAME_MAX_BYTES) return 'endedBefore';
    this.#name[this.#length] = byte;
    this.#length += 1;
    return 'more';
  }

  /** Only with a semicolon is a letter made small, and only then is it part of a link (observed). */
  #finishNumber(write: (byte: number, linkByte: number) => void): void {
    if (!this.#isTerminated) write(this.#low & 0xff, -1);
    else if (!this.#isLarge && this.#low < 0xff) write(lower(this.#low), this.#low);
    else if (this.#low !== 0 || !this.#isLarge) writeCode(this.#low, write);
  }
}

function writeCode(code: number, write: (byte: number, linkByte: number) => void): void {
  if (code < 0xff) {
    write(code, code);
    return;
  }
  if (code === 0x3002 || code === 0xff0e) {
    write(0x2e, 0x2e);
    return;
  }
  const text = `&#x${code.toString(16).padStart(4, '0')};`;
  for (let index = 0; index < text.length; index += 1)
    write(text.charCodeAt(index), index === 0 ? code & 0xff : -1);
}

function isNameByte(byte: number): boolean {
  const small = byte | 0x20;
  return (small >= 0x61 && small <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x2d;
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

function digitOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const small = byte | 0x20;
  return small >= 0x61 && small <= 0x66 ? small - 0x57 : 99;
}
