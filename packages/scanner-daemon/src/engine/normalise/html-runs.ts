import { CLASS, GREATER, LESS, AMPERSAND, DOUBLE_QUOTE, SINGLE_QUOTE, SPACE } from './html-bytes.js';
import { State } from './html-state.js';

/** Lower case for ASCII letters; and the same where a single quote becomes a double one. */
export const LOWER = new Uint8Array(256).map((_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte,
);
export const LOWER_WITH_ONE_QUOTE = LOWER.map((byte) => (byte === SINGLE_QUOTE ? DOUBLE_QUOTE : byte));

/** 1 for bytes above the space, in ASCII, that are none of these. */
function printableExcept(...bytes: readonly number[]): Uint8Array {
  return new Uint8Array(256).map((_, byte) => (byte > SPACE && byte < 0x80 && !bytes.includes(byte) ? 1 : 0));
}

/** For each state the bytes that change nothing in it and are written as they are, but for their case. */
export const RUN_BYTES: readonly (Uint8Array | undefined)[] = Array.from({ length: 16 }, (_, state) => {
  if (state === State.text) return printableExcept(LESS, AMPERSAND);
  if (state === State.script) return printableExcept(LESS, AMPERSAND);
  if (state === State.quotedValue) return printableExcept(SINGLE_QUOTE, DOUBLE_QUOTE, GREATER, AMPERSAND);
  if (state === State.declaration) return CLASS.map((kind, byte) => (kind < 2 && byte !== GREATER ? 1 : 0));
  return undefined;
});

/** Where the run of such bytes that begins at `start` ends. */
export function runEnd(bytes: Uint8Array, start: number, isInRun: Uint8Array): number {
  let end = start;
  while (end < bytes.length && isInRun[bytes[end] ?? 0] === 1) end += 1;
  return end;
}
