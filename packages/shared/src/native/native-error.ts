import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { AppError } from '../errors/app-error.js';

/** A system call failed. `code` is errno's name, such as `EACCES`. */
export class NativeError extends AppError {
  readonly syscall: string;
  readonly errno: number;

  constructor(syscall: string, errno: number, context: Readonly<Record<string, string | number>> = {}) {
    const name = errnoName(errno);
    super(name, `${syscall}: ${name}`, { context: { syscall, ...context } });
    this.syscall = syscall;
    this.errno = errno;
  }
}

/** The symbolic name of an errno, `E<number>` for one Node does not know. */
export function errnoName(errno: number): string {
  const name = nameByLibuv(errno);
  if (name?.startsWith('E') === true) return name;
  // libuv has no name for some that Linux has, such as ESTALE.
  return Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `E${errno}`;
}

function nameByLibuv(errno: number): string | undefined {
  try {
    return getSystemErrorName(-errno);
  } catch {
    return undefined;
  }
}

/** Whether `error` is a failed system call of the given errno name. Safe across realms and bundles. */
export function isErrno(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
