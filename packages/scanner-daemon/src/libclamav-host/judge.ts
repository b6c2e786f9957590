import { limitOfOption, type ScanLimit, type ScanVerdict } from '@portcullis/shared';
import {
  CL_CLEAN,
  CL_ETIMEOUT,
  CL_VERIFIED,
  CL_VIRUS,
  type ScanResult,
} from '../engine/libclamav/binding.js';
import { engineErrorText } from '../scheduler/engine-error-text.js';

/** What one call came to, and the names that libclamav called back with meanwhile. */
export interface ScanOutcome extends ScanResult {
  readonly names: readonly string[];
}

/** `Heuristics.Limits.Exceeded.MaxFiles`: AlertExceedsMax names the option (behaviour 3.4). */
const LIMIT_PREFIX = 'Heuristics.Limits.Exceeded.';
/** Where libclamav calls a file infected and does not say by what; a top-level one over MaxFileSize was seen so. */
const UNNAMED = 'Unnamed';

/** The verdict of a scan that ends with the first signature. @param options.scanWithoutLimits the same without alerts of limits, where those are not to be seen. */
export function judgeFirst(
  scan: () => ScanOutcome,
  options: {
    readonly scanWithoutLimits: (() => ScanOutcome) | undefined;
    readonly errorText: (code: number) => string;
  },
): ScanVerdict {
  const { scanWithoutLimits, errorText } = options;
  const outcome = scan();
  const limit = outcome.code === CL_VIRUS ? limitOf(outcome.signatureName) : undefined;
  if (limit === undefined || scanWithoutLimits === undefined) return judgeCode(outcome, errorText);
  // The alert may stand before a heuristic that would have been named without it. Time has run out either way.
  const again = limit === 'timeLimit' ? undefined : judgeCode(scanWithoutLimits(), errorText);
  return again?.kind === 'infected' ? again : { kind: 'incomplete', reason: limit };
}

/** The verdict of a scan for all signatures. What was found before a limit or an error came in the way stands. */
export function judgeAll(
  outcome: ScanOutcome,
  options: { readonly hidesLimits: boolean; readonly errorText: (code: number) => string },
): ScanVerdict {
  const { names } = outcome;
  const shown = options.hidesLimits ? names.filter((name) => limitOf(name) === undefined) : names;
  const [first, ...others] = shown;
  if (first !== undefined) return { kind: 'infected', signatureNames: [first, ...others] };
  const limit = options.hidesLimits ? (limitOf(names[0]) ?? limitOf(outcome.signatureName)) : undefined;
  if (limit !== undefined) return { kind: 'incomplete', reason: limit };
  return judgeCode(outcome, options.errorText);
}

/** @returns undefined for what is no alert of a limit; limits without an option of their own count as MaxScanSize. */
function limitOf(name: string | undefined): ScanLimit | undefined {
  if (name?.startsWith(LIMIT_PREFIX) !== true) return undefined;
  return limitOfOption(name.slice(LIMIT_PREFIX.length)) ?? 'scanTooLarge';
}

function judgeCode({ code, signatureName }: ScanResult, errorText: (code: number) => string): ScanVerdict {
  switch (code) {
    case CL_CLEAN:
    case CL_VERIFIED:
      return { kind: 'clean' };
    case CL_VIRUS:
      return { kind: 'infected', signatureNames: [signatureName || UNNAMED] };
    case CL_ETIMEOUT:
      return { kind: 'failed', message: engineErrorText.timeLimit };
    default:
      return { kind: 'failed', message: errorText(code) };
  }
}
