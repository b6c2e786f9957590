/** Longest tag or attribute name that is told from others; a longer one is no name we look for. */
const NAME_MAX_BYTES = 16;

/** The beginning of a name while it is read, kept as bytes: a string for each would be most of the work. */
export class NameBuffer {
  readonly #bytes = new Uint8Array(NAME_MAX_BYTES);
  #length = 0;

  /** Begins a name. */
  clear(): void {
    this.#length = 0;
  }

  /** Appends a byte, in lower case. */
  add(byte: number): void {
    if (this.#length === NAME_MAX_BYTES) return;
    this.#bytes[this.#length] = byte;
    this.#length += 1;
  }

  /** Whether the name is exactly this. */
  is(name: Uint8Array): boolean {
    if (this.#length !== name.length) return false;
    for (let index = 0; index < name.length; index += 1) if (this.#bytes[index] !== name[index]) return false;
    return true;
  }
}

/** The names that matter. */
export const NAMES = {
  a: Buffer.from('a'),
  img: Buffer.from('img'),
  href: Buffer.from('href'),
  src: Buffer.from('src'),
  script: Buffer.from('script'),
  style: Buffer.from('style'),
  endScript: Buffer.from('/script'),
  endStyle: Buffer.from('/style'),
};
