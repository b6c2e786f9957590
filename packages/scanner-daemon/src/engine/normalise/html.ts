import type { ScanInput } from '../engine.js';
import { CHUNK_WINDOW_BYTES, chunkLength } from './html-chunks.js';
import { HtmlMachine } from './html-machine.js';
import { HtmlOutput } from './html-output.js';
import { NORMALISE_CHUNK_BYTES } from './normalised-form.js';
import type { NormaliseBudget, NormaliseLimits } from './normalised-form.js';

/** The forms of an HTML file; `noTags` is undefined where it is larger than MaxHTMLNoTags. */
export interface HtmlForms {
  /** Lower case, without comments, quotes and white space made uniform. */
  readonly noComment: Uint8Array;
  /** The text, with the targets of links and images in it. */
  readonly noTags: Uint8Array | undefined;
}

/**
 * The forms that signatures for target 3 are matched against (what `sigtool --html-normalise` writes).
 * The names of its files: `nocomment.html` and `notags.html`.
 *
 * @returns undefined where there are none: too large, out of time, or the input shrank.
 */
export function normaliseHtml(
  input: ScanInput,
  limits: NormaliseLimits,
  budget: NormaliseBudget,
): HtmlForms | undefined {
  const { sizeBytes } = input;
  if (sizeBytes > limits.maxHtmlNormalizeBytes) return undefined;
  const output = new HtmlOutput(sizeBytes, 2 * limits.maxHtmlNormalizeBytes);
  const machine = new HtmlMachine(output);
  let nextCheck = 0;
  for (let offset = 0; offset < sizeBytes;) {
    if (offset >= nextCheck) {
      if (!budget.mayContinue()) return undefined;
      nextCheck = offset + NORMALISE_CHUNK_BYTES;
    }
    const wanted = Math.min(CHUNK_WINDOW_BYTES, sizeBytes - offset);
    const window = input.read(offset, wanted);
    if (window.length < wanted) return undefined;
    const length = chunkLength(window);
    machine.feed(window.subarray(0, length));
    offset += length;
  }
  machine.finish();
  const noTags = output.noTags.view();
  return {
    noComment: output.noComment.view(),
    noTags: noTags.length > limits.maxHtmlNoTagsBytes ? undefined : noTags,
  };
}
