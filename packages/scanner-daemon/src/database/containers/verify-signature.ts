import { createHash } from 'node:crypto';
import type { RsaPublicKey } from './clamav-keys.js';

const DIGITS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/';
const BITS_PER_DIGIT = 6n;
/** 2048 bits need 342. */
const DIGITS_MAX = 700;
const MD5_HEX_DIGITS = 32;

/** PSS over SHA-256 with a salt of 32 bytes, in 256 bytes, as the genuine `.info` files have it. */
const PSS_BYTES = 256;
const HASH_BYTES = 32;
const SALT_BYTES = 32;
const DATA_BYTES = PSS_BYTES - HASH_BYTES - 1;
const TRAILER = 0xbc;

/** The number that ClamAV writes in base 64 with digits of its own, the least significant first. */
export function decodeSignatureNumber(text: string): bigint | undefined {
  if (text.length === 0 || text.length > DIGITS_MAX) return undefined;
  let number = 0n;
  for (let index = text.length - 1; index >= 0; index--) {
    const digit = DIGITS.indexOf(text.charAt(index));
    if (digit === -1) return undefined;
    number = (number << BITS_PER_DIGIT) | BigInt(digit);
  }
  return number;
}

/** Whether `signature` says that this MD5, 32 hex digits in lower case, is genuine. There is no padding. */
export function isMd5Signed(md5: string, signature: string, key: RsaPublicKey): boolean {
  const recovered = recover(signature, key);
  return recovered !== undefined && recovered.toString(16).padStart(MD5_HEX_DIGITS, '0') === md5;
}

/** Whether `signature` says that what has this SHA-256 is genuine. */
export function isSha256Signed(sha256: Uint8Array, signature: string, key: RsaPublicKey): boolean {
  const recovered = recover(signature, key);
  if (recovered === undefined) return false;
  const encoded = Buffer.from(recovered.toString(16).padStart(2 * PSS_BYTES, '0'), 'hex');
  if (encoded.length !== PSS_BYTES || encoded[PSS_BYTES - 1] !== TRAILER) return false;
  const hash = encoded.subarray(DATA_BYTES, DATA_BYTES + HASH_BYTES);
  const mask = expandMask(hash, DATA_BYTES);
  const data = Buffer.from(encoded.subarray(0, DATA_BYTES).map((byte, index) => byte ^ (mask[index] ?? 0)));
  // The encoded number is below the modulus, so that its topmost bit is not the mask's.
  data[0] = (data[0] ?? 0) & 0x7f;
  const saltStart = DATA_BYTES - SALT_BYTES;
  if (data[saltStart - 1] !== 1 || data.subarray(0, saltStart - 1).some((byte) => byte !== 0)) return false;
  const salt = data.subarray(saltStart);
  return createHash('sha256').update(Buffer.alloc(8)).update(sha256).update(salt).digest().equals(hash);
}

/** MGF1 with SHA-256 (RFC 8017, B.2.1). */
function expandMask(seed: Uint8Array, lengthBytes: number): Buffer {
  const pieces: Buffer[] = [];
  for (let counter = 0; counter * HASH_BYTES < lengthBytes; counter++) {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(counter);
    pieces.push(createHash('sha256').update(seed).update(number).digest());
  }
  return Buffer.concat(pieces).subarray(0, lengthBytes);
}

function recover(signature: string, { modulus, exponent }: RsaPublicKey): bigint | undefined {
  const number = decodeSignatureNumber(signature);
  return number === undefined ? undefined : powerModulo(number, exponent, modulus);
}

function powerModulo(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}
