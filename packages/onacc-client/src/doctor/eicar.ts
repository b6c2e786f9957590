/**
 * The test file of eicar.org, which every scanner finds and which does nothing. Put together when it is needed: neither
 * our source nor what is built from it is to be found by one.
 */
export function composeEicar(): string {
  return ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS', '-TEST-FILE!', '$H+H*'].join('');
}
