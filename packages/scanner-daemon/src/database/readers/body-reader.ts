import type { BodyParts, BoundaryKind } from '../model/body-pattern.js';
import { readAlternates } from './body-alternates.js';
import { ANY_GAP, readAnchoredGap, readGap } from './body-gaps.js';
import type { Gap } from './body-gaps.js';
import { NO_MODIFIERS } from './body-modifiers.js';
import type { BodyModifiers } from './body-modifiers.js';
import { PartsBuilder } from './body-parts.js';
import { caselessBytes, hexNibble, WILDCARD_NIBBLE } from './hex-digits.js';
import { BOUNDARY_KINDS_OF, middleBoundary } from './middle-boundaries.js';
import type { BoundaryLetter } from './middle-boundaries.js';
import { malformed, unsupported } from './signature-line.js';
import type { MalformedLine, UnsupportedLine } from './signature-line.js';

/** The variants of a body, or why there are none. */
export type BodyVariants =
  | {
      readonly kind: 'variants';
      readonly variants: readonly [BodyParts, ...BodyParts[]];
      /** The body begins with `aa[n-m]`, and an offset is that of the part behind it (observed). */
      readonly coreIsSecond: boolean;
    }
  | MalformedLine
  | UnsupportedLine;

/** The matcher remembers the ends of a part for as long as the gap behind it may last. */
export const GAP_MIN_LIMIT_BYTES = 1 << 20;
/** More parts than any published signature has; it bounds the work of one verification. */
const PARTS_MAX = 256;
/** Product of the lengths of alternatives. The official set needs 4. */
const VARIANTS_MAX = 256;
/** Up to here `{n}` is n times `??` and does not part the body (manual, "Wildcards"; 128 does). */
const INLINE_GAP_MAX_BYTES = 127;
/** A boundary nearer to the start of a part is refused (observed: "Don't know how to create filter"). */
const FILTER_MIN_POSITIONS = 2;
/** Each part needs two literal bytes in a row (observed: "Can't find a static subpattern of length 2"). */
export const STATIC_RUN_MIN_BYTES = 2;
/** Longest part. The matcher keeps windows with a margin of this size. Longest in the official sets: 5584. */
export const PART_MAX_BYTES = 8192;

/** How a body is to be read. */
export interface BodyForm {
  readonly modifiers: BodyModifiers;
  /** Its wide form, or the plain one. */
  readonly isWide: boolean;
  /** Whether ClamAV makes a filter of it. */
  readonly isFiltered: boolean;
}

type Problem = MalformedLine | UnsupportedLine | undefined;

/** One pass over one body, in its plain or its wide form. */
export class BodyReader {
  readonly #text: string;
  readonly #modifiers: BodyModifiers;
  readonly #wide: boolean;
  readonly #isFiltered: boolean;
  readonly #builder = new PartsBuilder();
  #at = 0;
  #partCount = 1;
  /** Literal bytes in a row, up to here. */
  #run = 0;
  #hasStaticRun = false;
  /** Characters of hex and `?` since the last gap of either kind, or -1 once something else stood there. */
  #plainBytesOfPiece = 0;
  #lastMask = 0xff;
  #coreIsSecond = false;
  /** A gap in square brackets is open: the piece behind it must be a single byte, unless that before it was. */
  #anchored: 'no' | 'behind single' | 'needs single' = 'no';
  #anchoredGaps = 0;
  #partIsEmpty = true;
  /** Why the body is not supported, if it proves to be well-formed. */
  #pending: UnsupportedLine | undefined;
  /** Positions of the part up to the first boundary or generic alternative; no more are counted behind that. */
  #filterPositions = 0;
  /** All of them are `??`. */
  #filterIsBlank = true;
  /** From the first ranged gap on, `{n}` parts the body too (observed). */
  #hasRange = false;
  #boundariesBefore = 0;

  constructor(text: string, form: BodyForm) {
    this.#text = text;
    this.#modifiers = form.modifiers;
    this.#wide = form.isWide;
    this.#isFiltered = form.isFiltered;
  }

  read(): BodyVariants {
    const { fullword } = this.#modifiers;
    if (fullword) this.#builder.addBoundary(fullwordKind('Before', this.#wide), false);
    while (this.#at < this.#text.length) {
      const problem = this.#readToken();
      if (problem !== undefined) return problem;
      if (this.#builder.variantCount > VARIANTS_MAX)
        return unsupported('alternatives of very many combinations of lengths');
      if (this.#builder.partLengthBytes > PART_MAX_BYTES) return unsupported('very long body part');
    }
    const problem = this.#checkPart() ?? this.#pending;
    if (problem !== undefined) return problem;
    if (fullword) this.#builder.addBoundary(fullwordKind('After', this.#wide), false);
    return { kind: 'variants', variants: this.#builder.finish(), coreIsSecond: this.#coreIsSecond };
  }

  #readToken(): Problem {
    switch (this.#text.charAt(this.#at)) {
      case '*':
        this.#at++;
        return this.#endPart(ANY_GAP);
      case '{':
        return this.#readBraces();
      case '[':
        return this.#readBrackets();
      case '(':
        return this.#readParentheses(false);
      case '!':
        this.#at++;
        return this.#text[this.#at] === '('
          ? this.#readParentheses(true)
          : malformed('`!` without a bracket');
      default:
        return this.#readBytes();
    }
  }

  #readBytes(): Problem {
    for (;;) {
      const problem = this.#readByte();
      if (problem !== undefined) return problem;
      // At the end there is no code, and no nibble.
      if (hexNibble(this.#text.charCodeAt(this.#at)) > WILDCARD_NIBBLE) return undefined;
    }
  }

  #readByte(): Problem {
    const high = hexNibble(this.#text.charCodeAt(this.#at));
    const low = this.#at + 1 < this.#text.length ? hexNibble(this.#text.charCodeAt(this.#at + 1)) : 0xff;
    if (high > WILDCARD_NIBBLE || low > WILDCARD_NIBBLE) return malformed('invalid character in the body');
    this.#at += 2;
    const mask = (high === WILDCARD_NIBBLE ? 0 : 0xf0) | (low === WILDCARD_NIBBLE ? 0 : 0x0f);
    const value = (((high & 0xf) << 4) | (low & 0xf)) & mask;
    this.#countRun(mask === 0xff);
    this.#lastMask = mask;
    if (this.#modifiers.nocase) this.#addCaseless(value, mask);
    else this.#builder.add(value, mask);
    this.#partIsEmpty = false;
    this.#countFilter(this.#wide ? 2 : 1, mask === 0 && !this.#wide);
    if (this.#plainBytesOfPiece >= 0) this.#plainBytesOfPiece++;
    if (this.#wide) {
      this.#builder.add(0, 0xff);
      this.#countRun(true);
    }
    return undefined;
  }

  #addCaseless(value: number, mask: number): void {
    const bytes = caselessBytes(value, mask);
    const [only] = bytes;
    if (bytes.length === 1 && only !== undefined) {
      this.#builder.add(only.value, only.mask);
      return;
    }
    const options = bytes.map((byte) => ({
      values: Uint8Array.of(byte.value),
      masks: Uint8Array.of(byte.mask),
    }));
    this.#builder.addAlternates({ kind: 'alternates', groups: [options] }, false);
  }

  #countRun(isLiteral: boolean): void {
    this.#run = isLiteral ? this.#run + 1 : 0;
    if (this.#run >= STATIC_RUN_MIN_BYTES) this.#hasStaticRun = true;
  }

  #readBraces(): Problem {
    const content = this.#readUntil('}');
    if (content === undefined) return malformed('`{` without `}`');
    const exact = /^\d{1,3}$/.test(content) ? Number(content) : 0;
    if (exact === 0 || exact > INLINE_GAP_MAX_BYTES || this.#hasRange) {
      this.#hasRange = true;
      const gap = readGap(content);
      if (gap === undefined) return malformed('invalid gap');
      if (gap.minBytes > GAP_MIN_LIMIT_BYTES) return unsupported('very wide gap');
      return this.#endPart(gap);
    }
    for (let count = 0; count < exact; count++) this.#builder.add(0, 0);
    this.#run = 0;
    this.#partIsEmpty = false;
    this.#countFilter(exact, true);
    if (this.#plainBytesOfPiece >= 0) this.#plainBytesOfPiece += exact;
    return undefined;
  }

  #countFilter(positions: number, isBlank: boolean): void {
    this.#filterPositions += positions;
    if (!isBlank) this.#filterIsBlank = false;
  }

  /**
   * What is no single byte may stand at the start of a part, or behind two positions with something in them
   * (observed: "Don't know how to create filter").
   */
  #stopFilter(): Problem {
    if (this.#filterPositions === 0 || !this.#isFiltered) return undefined;
    if (this.#filterPositions < FILTER_MIN_POSITIONS || this.#filterIsBlank) {
      return malformed('an alternative or boundary behind the first byte of a part');
    }
    return undefined;
  }

  #readUntil(closing: string): string | undefined {
    const end = this.#text.indexOf(closing, this.#at);
    if (end === -1) return undefined;
    const content = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return content;
  }

  #endPart(gap: Gap): Problem {
    const problem = this.#checkPart();
    if (problem !== undefined) return problem;
    if (this.#at >= this.#text.length) return malformed('a gap at the end of the body');
    if (++this.#partCount > PARTS_MAX) return unsupported('body with very many parts');
    this.#builder.endPart(gap);
    this.#run = 0;
    this.#hasStaticRun = false;
    this.#partIsEmpty = true;
    this.#filterPositions = 0;
    this.#filterIsBlank = true;
    this.#boundariesBefore = 0;
    this.#plainBytesOfPiece = 0;
    this.#anchored = 'no';
    this.#anchoredGaps = 0;
    return undefined;
  }

  #checkPart(): Problem {
    if (this.#anchored === 'needs single' && this.#plainBytesOfPiece !== 1) {
      return malformed('an anchored gap without a single byte on one side');
    }
    if (!this.#hasStaticRun) return malformed('a part without two literal bytes in a row');
    return undefined;
  }

  /** `aa[n-m]rest` and `rest[n-m]aa`: at most one on either side of a part (observed). */
  #readBrackets(): Problem {
    const content = this.#readUntil(']');
    const gap = content === undefined ? undefined : readAnchoredGap(content);
    if (gap === undefined) return malformed('invalid anchored gap');
    // Made wide, or with a boundary beside it, a byte is none alone: it is as if braces stood there (observed).
    if (this.#modifiers.fullword || this.#wide) return this.#endPart(gap);
    const isBehindSingle = this.#anchoredGaps === 0 && this.#plainBytesOfPiece === 1;
    if (this.#anchored === 'needs single' || this.#partIsEmpty || this.#at >= this.#text.length) {
      return malformed('an anchored gap without a single byte on one side');
    }
    this.#anchored = isBehindSingle ? 'behind single' : 'needs single';
    this.#anchoredGaps++;
    this.#run = 0;
    this.#plainBytesOfPiece = 0;
    if (isBehindSingle && this.#lastMask !== 0xff) {
      // A single byte with a wildcard counts for nothing, nor does its gap (observed).
      this.#builder.clearPart();
      return undefined;
    }
    if (!isBehindSingle && this.#skipWildcardSingle()) return undefined;
    if (isBehindSingle && this.#partCount === 1) this.#coreIsSecond = true;
    this.#builder.endPart(gap);
    this.#partCount++;
    return undefined;
  }

  /** Whether `4?` or `??` stands here alone up to the end of the part; it is stepped over then. */
  #skipWildcardSingle(): boolean {
    const high = hexNibble(this.#text.charCodeAt(this.#at));
    const low = hexNibble(this.#text.charCodeAt(this.#at + 1));
    const next = this.#text[this.#at + 2];
    const isAlone = next === undefined || next === '*' || next === '{';
    if (!isAlone || high > WILDCARD_NIBBLE || low > WILDCARD_NIBBLE) return false;
    if (high < WILDCARD_NIBBLE && low < WILDCARD_NIBBLE) return false;
    this.#at += 2;
    this.#plainBytesOfPiece = 1;
    return true;
  }

  #readParentheses(negated: boolean): Problem {
    const end = closingBracket(this.#text, this.#at);
    if (end === -1) return malformed('unbalanced bracket');
    const content = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    this.#plainBytesOfPiece = -1;
    if (content === 'B' || content === 'L' || content === 'W') return this.#readBoundary(content, negated);
    if (this.#hasRange && content.includes('{'))
      return malformed('a gap in an alternative behind a ranged gap');
    this.#run = 0;
    this.#partIsEmpty = false;
    const alternates = readAlternates({
      text: content,
      negated,
      nocase: this.#modifiers.nocase,
      wide: this.#wide,
      hasModifiers: this.#modifiers !== NO_MODIFIERS,
    });
    if (alternates.kind !== 'alternates') return alternates;
    if (this.#builder.variantCount * alternates.groups.length > VARIANTS_MAX)
      return unsupported('alternatives of very many combinations of lengths');
    this.#builder.addAlternates(alternates, negated);
    if (!ONE_BYTE_ALTERNATES.test(content)) return this.#stopFilter();
    this.#countFilter(1, false);
    return undefined;
  }

  #readBoundary(letter: BoundaryLetter, negated: boolean): Problem {
    if (this.#partIsEmpty) {
      if (this.#boundariesBefore++ > 0)
        this.#pending = unsupported('several boundaries at the start of a part');
      this.#builder.addBoundary(BOUNDARY_KINDS_OF[letter].before, negated);
      return undefined;
    }
    const next = this.#text[this.#at];
    if (next === undefined || next === '*' || (next === '{' && !this.#isInlineGap())) {
      this.#builder.addBoundary(BOUNDARY_KINDS_OF[letter].after, negated);
      return undefined;
    }
    this.#run = 0;
    const problem = this.#stopFilter();
    if (problem !== undefined) return problem;
    const middle = middleBoundary(letter, negated);
    this.#builder.addAlternates(middle.alternates, middle.negated);
    return undefined;
  }

  #isInlineGap(): boolean {
    const match = /^\{(\d{1,3})\}/.exec(this.#text.slice(this.#at, this.#at + 5));
    return (
      !this.#hasRange && match !== null && Number(match[1]) > 0 && Number(match[1]) <= INLINE_GAP_MAX_BYTES
    );
  }
}

/** Alternatives that ClamAV has as one position: plain, of one byte each, negated or not. */
const ONE_BYTE_ALTERNATES = /^[0-9a-fA-F]{2}(?:\|[0-9a-fA-F]{2})*$/;

/** The boundary that modifier `f` sets on one side. */
export function fullwordKind(side: 'Before' | 'After', wide: boolean): BoundaryKind {
  return wide ? `wideNonAlphanumeric${side}` : `nonAlphanumeric${side}`;
}

/** The `)` for the `(` at `start`, or -1. */
function closingBracket(text: string, start: number): number {
  let depth = 0;
  for (let index = start; index < text.length; index++) {
    const character = text[index];
    if (character === '(') depth++;
    else if (character === ')' && --depth === 0) return index;
  }
  return -1;
}
