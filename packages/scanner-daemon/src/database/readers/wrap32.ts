/**
 * A number of signatures as ClamAV keeps it, in 32 bits: 4294967297 is 1, -1 is 4294967295, and what is left out is 0
 * (observed).
 *
 * @param digits with a minus before them, or none
 */
export function wrap32(digits = ''): number {
  const value = digits === '' ? 0 : Number(digits);
  return value >= 0 && value <= 0xffffffff ? value : Number(BigInt.asUintN(32, BigInt(digits)));
}
