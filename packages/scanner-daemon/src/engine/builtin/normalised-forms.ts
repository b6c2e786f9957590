import type { ScanInput } from '../engine.js';
import type { FileType } from '../file-types/file-type.js';
import { normaliseHtml } from '../normalise/html.js';
import { normaliseText, type TextEncoding } from '../normalise/text.js';
import type { ScanBudget } from '../scan-budget.js';
import type { BuiltinEngineOptions } from './engine-options.js';

const TARGET_HTML = 3;
const TARGET_TEXT = 7;

const ENCODINGS: Readonly<Partial<Record<FileType, TextEncoding>>> = {
  textAscii: 'singleByte',
  textUtf16le: 'utf16le',
  textUtf16be: 'utf16be',
};

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
  const encoding = ENCODINGS[type];
  if (encoding !== undefined) {
    const form = normaliseText(input, { encoding, maxBytes: normalise.maxScriptNormalizeBytes }, budget);
    return form === undefined ? [] : [{ target: TARGET_TEXT, bytes: form.bytes }];
  }
  if ((type !== 'html' && type !== 'htmlUtf16') || !parse.html) return [];
  const forms = normaliseHtml(input, normalise, budget);
  if (forms === undefined) return [];
  return [forms.noComment, forms.noTags].flatMap((bytes) =>
    bytes === undefined ? [] : [{ target: TARGET_HTML, bytes }],
  );
}
