import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BenchError } from '../bench-error.js';
import type { ProcessKeeper } from '../process-keeper.js';
import { readyLine } from './barrier.js';
import { parseOpenerReport } from './opener-report.js';
import type { OpenerReport } from './opener-report.js';

const programs = {
  'open-files': fileURLToPath(new URL('./open-files.js', import.meta.url)),
  'read-tree': fileURLToPath(new URL('./read-tree.js', import.meta.url)),
  'count-refused': fileURLToPath(new URL('./count-refused.js', import.meta.url)),
};
/** clamonacc needs about 35 s for a pass of the tree on the reference machine; with logical signatures minutes. */
const openerLifetimeSeconds = 600;

/** Where the openers' lists go and who owns the processes. */
export interface OpenerContext {
  readonly keeper: ProcessKeeper;
  /** Outside the watched directory. */
  readonly listDirectory: string;
}

/** What a group of openers did together. */
export interface GroupReport {
  /** From the first one's start to the last one's end. */
  readonly elapsedMs: number;
  /** Of all openers, ascending, in nanoseconds; empty for readers. */
  readonly latenciesNs: Float64Array;
}

/**
 * Deals the files out to `processCount` children in contiguous shares, lets them begin together and waits for all.
 *
 * @throws BenchError BENCH_CHILD_FAILED when one of them failed, for instance because a clean file was refused
 */
export async function runOpeners(
  context: OpenerContext,
  program: 'open-files' | 'read-tree',
  files: readonly string[],
  processCount: number,
): Promise<GroupReport> {
  const children = dealOut(files, processCount).map((share, index) => {
    const list = writeList(context, `${program}-${index}.list`, share);
    return context.keeper.start({
      command: [process.execPath, programs[program], list],
      lifetimeSeconds: openerLifetimeSeconds,
    });
  });
  await Promise.all(children.map((child) => child.spoke));
  for (const child of children) child.say('g');
  const endings = await Promise.all(children.map((child) => child.ended));
  context.keeper.throwIfClosed();
  return combineReports(
    endings.map(({ exitCode, stdout }) => {
      if (exitCode !== 0)
        throw new BenchError('BENCH_CHILD_FAILED', `${program} failed (exit ${String(exitCode)})`);
      return parseOpenerReport(stdout.slice(readyLine.length));
    }),
  );
}

/** How many of these files cannot be opened (EPERM) right now; everything else that goes wrong is an error. */
export async function countRefused(context: OpenerContext, files: readonly string[]): Promise<number> {
  const list = writeList(context, 'probes.list', files);
  const child = context.keeper.start({
    command: [process.execPath, programs['count-refused'], list],
    lifetimeSeconds: openerLifetimeSeconds,
  });
  const { exitCode, stdout } = await child.ended;
  context.keeper.throwIfClosed();
  if (exitCode !== 0)
    throw new BenchError('BENCH_CHILD_FAILED', `count-refused failed (exit ${String(exitCode)})`);
  return Number(stdout);
}

/**
 * Contiguous shares whose sizes differ by one at most.
 *
 * @internal
 */
export function dealOut<T>(items: readonly T[], shareCount: number): readonly (readonly T[])[] {
  const cut = (share: number) => Math.round((share * items.length) / shareCount);
  return Array.from({ length: shareCount }, (_, share) => items.slice(cut(share), cut(share + 1)));
}

/**
 * Pools what the openers of a group reported.
 *
 * @throws RangeError when there is no report (a bug of the caller)
 * @internal
 */
export function combineReports(reports: readonly OpenerReport[]): GroupReport {
  if (reports.length === 0) throw new RangeError('no openers');
  const startedAtMs = Math.min(...reports.map((report) => report.startedAtMs));
  const endedAtMs = Math.max(...reports.map((report) => report.endedAtMs));
  const latenciesNs = Float64Array.from(reports.flatMap((report) => report.latenciesNs)).sort();
  return { elapsedMs: endedAtMs - startedAtMs, latenciesNs };
}

function writeList({ listDirectory }: OpenerContext, name: string, files: readonly string[]): string {
  const list = join(listDirectory, name);
  writeFileSync(list, files.join('\n'));
  return list;
}
