import { createRandom, drawInteger, drawNormal } from './random.js';

/** One file to be made; the path is relative to the tree. */
interface PlannedFile {
  readonly path: string;
  readonly sizeBytes: number;
}

/** A tree before it exists: pure and deterministic. Directories come parents first. */
export interface TreePlan {
  readonly seed: number;
  readonly directories: readonly string[];
  readonly files: readonly PlannedFile[];
}

const smallFileMinBytes = 200;
const smallFileMaxBytes = 8000;
const smallFilesPerDirectory = 100;

/** Below clamonacc's OnAccessMaxFileSize default (5 MB), above which it would skip the scan and look fast. */
const mixedFileMaxBytes = 2 * 1024 * 1024;
const mixedFileMinBytes = 64;

/** Small clean files of 200-8,000 bytes, 100 to a directory, for opens that no cache has seen. */
export function planSmallFiles(name: string, fileCount: number, seed: number): TreePlan {
  const random = createRandom(seed);
  const directoryCount = Math.ceil(fileCount / smallFilesPerDirectory);
  const directories = Array.from({ length: directoryCount }, (_, index) => `${name}/d${index}`);
  const files = Array.from({ length: fileCount }, (_, index) => ({
    path: `${name}/d${Math.floor(index / smallFilesPerDirectory)}/f${index}`,
    sizeBytes: drawInteger(random, smallFileMinBytes, smallFileMaxBytes),
  }));
  return { seed, directories: [name, ...directories], files };
}

/** How large a mixed tree shall be. */
export interface MixedTreeSize {
  readonly topDirectoryCount: number;
  readonly fileCount: number;
  readonly totalBytes: number;
}

/** About what kernel-facts.md measured: 1,400 directories, 12,000 files, 200 MB. */
export const fullTreeSize: MixedTreeSize = {
  topDirectoryCount: 14,
  fileCount: 12_000,
  totalBytes: 200_000_000,
};

/**
 * A tree like an installed system: each top directory holds 9 that hold 10 each (100 with itself), files lie
 * anywhere, most are small and a few make up most of the bytes (log-normal sizes, scaled to the total).
 */
export function planMixedTree(name: string, size: MixedTreeSize, seed: number): TreePlan {
  const random = createRandom(seed);
  const directories = [name, ...nestedDirectories(name, size.topDirectoryCount)];
  const weights = Array.from({ length: size.fileCount }, () => Math.exp(drawNormal(random, 0, 1.5)));
  const weightTotal = weights.reduce((sum, weight) => sum + weight, 0);
  const files = weights.map((weight, index) => {
    const directory = directories[drawInteger(random, 1, directories.length - 1)] ?? name;
    const wantedBytes = Math.round((weight / weightTotal) * size.totalBytes);
    const sizeBytes = Math.min(Math.max(wantedBytes, mixedFileMinBytes), mixedFileMaxBytes);
    return { path: `${directory}/f${index}`, sizeBytes };
  });
  return { seed, directories, files };
}

function nestedDirectories(name: string, topCount: number): readonly string[] {
  const directories: string[] = [];
  for (let top = 0; top < topCount; top += 1) {
    directories.push(`${name}/t${top}`);
    for (let middle = 0; middle < 9; middle += 1) {
      directories.push(`${name}/t${top}/m${middle}`);
      for (let leaf = 0; leaf < 10; leaf += 1) directories.push(`${name}/t${top}/m${middle}/l${leaf}`);
    }
  }
  return directories;
}
