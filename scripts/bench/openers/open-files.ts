/**
 * Child process: opens and closes every listed file once, back to back, and prints an OpenerReport.
 * Usage: open-files.js LIST
 */
import { closeSync, openSync } from 'node:fs';
import { monotonicMs, readPathList, waitAtBarrier } from './barrier.js';
import type { OpenerReport } from './opener-report.js';

/** Enough for the JIT to have compiled the loop. */
const warmUpOpens = 2000;

const [, , listPath] = process.argv;
if (listPath === undefined) throw new Error('usage: open-files.js LIST');
const paths = readPathList(listPath);
// The list lies outside the watched directory, so this asks nobody.
openAll(Array.from({ length: warmUpOpens }, () => listPath));
waitAtBarrier();
const startedAtMs = monotonicMs();
const latencies = openAll(paths);
const endedAtMs = monotonicMs();
const report: OpenerReport = { startedAtMs, endedAtMs, latenciesNs: Array.from(latencies) };
process.stdout.write(JSON.stringify(report));

function openAll(files: readonly string[]): Float64Array {
  const latenciesNs = new Float64Array(files.length);
  for (const [index, file] of files.entries()) {
    const beforeNs = process.hrtime.bigint();
    const fd = openSync(file, 'r');
    latenciesNs[index] = Number(process.hrtime.bigint() - beforeNs);
    closeSync(fd);
  }
  return latenciesNs;
}
