import type { ScanInput } from '../engine.js';

/**
 * The part of an input from `offset` on, at most `lengthBytes` of it, without copying. Its views come from
 * `input`, so they die with the next read of either.
 */
export function inputRange(input: ScanInput, offset: number, lengthBytes: number): ScanInput {
  const start = Math.min(Math.max(offset, 0), input.sizeBytes);
  const sizeBytes = Math.min(Math.max(lengthBytes, 0), input.sizeBytes - start);
  return { sizeBytes, read: (inputOffset, length) => input.read(start + inputOffset, length) };
}

/** A copy of a small structure, or undefined where the input ends before it does. */
export function readStructure(input: ScanInput, offset: number, lengthBytes: number): Buffer | undefined {
  if (offset < 0 || offset + lengthBytes > input.sizeBytes) return undefined;
  const view = input.read(offset, lengthBytes);
  return view.length < lengthBytes ? undefined : Buffer.from(view);
}

/** A view of everything between two offsets, cut where the input ends; it dies with the next read. */
export function readRange(input: ScanInput, start: number, end: number): Uint8Array {
  const from = Math.min(Math.max(start, 0), input.sizeBytes);
  const to = Math.min(Math.max(end, from), input.sizeBytes);
  return input.read(from, to - from);
}

const SEARCH_WINDOW_BYTES = 1024 * 1024;

/** The first offset in [start, end) where `pattern` lies wholly before `end`, or undefined. */
export function findInInput(
  input: ScanInput,
  pattern: Buffer,
  range: { readonly start: number; readonly end: number; readonly mayContinue: () => boolean },
): number | undefined {
  const end = Math.min(range.end, input.sizeBytes);
  for (let at = Math.max(range.start, 0); at + pattern.length <= end;) {
    const view = readRange(input, at, Math.min(at + SEARCH_WINDOW_BYTES, end));
    if (view.length < pattern.length) return undefined;
    const found = Buffer.from(view.buffer, view.byteOffset, view.byteLength).indexOf(pattern);
    if (found !== -1) return at + found;
    at += view.length - pattern.length + 1;
    if (!range.mayContinue()) return undefined;
  }
  return undefined;
}
