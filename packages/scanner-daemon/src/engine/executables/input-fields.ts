import type { ScanInput } from '../engine.js';

/**
 * The bytes `[inputOffset, inputOffset + lengthBytes)` for reading numbers from; undefined where the input does not have
 * them all. Valid until the next read of the input only.
 */
export function fieldsAt(input: ScanInput, inputOffset: number, lengthBytes: number): DataView | undefined {
  if (inputOffset < 0 || inputOffset + lengthBytes > input.sizeBytes) return undefined;
  const bytes = input.read(inputOffset, lengthBytes);
  if (bytes.length < lengthBytes) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
