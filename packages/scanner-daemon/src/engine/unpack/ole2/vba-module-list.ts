/** Where the references to type libraries begin; what is before them is the header. */
const REFERENCES_START = 0x1e;
/** Three strings that are not there, each a length of 0xffff: with a fixed number of bytes they lead to the modules. */
const EMPTY_STRINGS = Buffer.alloc(6, 0xff);
const BEFORE_COUNT_BYTES = EMPTY_STRINGS.length + 100;
const NO_STRING = 0xffff;

/** A module as a `_VBA_PROJECT` stream lists it. */
export interface ListedModule {
  /** The name of its stream, UTF-16LE. */
  readonly name: Buffer;
  /** Where in that stream the compressed source begins. */
  readonly sourceOffset: number;
}

/**
 * The modules that a `_VBA_PROJECT` stream lists. [MS-OVBA] (2.3.4.1) leaves its content open; this is what projects of
 * Office 97 and 2007 have in common, and what clamscan 1.4.6 goes by (observed), whatever version the stream gives.
 */
export function listedModules(stream: Buffer): readonly ListedModule[] {
  const marker = stream.indexOf(EMPTY_STRINGS, REFERENCES_START);
  if (marker === -1) return [];
  const reader = new RecordReader(stream, marker + BEFORE_COUNT_BYTES);
  const count = reader.number16() ?? 0;
  const modules: ListedModule[] = [];
  for (let index = 0; index < count; index += 1) {
    const listed = readModule(reader);
    if (listed === undefined) break;
    modules.push(listed);
  }
  return modules;
}

function readModule(reader: RecordReader): ListedModule | undefined {
  const name = reader.string();
  reader.skip(reader.number16());
  const lengthBytes = reader.number16();
  if (lengthBytes === NO_STRING) {
    reader.skip(2);
    reader.skip(reader.number16());
  } else {
    reader.skip(lengthBytes);
    reader.skip(2);
  }
  reader.skip(8);
  reader.skip(8 * (reader.number16() ?? 0));
  reader.skip(5);
  const sourceOffset = reader.number32();
  reader.skip(2);
  return name === undefined || sourceOffset === undefined ? undefined : { name, sourceOffset };
}

/** Reads fields one after the other; behind the end there is nothing but undefined. */
class RecordReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  skip(lengthBytes: number | undefined): void {
    this.#at += lengthBytes ?? 0;
  }

  number16(): number | undefined {
    const at = this.#take(2);
    return at === undefined ? undefined : this.#bytes.readUInt16LE(at);
  }

  number32(): number | undefined {
    const at = this.#take(4);
    return at === undefined ? undefined : this.#bytes.readUInt32LE(at);
  }

  string(): Buffer | undefined {
    const lengthBytes = this.number16();
    const at = lengthBytes === undefined ? undefined : this.#take(lengthBytes);
    return at === undefined ? undefined : this.#bytes.subarray(at, this.#at);
  }

  #take(lengthBytes: number): number | undefined {
    const at = this.#at;
    if (at + lengthBytes > this.#bytes.length) return undefined;
    this.#at = at + lengthBytes;
    return at;
  }
}
