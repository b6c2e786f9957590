import { UNBOUNDED } from './body-signature.js';
import type { BodyAlternative, BodyPart } from './body-signature.js';
import { malformed, unsupported } from './signature-line.js';
import type { MalformedLine, UnsupportedLine } from './signature-line.js';

/** The parts of a body, or why there are none. */
export type BodyContent =
  { readonly kind: 'parts'; readonly parts: [BodyPart, ...BodyPart[]] } | MalformedLine | UnsupportedLine;

/** More parts than any published signature has; it bounds the work of one verification. */
const PARTS_MAX = 256;
/** Longest part. The matcher keeps windows with a margin of this size. Longest in the official sets: under 1 KiB. */
export const PART_MAX_BYTES = 4096;
/** Up to here `{n}` becomes n times `??`. */
const INLINE_GAP_MAX_BYTES = 1024;
/** The matcher remembers the ends of a part for as long as the gap behind it may last. */
export const GAP_MIN_LIMIT_BYTES = 1 << 20;
/** `aa[n-m]` reaches no further in ClamAV (observed: 40 is refused). */
const ANCHORED_GAP_MAX_BYTES = 32;
/** A literal body of two bytes is refused, one of three loads (observed). */
const LITERAL_BODY_MIN_BYTES = 3;
/** Each part needs two literal bytes in a row (observed: "Can't find a static subpattern of length 2"). */
const STATIC_RUN_MIN_BYTES = 2;

const TOKEN = /([0-9a-fA-F?]{2})|(\*)|\{([^}]*)\}|\[([^\]]*)\]|(!?)\(([^()]*)\)|([^]{1,2})/gy;

/**
 * Reads the hex body of an extended signature: literals, `??`, `a?`, `?a`, `*`, `{n}`, `{-n}`, `{n-}`,
 * `{n-m}`, `[n-m]`, `(aa|bb)` and `!(aa|bb)` of equal lengths (ClamAV manual, "Body-based Signature Content Format").
 */
export function readBodyContent(body: string): BodyContent {
  const builder = new PartsBuilder();
  for (const match of body.matchAll(TOKEN)) {
    const [, byte, star, gap, anchoredGap, not, alternative] = match;
    let problem: MalformedLine | UnsupportedLine | undefined;
    if (byte !== undefined) builder.byte(byte);
    else if (star !== undefined) builder.gap({ minBytes: 0, maxBytes: UNBOUNDED }, false);
    else if (gap !== undefined) problem = addGap(builder, gap);
    else if (anchoredGap !== undefined) problem = addAnchoredGap(builder, anchoredGap);
    else if (alternative !== undefined) problem = addAlternative(builder, alternative, not === '!');
    else return malformedOrNested(body);
    if (problem !== undefined) return problem;
  }
  return builder.finish();
}

function malformedOrNested(body: string): MalformedLine | UnsupportedLine {
  const nested = /^[0-9a-fA-F?*{}[\]!()|-]+$/.test(body) && /\([^)]*\(/.test(body);
  return nested ? unsupported('nested alternatives') : malformed('invalid character in the body');
}

interface Gap {
  readonly minBytes: number;
  readonly maxBytes: number;
}

function addGap(builder: PartsBuilder, text: string): MalformedLine | UnsupportedLine | undefined {
  const exact = /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  if (exact !== undefined && exact > 0 && exact <= INLINE_GAP_MAX_BYTES) {
    for (let count = 0; count < exact; count++) builder.byte('??');
    return undefined;
  }
  const gap = readGap(text);
  if (gap === undefined) return malformed('invalid gap');
  if (gap.minBytes > GAP_MIN_LIMIT_BYTES) return unsupported('very wide gap');
  builder.gap(gap, false);
  return undefined;
}

function addAnchoredGap(builder: PartsBuilder, text: string): MalformedLine | undefined {
  const gap = readGap(text);
  if (gap === undefined || gap.minBytes > gap.maxBytes || gap.maxBytes > ANCHORED_GAP_MAX_BYTES) {
    return malformed('invalid anchored gap');
  }
  builder.gap(gap, true);
  return undefined;
}

function readGap(text: string): Gap | undefined {
  const match = /^(?:(\d{1,9})|(\d{0,9})-(\d{0,9}))$/.exec(text);
  if (match === null || text === '-') return undefined;
  const [, exact, low = '', high = ''] = match;
  const minBytes = Number(exact ?? low);
  const maxBytes = Number(exact ?? high);
  // clamd 1.4.6 takes an upper bound of 0 for none: `{0}` and `{-0}` match at any distance.
  return { minBytes, maxBytes: maxBytes === 0 ? UNBOUNDED : maxBytes };
}

function addAlternative(
  builder: PartsBuilder,
  text: string,
  negated: boolean,
): MalformedLine | UnsupportedLine | undefined {
  if (/^[BLW]$/.test(text)) return unsupported('boundary (B), (L) or (W)');
  const options = text.split('|');
  const [first = ''] = options;
  if (
    !options.every((option) => option.length > 0 && option.length % 2 === 0 && /^[0-9a-fA-F?]+$/.test(option))
  ) {
    return malformed('invalid alternative');
  }
  if (text.includes('?')) return unsupported('wildcard in an alternative');
  if (options.some((option) => option.length !== first.length))
    return unsupported('alternatives of several lengths');
  builder.alternative(
    options.map((option) => Buffer.from(option, 'hex')),
    negated,
  );
  return undefined;
}

/** Collects positions into the current part, and parts into the body. */
class PartsBuilder {
  readonly #parts: BodyPart[] = [];
  readonly #joinedByAnchor: boolean[] = [];
  #gap: Gap = { minBytes: 0, maxBytes: 0 };
  #isAnchoredGap = false;
  #values: number[] = [];
  #masks: number[] = [];
  #alternatives: BodyAlternative[] = [];

  byte(pair: string): void {
    const high = pair.charAt(0);
    const low = pair.charAt(1);
    this.#values.push(Number.parseInt((high === '?' ? '0' : high) + (low === '?' ? '0' : low), 16));
    this.#masks.push((high === '?' ? 0 : 0xf0) | (low === '?' ? 0 : 0x0f));
  }

  alternative(options: readonly Uint8Array[], negated: boolean): void {
    const lengthBytes = options[0]?.length ?? 0;
    this.#alternatives.push({ partOffset: this.#values.length, lengthBytes, negated, options });
    for (let count = 0; count < lengthBytes; count++) this.byte('??');
  }

  gap(gap: Gap, isAnchored: boolean): void {
    this.#closePart();
    this.#gap = gap;
    this.#isAnchoredGap = isAnchored;
  }

  finish(): BodyContent {
    this.#closePart();
    const [first, ...rest] = this.#parts;
    if (first === undefined) return malformed('empty body');
    if (this.#parts.length > PARTS_MAX) return unsupported('body with very many parts');
    if (this.#parts.some((part) => part.values.length > PART_MAX_BYTES))
      return unsupported('very long body part');
    if (
      rest.some(
        (part, index) => this.#joinedByAnchor[index + 1] === true && !isAnchored(this.#parts[index], part),
      )
    ) {
      return malformed('an anchored gap without a single byte on one side');
    }
    if (this.#parts.some((part, index) => !this.#isLongEnough(part, index))) {
      return malformed('a part without two literal bytes in a row');
    }
    const isLiteral = rest.length === 0 && first.masks.every((mask) => mask === 0xff);
    if (isLiteral && first.values.length < LITERAL_BODY_MIN_BYTES) return malformed('body is too short');
    return { kind: 'parts', parts: [first, ...rest] };
  }

  #closePart(): void {
    this.#parts.push({
      gapMinBytes: this.#gap.minBytes,
      gapMaxBytes: this.#gap.maxBytes,
      values: Uint8Array.from(this.#values),
      masks: Uint8Array.from(this.#masks),
      alternatives: this.#alternatives,
    });
    this.#joinedByAnchor.push(this.#isAnchoredGap);
    this.#values = [];
    this.#masks = [];
    this.#alternatives = [];
  }

  #isLongEnough(part: BodyPart, index: number): boolean {
    const touchesAnchoredGap =
      this.#joinedByAnchor[index] === true || this.#joinedByAnchor[index + 1] === true;
    if (touchesAnchoredGap && part.values.length === 1 && part.masks[0] === 0xff) return true;
    let runBytes = 0;
    return part.masks.some((mask) => {
      runBytes = mask === 0xff ? runBytes + 1 : 0;
      return runBytes >= STATIC_RUN_MIN_BYTES;
    });
  }
}

/** `[n-m]` stands next to a single byte, on one side at least. */
function isAnchored(before: BodyPart | undefined, after: BodyPart): boolean {
  return before?.values.length === 1 || after.values.length === 1;
}
