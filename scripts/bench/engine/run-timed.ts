import { BenchError } from '../bench-error.js';
import type { ProcessKeeper } from '../process-keeper.js';
import { readTreeUsage } from '../daemon/process-usage.js';

/** How a program ran to its end. */
export interface TimedRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly wallMs: number;
  /** User and system time of it and its children, in steps of 10 ms. */
  readonly cpuMs: number;
  /** The most that was seen resident, a look every 100 ms. */
  readonly residentPeakBytes: number;
}

const timesMark = '@times@';
/** `times` (POSIX) prints a line for the shell, then one for its children: user, then system time. */
const script = `"$@"; code=$?; printf '\\n${timesMark}\\n'; times; exit $code`;
const lookEveryMs = 100;

/**
 * Runs a program to its end and takes its times. The shell around it is the same for every program.
 *
 * @throws BenchError BENCH_CHILD_FAILED when it was ended before its end
 */
export async function runTimed(
  keeper: ProcessKeeper,
  command: readonly [string, ...string[]],
  lifetimeSeconds: number,
): Promise<TimedRun> {
  const beganAtMs = performance.now();
  const kept = keeper.start({ command: ['sh', '-c', script, 'sh', ...command], lifetimeSeconds });
  let residentPeakBytes = 0;
  const look = setInterval(() => {
    residentPeakBytes = Math.max(residentPeakBytes, readTreeUsage(kept.pid).residentPeakBytes);
  }, lookEveryMs);
  const { exitCode, stdout } = await kept.ended.finally(() => {
    clearInterval(look);
  });
  const wallMs = performance.now() - beganAtMs;
  keeper.throwIfClosed();
  const cut = splitTimes(stdout);
  if (cut === undefined)
    throw new BenchError('BENCH_CHILD_FAILED', `${command[0]} did not run to its end (${lifetimeSeconds} s)`);
  return { exitCode, wallMs, residentPeakBytes, ...cut };
}

/**
 * Takes what `times` printed off the end of the output.
 *
 * @internal
 */
export function splitTimes(output: string): Pick<TimedRun, 'stdout' | 'cpuMs'> | undefined {
  const at = output.lastIndexOf(`\n${timesMark}\n`);
  if (at === -1) return undefined;
  const children = output.slice(at).split('\n')[3] ?? '';
  const times = [...children.matchAll(/([0-9]+)m([0-9.]+)s/g)];
  if (times.length !== 2) return undefined;
  const cpuMs = times.reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1000,
    0,
  );
  return { stdout: output.slice(0, at), cpuMs: Math.round(cpuMs) };
}
