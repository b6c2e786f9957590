import { readFileSync } from 'node:fs';

/** linux/capability.h */
const CAP_SYS_ADMIN = 21n;

/**
 * Why a program that we start could not use fanotify. One that is not root's gets only the ambient capabilities of whoever
 * starts it (capabilities(7)).
 *
 * @param status - /proc/self/status.
 * @returns undefined when it could
 */
export function missingPrivilege(euid: number | undefined, status = readStatus()): string | undefined {
  const isRoot = euid === 0;
  const held = capabilities(status, isRoot ? 'CapEff' : 'CapAmb');
  if (((held >> CAP_SYS_ADMIN) & 1n) === 1n) return undefined;
  if (isRoot) return 'root here has no CAP_SYS_ADMIN (a container? give it --cap-add SYS_ADMIN)';
  return `it takes root or CAP_SYS_ADMIN, and this daemon was started as uid ${euid ?? 'unknown'} without`;
}

function capabilities(status: string, set: 'CapEff' | 'CapAmb'): bigint {
  const digits = new RegExp(`^${set}:\\s*([0-9a-f]{1,16})$`, 'm').exec(status)?.[1];
  return digits === undefined ? 0n : BigInt(`0x${digits}`);
}

function readStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'latin1');
  } catch {
    return '';
  }
}
