import { lastErrno } from './libc.js';
import type { Libc } from './libc.js';
import { NativeError } from './native-error.js';
import type { TcpAddress } from './native-api.js';

// sys/socket.h
export const AF_INET = 2;
export const AF_INET6 = 10;

// struct sockaddr_in (ip(7)): family, port, 4 bytes of address, 8 of padding. The family is in the host's byte order, port
// and address in the network's.
const SOCKADDR_IN_BYTES = 16;
// struct sockaddr_in6 (ipv6(7)): family, port, flow label, 16 bytes of address, scope (in the host's byte order).
const SOCKADDR_IN6_BYTES = 28;
const PORT_AT = 2;
const IN_ADDRESS_AT = 4;
const IN6_ADDRESS_AT = 8;
const SCOPE_AT = 24;

const INET6_TEXT_BYTES_MAX = 46;
/** An IPv4 address as IPv6 writes it (RFC 4291, section 2.5.5.2): ten zero bytes, two of 0xff, the address. */
const MAPPED_PREFIX = Buffer.from('00000000000000000000ffff', 'hex');
const EINVAL = 22;
const EAFNOSUPPORT = 97;

/** The most that {@link decodeTcpAddress} reads. */
export const TCP_ADDRESS_BYTES = SOCKADDR_IN6_BYTES;

/**
 * The struct that bind(2) and connect(2) take.
 *
 * @throws NativeError EINVAL for what is no address of its family, ENODEV for a scope that is no interface.
 */
export function encodeTcpAddress(libc: Libc, { family, address, port }: TcpAddress): Buffer {
  const context = { address, port };
  if (!Number.isInteger(port) || port < 0 || port > 0xffff) throw new NativeError('bind', EINVAL, context);
  const isInet = family === 'inet';
  const [host = '', scope] = isInet ? [address] : address.split('%', 2);
  const encoded = Buffer.alloc(isInet ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES);
  const domain = isInet ? AF_INET : AF_INET6;
  encoded.writeUInt16LE(domain, 0);
  encoded.writeUInt16BE(port, PORT_AT);
  const into = encoded.subarray(isInet ? IN_ADDRESS_AT : IN6_ADDRESS_AT);
  if (host.includes('\0') || libc.inetPton(domain, Buffer.from(`${host}\0`), into) !== 1) {
    throw new NativeError('inet_pton', EINVAL, context);
  }
  if (scope !== undefined) encoded.writeUInt32LE(scopeOf(libc, scope), SCOPE_AT);
  return encoded;
}

/** What getsockname(2) and getpeername(2) give. An IPv4 address that is mapped into IPv6 reads as what it is. */
export function decodeTcpAddress(libc: Libc, encoded: Buffer): TcpAddress {
  const port = encoded.readUInt16BE(PORT_AT);
  const domain = encoded.readUInt16LE(0);
  if (domain === AF_INET) return { family: 'inet', address: dotted(encoded, IN_ADDRESS_AT), port };
  if (domain !== AF_INET6) throw new NativeError('getsockname', EAFNOSUPPORT);
  const mappedAt = IN6_ADDRESS_AT + MAPPED_PREFIX.length;
  if (encoded.subarray(IN6_ADDRESS_AT, mappedAt).equals(MAPPED_PREFIX)) {
    return { family: 'inet', address: dotted(encoded, mappedAt), port };
  }
  const text = Buffer.alloc(INET6_TEXT_BYTES_MAX);
  libc.inetNtop(AF_INET6, encoded.subarray(IN6_ADDRESS_AT, SCOPE_AT), text, text.length);
  const address = text.toString('latin1', 0, text.indexOf(0));
  const scope = encoded.readUInt32LE(SCOPE_AT);
  return { family: 'inet6', address: scope === 0 ? address : `${address}%${scope}`, port };
}

function dotted(bytes: Buffer, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** `eth0` or `2` of `fe80::1%eth0`. */
function scopeOf(libc: Libc, scope: string): number {
  if (/^[0-9]{1,9}$/.test(scope)) return Number(scope);
  const index = scope.includes('\0') ? 0 : libc.ifNametoindex(Buffer.from(`${scope}\0`));
  if (index === 0) throw new NativeError('if_nametoindex', lastErrno(), { scope });
  return index;
}
