// Looked up once: under Jest every use of a global is a slow call.
const { imul, floor } = Math;

/** Draws numbers in [0, 1); the same seed gives the same sequence on every machine. */
export type Random = () => number;

/** Mulberry32 (public domain): small, fast, and good enough to vary sizes and bytes. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** A whole number in [min, max], both ends included. */
export function drawInteger(random: Random, min: number, max: number): number {
  return min + floor(random() * (max - min + 1));
}

/** A normally distributed number (Box-Muller). */
export function drawNormal(random: Random, mean: number, deviation: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return mean + deviation * radius * Math.cos(2 * Math.PI * random());
}
