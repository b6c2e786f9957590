import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { composeEicar } from '../bench/probes.js';
import { createRandom, drawInteger } from '../bench/random.js';
import type { LoadReport } from './load-report.js';

// A user of a protected tree, a process of its own: `mixed-load DIRECTORY SECONDS SEED`. Reads, rewrites, makes, moves and
// removes files and directories at random, and opens an infected file now and then. Prints a LoadReport.
const [directory = '', seconds = '0', seed = '0'] = process.argv.slice(2);
const FILES = 200;
const SIZE_MAX_BYTES = 20_000;

const random = createRandom(Number(seed));
const report: LoadReport = {
  operations: 0,
  refusedInfected: 0,
  admittedInfected: 0,
  refusedClean: 0,
  failed: 0,
  slowestMs: 0,
};
const base = join(directory, `load-${seed}`);
const fileOf = (index: number): string => join(base, 'files', `f${index}`);
const infected = join(base, 'infected.com');
const endsAtMs = performance.now() + Number(seconds) * 1000;
let made = 0;

mkdirSync(join(base, 'files'), { recursive: true });
for (let index = 0; index < FILES; index += 1) writeFileSync(fileOf(index), newContent());
writeFileSync(infected, composeEicar());

while (performance.now() < endsAtMs) {
  const startedMs = performance.now();
  act();
  report.operations += 1;
  report.slowestMs = Math.max(report.slowestMs, performance.now() - startedMs);
}
process.stdout.write(JSON.stringify(report));

function act(): void {
  const kind = drawInteger(random, 0, 99);
  const file = fileOf(drawInteger(random, 0, FILES - 1));
  if (kind < 70) clean(() => readFileSync(file));
  else if (kind < 80)
    clean(() => {
      writeFileSync(file, newContent());
    });
  else if (kind < 85)
    clean(() => {
      replace(file);
    });
  else if (kind < 95) openInfected();
  else clean(makeAndRemoveTree);
}

function newContent(): string {
  made += 1;
  return `${seed}/${made} `.repeat(drawInteger(random, 1, SIZE_MAX_BYTES / 16));
}

function replace(file: string): void {
  writeFileSync(`${file}.new`, newContent());
  renameSync(`${file}.new`, file);
}

function makeAndRemoveTree(): void {
  const top = join(base, `tree-${made}`);
  mkdirSync(join(top, 'a/b'), { recursive: true });
  writeFileSync(join(top, 'a/b/file'), newContent());
  renameSync(top, `${top}.moved`);
  readFileSync(join(`${top}.moved`, 'a/b/file'));
  unlinkSync(join(`${top}.moved`, 'a/b/file'));
  rmSync(`${top}.moved`, { recursive: true });
}

function clean(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (codeOf(error) === 'EPERM') report.refusedClean += 1;
    else report.failed += 1;
  }
}

function openInfected(): void {
  try {
    closeSync(openSync(infected, 'r'));
    report.admittedInfected += 1;
  } catch (error) {
    if (codeOf(error) === 'EPERM') report.refusedInfected += 1;
    else report.failed += 1;
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
