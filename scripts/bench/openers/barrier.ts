import { readFileSync, readSync, writeSync } from 'node:fs';

/** The line a child prints when it is warm; then it waits for one byte. */
export const readyLine = 'ready\n';

/** @returns the paths in a list file, one a line */
export function readPathList(listPath: string): readonly string[] {
  return readFileSync(listPath, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}

/** Says that this child is warm, then blocks until the benchmark writes a byte: all children begin together. */
export function waitAtBarrier(): void {
  writeSync(1, readyLine);
  if (readSync(0, Buffer.alloc(1)) !== 1) throw new Error('the benchmark went away');
}

/** CLOCK_MONOTONIC in milliseconds with fractions. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
