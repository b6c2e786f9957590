import type { ScanInput } from '../engine.js';
import type { FileType } from '../file-types/file-type.js';
import { hasHtmlMarkAnywhere } from '../file-types/html-mark-search.js';
import { normaliseHtml } from '../normalise/html.js';
import type { NormaliseLimits } from '../normalise/normalised-form.js';
import { normaliseScripts } from '../normalise/script.js';
import { normaliseText } from '../normalise/text.js';
import type { ScanBudget } from '../scan-budget.js';
import type { BuiltinEngineOptions } from './engine-options.js';

const TARGET_HTML = 3;
const TARGET_TEXT = 7;

const TEXTS: ReadonlySet<FileType> = new Set(['textAscii', 'textUtf16le', 'textUtf16be']);

/** A form of a file that signatures of one target, and those for any, are matched against. */
export interface TargetedForm {
  readonly target: number;
  readonly bytes: Uint8Array;
}

/** The normalised forms of a file; none for what is neither text nor HTML, or is larger than the limits. */
export function normalisedForms(
  input: ScanInput,
  type: FileType,
  { parse, normalise }: BuiltinEngineOptions,
  budget: ScanBudget,
): readonly TargetedForm[] {
  const maybeHtml = type === 'textAscii' || type === 'gif';
  if (maybeHtml && parse.html && input.sizeBytes <= normalise.maxHtmlNormalizeBytes) {
    // Instead of the form as text, which clamscan 1.4.6 then does not look at (observed).
    if (hasHtmlMarkAnywhere(input, () => budget.mayContinue())) return htmlForms(input, normalise, budget);
  }
  if (TEXTS.has(type)) {
    const form = normaliseText(input, normalise.maxScriptNormalizeBytes, budget);
    return form === undefined ? [] : [{ target: TARGET_TEXT, bytes: form.bytes }];
  }
  return parse.html && (type === 'html' || type === 'htmlUtf16') ? htmlForms(input, normalise, budget) : [];
}

function htmlForms(
  input: ScanInput,
  normalise: NormaliseLimits,
  budget: ScanBudget,
): readonly TargetedForm[] {
  const forms = normaliseHtml(input, normalise, budget);
  if (forms === undefined) return [];
  const scripts = normaliseScripts(input, normalise.maxHtmlNormalizeBytes, budget);
  return [
    { target: TARGET_HTML, bytes: forms.noComment },
    { target: TARGET_HTML, bytes: forms.noTags },
    // Matched by signatures for both targets (observed).
    { target: TARGET_HTML, bytes: scripts },
    { target: TARGET_TEXT, bytes: scripts },
  ].flatMap(({ target, bytes }) => (bytes === undefined ? [] : [{ target, bytes }]));
}
