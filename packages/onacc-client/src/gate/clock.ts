/** Monotonic milliseconds: the one clock of all gates and of whoever watches over them. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
