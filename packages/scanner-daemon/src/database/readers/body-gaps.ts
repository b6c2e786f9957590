import { UNBOUNDED } from '../model/body-pattern.js';

/** How many bytes may lie between two parts. */
export interface Gap {
  readonly minBytes: number;
  /** {@link UNBOUNDED} for none. */
  readonly maxBytes: number;
}

/** Of `*`. */
export const ANY_GAP: Gap = { minBytes: 0, maxBytes: UNBOUNDED };

/** `aa[n-m]` reaches no further in ClamAV (observed: 33 is refused). */
const ANCHORED_GAP_MAX_BYTES = 32;

/**
 * Reads what stands between `{` and `}`: `n`, `-n`, `n-`, `n-m` (manual, "Wildcards"); undefined where it is
 * malformed. An upper bound of 0 is none: `{0}`, `{-0}` and `{}` match at any distance (observed).
 */
export function readGap(text: string): Gap | undefined {
  const dash = text.indexOf('-');
  const minBytes = readLength(dash === -1 ? text : text.slice(0, dash));
  // Several dashes count as one (observed), but not at the start.
  const maxBytes =
    dash === -1 ? minBytes : readLength(text.slice(dash + 1).replace(dash === 0 ? '' : /^-+/, ''));
  if (minBytes === undefined || maxBytes === undefined) return undefined;
  return { minBytes, maxBytes: maxBytes === 0 ? UNBOUNDED : maxBytes };
}

/** Reads what stands between `[` and `]`: `n`, `n-`, `n-m`, of at most 32 bytes; undefined where malformed. */
export function readAnchoredGap(text: string): Gap | undefined {
  const match = /^(\d{1,9})(?:-(\d{0,9}))?$/.exec(text);
  if (match === null) return undefined;
  const [, low = '', high] = match;
  const minBytes = Number(low);
  const maxBytes = high === undefined || high === '' ? minBytes : Number(high);
  if (minBytes > maxBytes || maxBytes > ANCHORED_GAP_MAX_BYTES) return undefined;
  return { minBytes, maxBytes };
}

/** ClamAV reads these into 32 bits: 4294967296 is 0, 2147483648 is refused (observed). */
function readLength(text: string): number | undefined {
  if (text === '') return 0;
  if (!/^[+]?\d{1,18}$/.test(text)) return undefined;
  const wrapped = Number(BigInt.asIntN(32, BigInt(text.replace('+', ''))));
  return wrapped < 0 ? undefined : wrapped;
}
