/** Numbers that are the same for the same seed: a count below `bound`. */
export type Random = (bound: number) => number;

/** A small generator (mulberry32). */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value = (value + Math.imul(value ^ (value >>> 7), value | 61)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) % Math.max(1, bound);
  };
}
