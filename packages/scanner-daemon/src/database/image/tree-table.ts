import { ALIGNMENT_BYTES, TREE_BYTES_MAX } from './image-format.js';

/** The typed arrays that an image can hold. */
export type ImageArray = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array | BigUint64Array;

/** A tree taken apart: a table in JSON, and the arrays that stand behind it one after the other. */
export interface TreeTable {
  /** JSON in UTF-8, filled up with spaces to a multiple of {@link ALIGNMENT_BYTES}. */
  readonly table: Uint8Array;
  /** Each begins at the next multiple of {@link ALIGNMENT_BYTES} after its predecessor. */
  readonly arrays: readonly ImageArray[];
  /** Of all arrays so laid out, a multiple of {@link ALIGNMENT_BYTES}. */
  readonly arrayBytes: number;
}

/** What no image can hold: a value, or a tree over a bound. `why` says what and where. */
export interface UnwritableTree {
  readonly kind: 'unwritable';
  readonly why: string;
}

/**
 * The table is the tree itself; what JSON has no word for is an object with this key. Typed arrays:
 * `{"$": "Uint32Array", "o": <offset in bytes>, "n": <elements>}`.
 */
const MARK = '$';
/** Deeper than a database, and far from the end of the stack. */
const DEPTH_MAX = 64;

const ARRAY_TYPES = new Map<unknown, ArrayType>([
  ['Uint8Array', { elementBytes: 1, view: (b, o, n) => new Uint8Array(b, o, n) }],
  ['Uint16Array', { elementBytes: 2, view: (b, o, n) => new Uint16Array(b, o, n) }],
  ['Uint32Array', { elementBytes: 4, view: (b, o, n) => new Uint32Array(b, o, n) }],
  ['Int32Array', { elementBytes: 4, view: (b, o, n) => new Int32Array(b, o, n) }],
  ['Float64Array', { elementBytes: 8, view: (b, o, n) => new Float64Array(b, o, n) }],
  ['BigUint64Array', { elementBytes: 8, view: (b, o, n) => new BigUint64Array(b, o, n) }],
]);

interface ArrayType {
  readonly elementBytes: number;
  readonly view: (buffer: SharedArrayBuffer, offset: number, length: number) => ImageArray;
}

/** The values that JSON would lose. */
const SPECIAL_VALUES = new Map<unknown, number | undefined>([
  ['undefined', undefined],
  ['NaN', Number.NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['-0', -0],
]);

/**
 * Takes a tree of plain objects and arrays apart, with numbers, strings, booleans, null, undefined and typed arrays
 * for leaves. An array that occurs twice is kept once.
 */
export function takeApart(tree: unknown): TreeTable | UnwritableTree {
  const writer = new TableWriter();
  try {
    const json = Buffer.from(JSON.stringify(writer.encode(tree, 0)), 'utf8');
    const table = Buffer.alloc(alignUp(json.byteLength), ' ');
    if (table.byteLength > TREE_BYTES_MAX) return { kind: 'unwritable', why: 'the table is too large' };
    json.copy(table);
    return { table, arrays: writer.arrays, arrayBytes: writer.arrayBytes };
  } catch (error) {
    if (error instanceof UnwritableError) return { kind: 'unwritable', why: error.message };
    // JSON.stringify, past the longest string there can be.
    if (error instanceof RangeError) return { kind: 'unwritable', why: 'the table is too large' };
    throw error;
  }
}

/** The next multiple of {@link ALIGNMENT_BYTES}. */
export function alignUp(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

/** Ends the walk over a tree; never leaves this file. */
class UnwritableError extends Error {}

class TableWriter {
  readonly arrays: ImageArray[] = [];
  arrayBytes = 0;
  readonly #offsets = new Map<object, number>();

  encode(value: unknown, depth: number): unknown {
    if (depth > DEPTH_MAX) throw new UnwritableError(`deeper than ${DEPTH_MAX} levels, or a circle`);
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value;
      case 'undefined':
        return { [MARK]: 'undefined' };
      case 'number':
        if (Object.is(value, -0)) return { [MARK]: '-0' };
        return Number.isFinite(value) ? value : { [MARK]: String(value) };
      case 'object':
        if (value === null) return null;
        if (Array.isArray(value)) return value.map((element) => this.encode(element, depth + 1));
        return ArrayBuffer.isView(value) ? this.#encodeArray(value) : this.#encodeObject(value, depth);
      case 'bigint':
        return { [MARK]: 'bigint', v: value.toString() };
      case 'function':
      case 'symbol':
        throw new UnwritableError(`a ${typeof value}`);
    }
  }

  #encodeObject(object: object, depth: number): unknown {
    // Not by identity: an object may come from another realm.
    const prototype: unknown = Object.getPrototypeOf(object);
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      throw new UnwritableError(`an object of ${object.constructor.name}`);
    }
    return Object.fromEntries(
      Object.entries(object).map(([key, value]) => {
        if (key === MARK || key === '__proto__') throw new UnwritableError(`the key ${key}`);
        return [key, this.encode(value, depth + 1)];
      }),
    );
  }

  #encodeArray(view: ArrayBufferView): unknown {
    const name = Object.prototype.toString.call(view).slice('[object '.length, -1);
    if (!ARRAY_TYPES.has(name)) throw new UnwritableError(`a ${name}`);
    // The name has just been looked up among these types.
    const array = view as ImageArray;
    let offset = this.#offsets.get(array);
    if (offset === undefined) {
      offset = this.arrayBytes;
      this.#offsets.set(array, offset);
      this.arrays.push(array);
      this.arrayBytes += alignUp(array.byteLength);
    }
    return { [MARK]: name, o: offset, n: array.length };
  }
}

/**
 * Puts a tree together again, over the memory that its arrays were read into.
 *
 * @returns undefined where the table is none that {@link takeApart} made for this memory.
 */
export function putTogether(
  table: Buffer,
  memory: SharedArrayBuffer,
): { readonly tree: unknown } | undefined {
  try {
    return { tree: decode(JSON.parse(table.toString('utf8')), memory, 0) };
  } catch {
    // JSON.parse, a key or a bound: all say the same about the table.
    return undefined;
  }
}

/** Replaces the marks in place: JSON.parse made these objects for us. There may be a hundred thousand. */
function decode(value: unknown, memory: SharedArrayBuffer, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DEPTH_MAX) throw new RangeError('too deep');
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const element: unknown = value[index];
      if (typeof element === 'object') value[index] = decode(element, memory, depth + 1);
    }
    return value;
  }
  // Not an array, so JSON.parse made a plain object of it.
  const node = value as Record<string, unknown>;
  if (Object.hasOwn(node, MARK)) return decodeMark(node, memory);
  // Half the time of Object.entries.
  for (const key in node) {
    if (key === '__proto__') throw new RangeError(key);
    const child = node[key];
    if (typeof child === 'object') node[key] = decode(child, memory, depth + 1);
  }
  return node;
}

function decodeMark(mark: Record<string, unknown>, memory: SharedArrayBuffer): unknown {
  const name = mark[MARK];
  if (SPECIAL_VALUES.has(name)) return SPECIAL_VALUES.get(name);
  if (name === 'bigint') return decodeBigint(mark['v']);
  const type = ARRAY_TYPES.get(name);
  const { o: offset, n: length } = mark;
  if (type === undefined || !isCount(offset) || !isCount(length)) throw new RangeError('mark');
  if (offset % ALIGNMENT_BYTES !== 0 || offset + length * type.elementBytes > memory.byteLength) {
    throw new RangeError('bounds');
  }
  return type.view(memory, offset, length);
}

/** 64 bits have 20 digits; twice that bounds what is parsed. */
const BIGINT_TEXT = /^-?\d{1,40}$/;

function decodeBigint(text: unknown): bigint {
  if (typeof text !== 'string' || !BIGINT_TEXT.test(text)) throw new RangeError('bigint');
  return BigInt(text);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
