import type { ByteCompareSubsignature, ByteComparison } from '../../database/model/logical-signature.js';
import type { ScanInput } from '../engine.js';

const INT64_MAX = (1n << 63n) - 1n;
const INT64_MIN = -(1n << 63n);
/** No byte comparison reads more (the manual's longest number is far shorter). */
const LENGTH_MAX_BYTES = 1024;

/**
 * Whether a byte comparison holds (manual, "Byte compare subsignatures"; every rule here observed with clamscan 1.4.6).
 *
 * @param triggerOffset - where the LAST match of the trigger begins. Without a match nothing holds: do not ask.
 */
export function byteCompareHolds(
  subsignature: ByteCompareSubsignature,
  input: ScanInput,
  triggerOffset: number,
): boolean {
  const value = readNumber(subsignature, input, triggerOffset + subsignature.relativeOffset);
  return value !== undefined && subsignature.comparisons.every((one) => compares(value, one));
}

function compares(value: bigint, { operator, value: wanted }: ByteComparison): boolean {
  switch (operator) {
    case '<':
      return value < wanted;
    case '>':
      return value > wanted;
    case '=':
      return value === wanted;
  }
}

/** The number at `inputOffset`, or undefined where there is none to compare. */
function readNumber(
  { base, byteOrder, exact, lengthBytes }: ByteCompareSubsignature,
  input: ScanInput,
  inputOffset: number,
): bigint | undefined {
  // The very first byte of a file cannot be read, and all bytes must lie in it.
  if (inputOffset <= 0 || inputOffset + lengthBytes > input.sizeBytes) return undefined;
  if (lengthBytes < 1 || lengthBytes > LENGTH_MAX_BYTES) return undefined;
  const bytes = input.read(inputOffset, lengthBytes);
  if (bytes.length < lengthBytes) return undefined;
  if (base === 'binary') return binaryNumber(bytes, byteOrder);
  const text = Buffer.from(bytes).toString('latin1');
  const trimmed = text.replace(/^[\t-\r ]+/, '');
  if (base !== 'auto') return textNumber({ trimmed, base, byteOrder, exact, lengthBytes });
  // Too short to tell whether it is hexadecimal.
  if (trimmed.length <= 2) return undefined;
  if (/^0x/i.test(trimmed)) return textNumber({ trimmed, base: 'hex', byteOrder, exact, lengthBytes });
  if (byteOrder === 'little') return undefined;
  return textNumber({ trimmed, base: 'decimal', byteOrder, exact, lengthBytes });
}

interface NumberText {
  /** Without the blanks before it. */
  readonly trimmed: string;
  readonly base: 'hex' | 'decimal';
  readonly byteOrder: 'little' | 'big';
  readonly exact: boolean;
  readonly lengthBytes: number;
}

function textNumber(text: NumberText): bigint | undefined {
  const { trimmed, base, byteOrder, exact, lengthBytes } = text;
  if (base === 'hex' && byteOrder === 'little') return littleEndianHex(text);
  const pattern = base === 'hex' ? /^([-+]?)(?:0x(?=[\da-f]))?([\da-f]+)/i : /^([-+]?)(\d+)/;
  const found = pattern.exec(trimmed);
  // Blanks before the number count as bytes that were not used.
  if (exact && found?.[0].length !== lengthBytes) return undefined;
  if (found === null) return 0n;
  const magnitude = BigInt(base === 'hex' ? `0x${found[2] ?? ''}` : (found[2] ?? ''));
  return saturate(found[1] === '-' ? -magnitude : magnitude);
}

/** Pairs of digits, the lowest first, up to the first pair that is none; an odd number of bytes has a 0 before it. */
function littleEndianHex({ trimmed, exact, lengthBytes }: NumberText): bigint | undefined {
  const digits = /^(?:0x|x)/i.test(trimmed) ? trimmed.slice(2) : trimmed;
  if (exact && digits.length !== lengthBytes) return undefined;
  const padded = digits.length % 2 === 1 ? `0${digits}` : digits;
  const pairs = /^(?:[\da-f]{2})*/i.exec(padded)?.[0].match(/../g) ?? [];
  return pairs.length === 0 ? 0n : saturate(BigInt(`0x${pairs.reverse().join('')}`));
}

/** One, two and four bytes have no sign, eight have one. */
function binaryNumber(bytes: Uint8Array, byteOrder: 'little' | 'big'): bigint {
  let value = 0n;
  const ordered = byteOrder === 'big' ? bytes : Uint8Array.from(bytes).reverse();
  for (const byte of ordered) value = (value << 8n) | BigInt(byte);
  return bytes.length === 8 ? BigInt.asIntN(64, value) : value;
}

function saturate(value: bigint): bigint {
  if (value > INT64_MAX) return INT64_MAX;
  return value < INT64_MIN ? INT64_MIN : value;
}
