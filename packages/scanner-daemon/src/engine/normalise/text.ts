import type { ScanInput } from '../engine.js';
import type { NormaliseBudget, NormalisedForm } from './normalised-form.js';

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
 * space, control characters and everything beyond ASCII dropped (what `sigtool --ascii-normalise` writes). clamscan
 * 1.4.6 does the same with UTF-16, whose bytes it takes one by one (observed with and without byte order marks).
 *
 * @param maxBytes MaxScriptNormalize: a larger input has no such form
 * @returns undefined where there is no such form: too large, out of time, or the input shrank.
 */
export function normaliseText(
  input: ScanInput,
  maxBytes: number,
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
    length = appendBytes(chunk, output, length);
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
