import type { MaskedBytes } from '../model/body-pattern.js';
import { caselessBytes, hexNibble, WILDCARD_NIBBLE } from './hex-digits.js';
import { malformed, unsupported } from './signature-line.js';
import type { MalformedLine, UnsupportedLine } from './signature-line.js';

/** What stands between the brackets, and how it is to be read. */
export interface AlternatesSource {
  readonly text: string;
  readonly negated: boolean;
  readonly nocase: boolean;
  /** A zero byte after each. */
  readonly wide: boolean;
  /** The body has modifiers, if only `a`. */
  readonly hasModifiers: boolean;
}

/** The byte strings of an alternation, nested ones multiplied out, grouped by length. */
export interface Alternates {
  readonly kind: 'alternates';
  /** In ascending order of length. */
  readonly groups: readonly (readonly MaskedBytes[])[];
}

/** More than any published signature has (the largest of the official set has 60). */
const OPTIONS_MAX = 4096;
/** Of all options together. */
const OPTION_BYTES_MAX = 1 << 16;
/** `{n}` within an alternation; from 128 on ClamAV refuses it. */
const INNER_GAP_MAX_BYTES = 127;
const DEPTH_MAX = 16;

/**
 * Reads `aa|bb|c?|dd{3}ee|(ff|gg)hh` (manual, "Alternate strings"). A negated one takes plain bytes of one length
 * only and no modifiers (observed).
 */
export function readAlternates(source: AlternatesSource): Alternates | MalformedLine | UnsupportedLine {
  if (source.negated) return readNegated(source);
  const reader = new OptionsReader(source);
  const options = reader.read();
  if (!Array.isArray(options)) return options;
  const byLength = new Map<number, MaskedBytes[]>();
  for (const option of options) {
    const group = byLength.get(option.values.length);
    if (group === undefined) byLength.set(option.values.length, [option]);
    else group.push(option);
  }
  const groups = [...byLength].sort(([a], [b]) => a - b).map(([, group]) => group);
  return { kind: 'alternates', groups };
}

function readNegated(source: AlternatesSource): Alternates | MalformedLine {
  const options = source.text.split('|');
  const [first = ''] = options;
  if (source.hasModifiers) return malformed('a negated alternative with modifiers');
  if (first === '' || options.some((option) => option.length !== first.length)) {
    return malformed('a negated alternative of several lengths');
  }
  if (first.length % 2 !== 0 || !/^[0-9a-fA-F|]+$/.test(source.text))
    return malformed('invalid negated alternative');
  return {
    kind: 'alternates',
    groups: [options.map((option) => plainBytes(Buffer.from(option, 'hex')))],
  };
}

/** Literal bytes with the masks for them. */
export function plainBytes(values: Uint8Array): MaskedBytes {
  return { values: Uint8Array.from(values), masks: literalMasks(values.length) };
}

const LITERAL_MASKS = new Map<number, Uint8Array>();
const ALL_LITERAL = new Uint8Array(1 << 14).fill(0xff);

/** The masks of `length` literal bytes: the same array for every pattern of that length. Not to be written to. */
export function literalMasks(length: number): Uint8Array {
  const known = LITERAL_MASKS.get(length);
  if (known !== undefined) return known;
  const masks =
    length <= ALL_LITERAL.length ? ALL_LITERAL.subarray(0, length) : new Uint8Array(length).fill(0xff);
  LITERAL_MASKS.set(length, masks);
  return masks;
}

/** A byte string under construction. */
interface Option {
  readonly values: readonly number[];
  readonly masks: readonly number[];
}

const EMPTY_OPTION: Option = { values: [], masks: [] };

/** Recursive descent over one alternation; its bounds hold for the whole of it. */
class OptionsReader {
  readonly #source: AlternatesSource;
  #at = 0;
  #budgetBytes = OPTION_BYTES_MAX;

  constructor(source: AlternatesSource) {
    this.#source = source;
  }

  read(): MaskedBytes[] | MalformedLine | UnsupportedLine {
    const options = this.#readChoice(0);
    if (!Array.isArray(options)) return options;
    if (this.#at < this.#source.text.length) return malformed('unbalanced bracket in an alternative');
    return options.map(({ values, masks }) => ({
      values: Uint8Array.from(values),
      masks: Uint8Array.from(masks),
    }));
  }

  #readChoice(depth: number): Option[] | MalformedLine | UnsupportedLine {
    if (depth > DEPTH_MAX) return unsupported('deeply nested alternatives');
    const all: Option[] = [];
    for (;;) {
      // An empty alternative at the end is as if it were not there (observed); elsewhere it is refused.
      if (depth === 0 && all.length > 0 && this.#at === this.#source.text.length) return all;
      const options = this.#readSequence(depth);
      if (!Array.isArray(options)) return options;
      all.push(...options);
      if (all.length > OPTIONS_MAX) return unsupported('very many alternatives');
      if (this.#source.text[this.#at] !== '|') return all;
      this.#at++;
    }
  }

  #readSequence(depth: number): Option[] | MalformedLine | UnsupportedLine {
    const { text } = this.#source;
    let options: Option[] = [EMPTY_OPTION];
    while (this.#at < text.length && text[this.#at] !== '|' && text[this.#at] !== ')') {
      const piece = this.#readPiece(depth);
      if (!Array.isArray(piece)) return piece;
      options = join(options, piece);
      for (const { values } of options) this.#budgetBytes -= values.length;
      if (options.length > OPTIONS_MAX || this.#budgetBytes < 0) return unsupported('very many alternatives');
    }
    if (options.length === 1 && options[0]?.values.length === 0) return malformed('an empty alternative');
    return options;
  }

  #readPiece(depth: number): Option[] | MalformedLine | UnsupportedLine {
    const { text } = this.#source;
    if (text[this.#at] === '(') {
      this.#at++;
      const inner = this.#readChoice(depth + 1);
      if (Array.isArray(inner) && text[this.#at++] !== ')')
        return malformed('unbalanced bracket in an alternative');
      return inner;
    }
    if (text[this.#at] === '{') return this.#readGap();
    return this.#readByte();
  }

  #readGap(): Option[] | MalformedLine {
    const { text } = this.#source;
    const end = text.indexOf('}', this.#at);
    const digits = end === -1 ? '' : text.slice(this.#at + 1, end);
    const length = /^\d{1,3}$/.test(digits) ? Number(digits) : 0;
    if (length === 0 || length > INNER_GAP_MAX_BYTES) return malformed('invalid gap in an alternative');
    this.#at = end + 1;
    const zeros = new Array<number>(length).fill(0);
    return [{ values: zeros, masks: zeros }];
  }

  #readByte(): Option[] | MalformedLine {
    const { text, nocase, wide } = this.#source;
    const high = hexNibble(text.charCodeAt(this.#at));
    const low = this.#at + 1 < text.length ? hexNibble(text.charCodeAt(this.#at + 1)) : 0xff;
    if (high > WILDCARD_NIBBLE || low > WILDCARD_NIBBLE) return malformed('invalid alternative');
    this.#at += 2;
    const mask = (high === WILDCARD_NIBBLE ? 0 : 0xf0) | (low === WILDCARD_NIBBLE ? 0 : 0x0f);
    const value = (((high & 0xf) << 4) | (low & 0xf)) & mask;
    const bytes = nocase ? caselessBytes(value, mask) : [{ value, mask }];
    return bytes.map((byte) =>
      wide
        ? { values: [byte.value, 0], masks: [byte.mask, 0xff] }
        : { values: [byte.value], masks: [byte.mask] },
    );
  }
}

function join(heads: readonly Option[], tails: readonly Option[]): Option[] {
  return heads.flatMap((head) =>
    tails.map((tail) => ({
      values: [...head.values, ...tail.values],
      masks: [...head.masks, ...tail.masks],
    })),
  );
}
