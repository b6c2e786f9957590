import type { ByteComparison, ByteCompareSubsignature } from '../model/logical-signature.js';

const FORM = /^(\d*)\((>>|<<)([^#]*)#([hdai]?)(e?[lb]?|[lb]e)(0x[0-9a-fA-F]+|\d+)#([^#]*)\)/;
const COMPARISON = /^([<>=])(0x[0-9a-fA-F]{1,32}|-?\d{0,40})$/;
/** The most bytes that hold a number of 64 bits: hex digits with `0x`. Decimal takes any number of them (observed). */
const HEX_BYTES_MAX = 18;

/** `trigger(offset#options#comparisons)` (manual, "Byte compare subsignatures"); undefined where it is malformed. */
export function readByteCompare(text: string): ByteCompareSubsignature | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, trigger = '', direction, offset = '', type, options = '', length = '', tests = ''] = match;
  const distance = readNumber(offset === '' ? '0' : offset);
  if (distance === undefined) return undefined;
  const base = BASES[type ?? ''] ?? 'auto';
  const byteOrder = options.includes('l') ? 'little' : 'big';
  if (base === 'decimal' && byteOrder === 'little') return undefined;
  // No file has more: such a comparison never holds.
  const lengthBytes = Math.min(Number(length), Number.MAX_SAFE_INTEGER);
  if (!isLengthAllowed(base, lengthBytes)) return undefined;
  const [first, second, ...more] = tests.split(',').map(readComparison);
  if (first === undefined || more.length > 0 || (second === undefined && tests.includes(',')))
    return undefined;
  return {
    kind: 'byteCompare',
    trigger: Number(trigger),
    relativeOffset: direction === '<<' ? -distance : distance,
    base,
    byteOrder,
    exact: options.includes('e') || base === 'binary',
    lengthBytes,
    comparisons: second === undefined ? [first] : [first, second],
  };
}

const BASES: Readonly<Record<string, ByteCompareSubsignature['base']>> = {
  h: 'hex',
  d: 'decimal',
  a: 'auto',
  i: 'binary',
};

function isLengthAllowed(base: ByteCompareSubsignature['base'], lengthBytes: number): boolean {
  if (base === 'binary') return [1, 2, 4, 8].includes(lengthBytes);
  return lengthBytes > 0 && (base !== 'hex' || lengthBytes <= HEX_BYTES_MAX);
}

function readComparison(text: string): ByteComparison | undefined {
  const match = COMPARISON.exec(text);
  if (match === null) return undefined;
  const [, operator, value = ''] = match;
  if (operator !== '<' && operator !== '>' && operator !== '=') return undefined;
  return { operator, value: value === '' || value === '-' ? 0n : BigInt(value) };
}

function readNumber(text: string): number | undefined {
  return /^(?:0x[0-9a-fA-F]{1,8}|[+-]?\d{1,10})$/.test(text) ? Number(text) : undefined;
}
