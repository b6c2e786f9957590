/**
 * Child process: reads every listed file to its end, as `cat` would, and prints an OpenerReport without latencies.
 * Usage: read-tree.js LIST
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { monotonicMs, readPathList, waitAtBarrier } from './barrier.js';
import type { OpenerReport } from './opener-report.js';

const readBytes = 64 * 1024;
const warmUpReads = 500;

const [, , listPath] = process.argv;
if (listPath === undefined) throw new Error('usage: read-tree.js LIST');
const paths = readPathList(listPath);
const buffer = Buffer.alloc(readBytes);
// The list lies outside the watched directory, so this asks nobody.
for (let count = 0; count < warmUpReads; count += 1) readWhole(listPath);
waitAtBarrier();
const startedAtMs = monotonicMs();
for (const path of paths) readWhole(path);
const report: OpenerReport = { startedAtMs, endedAtMs: monotonicMs(), latenciesNs: [] };
process.stdout.write(JSON.stringify(report));

function readWhole(path: string): void {
  const fd = openSync(path, 'r');
  while (readSync(fd, buffer) > 0);
  closeSync(fd);
}
