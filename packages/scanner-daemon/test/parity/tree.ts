import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clamscanAll } from './clamscan.js';
import { openOurEngine } from './our-engine.js';
import { sampleOf } from './signature-lines.js';

/** What the comparison over trees is to do. */
export interface TreeRun {
  readonly database: string;
  readonly trees: readonly string[];
  /** Files, spread evenly. */
  readonly sample: number;
  readonly print: (line: string) => void;
}

/** clamscan's default MaxFileSize: a larger file is skipped by both. */
const FILE_MAX_BYTES = 100 * 1024 * 1024;
/** `testfiles` compares these. */
const TEST_FILES = '/usr/share/clamav-testfiles';

/** Compares the sets of names in every file of a sample of trees. */
export async function compareTrees(run: TreeRun): Promise<number> {
  const files = sampleOf(run.trees.flatMap(filesBelow), run.sample);
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-tree-'));
  try {
    const listFile = join(directory, 'list');
    writeFileSync(listFile, `${files.join('\n')}\n`);
    const scan = await openOurEngine(run.database);
    const beganAtMs = performance.now();
    const theirs = await clamscanAll(run.database, { listFile });
    const clamscanMs = performance.now() - beganAtMs;
    const tally = { different: 0, found: 0, incomplete: 0, bytes: 0 };
    for (const path of files) {
      const bytes = readFileSync(path);
      tally.bytes += bytes.length;
      const ours = scan(bytes);
      const clam = theirs.get(path) ?? new Set<string>();
      if (clam.size > 0) tally.found += 1;
      // clamscan says OK of what it has not looked at whole.
      const isIncomplete = ours.trouble?.includes('"incomplete"') ?? false;
      if (isIncomplete) tally.incomplete += 1;
      if (same(clam, ours.names) && (ours.trouble === undefined || isIncomplete)) continue;
      tally.different += 1;
      run.print(`${path}: clamscan: ${list(clam)} / ours: ${list(ours.names)} ${ours.trouble ?? ''}`);
    }
    const oursMs = performance.now() - beganAtMs - clamscanMs;
    run.print(
      `${files.length} files, ${(tally.bytes / 1e6).toFixed(0)} MB, ${tally.found} found by clamscan, ` +
        `${tally.incomplete} incomplete as ours says, ${tally.different} differ; ${(clamscanMs / 1000).toFixed(1)} seconds clamscan with its load, ${(oursMs / 1000).toFixed(1)} seconds ours`,
    );
    return tally.different;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function same(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((name) => b.has(name));
}

function list(names: ReadonlySet<string>): string {
  return names.size === 0 ? 'OK' : [...names].sort().join(' ');
}

/** Regular files of a tree, without those that clamscan skips for their size or whose name it could not read from a list. */
function filesBelow(root: string): readonly string[] {
  if (statSync(root).isFile()) return [root];
  const files: string[] = [];
  const waiting = [root];
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (path === TEST_FILES) continue;
      if (entry.isDirectory()) waiting.push(path);
      else if (entry.isFile() && !/[\n\ufffd]/.test(path) && lstatSync(path).size <= FILE_MAX_BYTES)
        files.push(path);
    }
  }
  return files.sort();
}
