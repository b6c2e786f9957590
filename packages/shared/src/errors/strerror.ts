import { getSystemErrorMap } from 'node:util';

/** glibc's texts where libuv words them differently; the others only differ in their first letter. */
const C_TEXT: Readonly<Record<string, string>> = {
  EISDIR: 'Is a directory',
  EIO: 'Input/output error',
  ELOOP: 'Too many levels of symbolic links',
  ENAMETOOLONG: 'File name too long',
  ENOMEM: 'Cannot allocate memory',
  ENOTCONN: 'Transport endpoint is not connected',
  EPERM: 'Operation not permitted',
  ESTALE: 'Stale file handle',
  ETIMEDOUT: 'Connection timed out',
};

const TEXT_BY_CODE: ReadonlyMap<string, string> = new Map(
  [...getSystemErrorMap().values()].map(([code, text]) => [
    code,
    C_TEXT[code] ?? `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`,
  ]),
);

/** What strerror(3) says about a failed call, as clamd prints it: `No such file or directory`. */
export function strerror(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return (typeof code === 'string' ? (TEXT_BY_CODE.get(code) ?? C_TEXT[code]) : undefined) ?? 'Unknown error';
}
