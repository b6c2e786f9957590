import type { Random } from './random.js';

const EDITS_MAX = 6;
const PIECE_MAX_BYTES = 64;

/** A copy with a few bytes changed, cut out, doubled, or the end gone. */
export function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  let mutated = Uint8Array.from(bytes);
  const edits = 1 + random(EDITS_MAX);
  for (let edit = 0; edit < edits; edit++) mutated = mutateOnce(mutated, random);
  return mutated;
}

function mutateOnce(bytes: Uint8Array<ArrayBuffer>, random: Random): Uint8Array<ArrayBuffer> {
  const at = random(bytes.length);
  const length = 1 + random(PIECE_MAX_BYTES);
  switch (random(8)) {
    case 0:
      return bytes.slice(0, at);
    case 1:
      return concat(bytes.subarray(0, at), bytes.subarray(at + length));
    case 2:
      return concat(bytes.subarray(0, at + length), bytes.subarray(at));
    case 3:
      return bytes.fill(random(256), at, at + length);
    default:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
      return bytes;
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
