import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { composeEicar } from '../probes.js';
import { chooseByBytes, chooseSmall, listFiles, readAllOnce, sumBytes } from './sample-files.js';
import type { SizedFile } from './sample-files.js';

/** How much is scanned. */
export interface EngineSizes {
  readonly mixBytes: number;
  readonly smallCount: number;
  /** Of the scans with shares of the signatures. */
  readonly scaleBytes: number;
  /** Generated hashes; 0 = that part is left out. */
  readonly manyHashes: number;
}

export const fullSizes: EngineSizes = {
  mixBytes: 1e9,
  smallCount: 3000,
  scaleBytes: 1e8,
  manyHashes: 8_000_000,
};

export const quickSizes: EngineSizes = { mixBytes: 1e8, smallCount: 3000, scaleBytes: 2e7, manyHashes: 0 };

/** Files to scan: a file with a path a line, and what it adds up to. */
export interface FileList {
  readonly path: string;
  /** The same behind the files that an engine warms up with. */
  readonly withWarmUpPath: string;
  readonly fileCount: number;
  readonly totalBytes: number;
}

/** The lists of a whole run: the same files for every side and repetition. */
export interface EngineLists {
  readonly mix: FileList;
  readonly small: FileList;
  readonly scale: FileList;
  /** A single file of one byte: what is left of a run over it is the loading. */
  readonly nearlyEmpty: FileList;
  /** Other small files, scanned before a scan is measured: engines live long. */
  readonly warmUp: FileList;
}

/** Debian's clamav-testfiles, in formats of all kinds: `scripts/parity` compares what is found in them. */
const testFiles = '/usr/share/clamav-testfiles';
const warmUpCount = 2000;

/** How many files with an EICAR text every list begins with: that both sides find nothing would prove little. */
const eicarCount = 5;

/** Chooses the files below `root`, writes the lists into `directory`, and has all of it read once. */
export async function prepareLists(
  root: string,
  directory: string,
  sizes: EngineSizes,
): Promise<EngineLists> {
  const planted = plantFiles(directory);
  const files = await listFiles(root, testFiles);
  const warmUp = chooseSmall(files, warmUpCount);
  // clamscan knows again what it has scanned: nothing is measured that it has warmed up with.
  const warmedUpWith = new Set(warmUp);
  const others = files.filter((file) => !warmedUpWith.has(file));
  const mix = chooseByBytes(others, sizes.mixBytes);
  const small = chooseSmall(others, sizes.smallCount);
  readAllOnce([...warmUp, ...mix, ...small]);
  const write = (name: string, chosen: readonly SizedFile[]): string => {
    const path = join(directory, `${name}.list`);
    writeFileSync(path, chosen.map((file) => `${file.path}\n`).join(''));
    return path;
  };
  const writeList = (name: string, chosen: readonly SizedFile[]): FileList => ({
    path: write(name, chosen),
    withWarmUpPath: write(`${name}-with-warm-up`, [...warmUp, ...chosen]),
    fileCount: chosen.length,
    totalBytes: sumBytes(chosen),
  });
  return {
    mix: writeList('mix', [...planted.eicars, ...mix]),
    small: writeList('small', [...planted.eicars, ...small]),
    scale: writeList('scale', chooseByBytes(others, sizes.scaleBytes)),
    nearlyEmpty: writeList('nearly-empty', [planted.oneByte]),
    warmUp: writeList('warm-up', warmUp),
  };
}

function plantFiles(directory: string): {
  readonly eicars: readonly SizedFile[];
  readonly oneByte: SizedFile;
} {
  const planted = join(directory, 'planted');
  mkdirSync(planted, { mode: 0o755 });
  const plant = (name: string, content: string): SizedFile => {
    const path = join(planted, name);
    writeFileSync(path, content, { mode: 0o644 });
    return { path, sizeBytes: content.length };
  };
  const eicars = Array.from({ length: eicarCount }, (_, index) =>
    plant(`eicar-${index}.com`, composeEicar()),
  );
  return { eicars, oneByte: plant('one-byte', 'x') };
}
