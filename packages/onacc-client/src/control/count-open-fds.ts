import { readdirSync } from 'node:fs';

/**
 * How many descriptors this process has open. Lists a directory of /proc, where no permission event comes from.
 *
 * @returns undefined where that cannot be told, for want of a descriptor for instance.
 */
export function countOpenFds(): number | undefined {
  try {
    // One of them is the listing's own.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return undefined;
  }
}
