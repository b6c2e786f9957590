import type { ScanInput } from '../engine.js';
import type { NormaliseBudget, NormalisedForm } from './normalised-form.js';

/** How text is stored. */
export type TextEncoding = 'singleByte' | 'utf16le' | 'utf16be';

/** How {@link normaliseText} works. */
export interface TextOptions {
  readonly encoding: TextEncoding;
  /** MaxScriptNormalize, bytes of input: a larger file has no such form. */
  readonly maxBytes: number;
}

/**
 * Input bytes between which a run of white space is cut in two: clamscan 1.4.6 forgets at each such border that
 * the byte before was white space (observed at 131,072 and 262,144).
 */
const CHUNK_BYTES = 131_072;

const DROP = 0;
const SPACE = 0x20;

/** What becomes of a byte: 0 it is dropped. */
const MAPPED = new Uint8Array(256).map((_, byte) => {
  if ((byte >= 9 && byte <= 13) || byte === SPACE) return SPACE;
  if (byte < SPACE || byte >= 0x80) return DROP;
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
});

/**
 * The form of a text that signatures for target 7 are matched against: lower case, one space for a run of white
 * space, control characters and everything beyond ASCII dropped (what `sigtool --ascii-normalise` writes).
 *
 * @returns undefined where there is no such form: too large, out of time, or the input shrank.
 */
export function normaliseText(
  input: ScanInput,
  { encoding, maxBytes }: TextOptions,
  budget: NormaliseBudget,
): NormalisedForm | undefined {
  if (input.sizeBytes > maxBytes) return undefined;
  const output = new Uint8Array(input.sizeBytes);
  let length = 0;
  for (let offset = 0; offset < input.sizeBytes; offset += CHUNK_BYTES) {
    if (!budget.mayContinue()) return undefined;
    const wanted = Math.min(CHUNK_BYTES, input.sizeBytes - offset);
    const chunk = input.read(offset, wanted);
    if (chunk.length < wanted) return undefined;
    length =
      encoding === 'singleByte'
        ? appendBytes(chunk, output, length)
        : appendUnits(chunk, encoding === 'utf16le', { output, length });
  }
  return { name: 'text', bytes: output.subarray(0, length) };
}

function appendBytes(chunk: Uint8Array, output: Uint8Array, start: number): number {
  let length = start;
  let wasSpace = false;
  for (let index = 0; index < chunk.length; index += 1) {
    const mapped = MAPPED[chunk[index] ?? 0] ?? DROP;
    if (mapped === DROP || (mapped === SPACE && wasSpace)) continue;
    wasSpace = mapped === SPACE;
    output[length] = mapped;
    length += 1;
  }
  return length;
}

/** Only units below U+0080 leave anything behind. */
function appendUnits(
  chunk: Uint8Array,
  isLittle: boolean,
  { output, length: start }: { readonly output: Uint8Array; readonly length: number },
): number {
  let length = start;
  let wasSpace = start > 0 && output[start - 1] === SPACE;
  const low = isLittle ? 0 : 1;
  for (let index = 0; index + 1 < chunk.length; index += 2) {
    if (chunk[index + 1 - low] !== 0) continue;
    const mapped = MAPPED[chunk[index + low] ?? 0] ?? DROP;
    if (mapped === DROP || (mapped === SPACE && wasSpace)) continue;
    wasSpace = mapped === SPACE;
    output[length] = mapped;
    length += 1;
  }
  return length;
}
