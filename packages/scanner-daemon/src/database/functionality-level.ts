/**
 * The functionality level whose signatures we accept: that of ClamAV 1.4.6, taken from its own warning
 * ("running FLEVEL is 216") and confirmed by loading lines marked 216 and 217 into it.
 */
export const FUNCTIONALITY_LEVEL = 216;

/**
 * Whether a signature marked with these fields is meant for {@link FUNCTIONALITY_LEVEL}. A field that is
 * absent or empty sets no bound; clamd skips the others in silence, even where they are malformed otherwise.
 */
export function isForThisLevel(min: string | undefined, max: string | undefined): boolean {
  if (min !== undefined && Number.parseInt(min, 10) > FUNCTIONALITY_LEVEL) return false;
  return !(max !== undefined && Number.parseInt(max, 10) < FUNCTIONALITY_LEVEL);
}
