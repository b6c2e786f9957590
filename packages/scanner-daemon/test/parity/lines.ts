import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { DatabaseError } from '../../src/database/database-error.js';
import { loadDatabase } from '../../src/database/load-database.js';
import { mutateLine } from './mutate-line.js';
import { randomFrom } from './random.js';
import { readSignatureLines, sampleOf } from './signature-lines.js';

/** What the comparison of lines is to do. */
export interface LinesRun {
  readonly signatures: string;
  /** Lines that are mutated. */
  readonly sample: number;
  readonly seed: number;
  readonly print: (line: string) => void;
}

/** A line on whose acceptance the two differ: the number of signatures loaded, or `refused`. */
export interface LineDifference {
  readonly extension: string;
  readonly text: string;
  readonly clamscan: Acceptance;
  readonly ours: Acceptance;
}

type Acceptance = number | 'refused';

interface Line {
  readonly extension: string;
  readonly text: string;
}

/** A database that holds nothing else is no database: each has this one too. */
const OTHER = `${'0'.repeat(32)}:1:Other\n`;
const GROUP = 64;

/** Asks both whether mutated lines are taken, skipped or refused. */
export async function compareLines(run: LinesRun): Promise<readonly LineDifference[]> {
  const random = randomFrom(run.seed);
  const lines = sampleOf(readSignatureLines(run.signatures), run.sample).map(({ file, text }) => ({
    extension: extname(file),
    text: mutateLine(text, random),
  }));
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-lines-'));
  try {
    const taken = new Map<string, (Line & { readonly ours: number })[]>();
    const differences: LineDifference[] = [];
    let refused = 0;
    for (const line of lines) {
      const ours = await ourAcceptance([line], directory);
      if (ours === 'refused') {
        refused += 1;
        const clamscan = await theirAcceptance([line], directory);
        if (clamscan !== ours) differences.push({ ...line, clamscan, ours });
        continue;
      }
      const group = taken.get(line.extension) ?? [];
      taken.set(line.extension, group);
      group.push({ ...line, ours });
    }
    for (const group of taken.values()) {
      for (let index = 0; index < group.length; index += GROUP)
        differences.push(...(await differencesIn(group.slice(index, index + GROUP), directory)));
    }
    run.print(
      `${lines.length} mutated lines (seed ${run.seed}), ${refused} refused, ${lines.length - differences.length} judged alike, ${differences.length} differ`,
    );
    for (const { extension, text, clamscan, ours } of differences.slice(0, 40))
      run.print(`${extension} clamscan: ${clamscan}, ours: ${ours}: ${text.slice(0, 400)}`);
    return differences;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Lines that we take or skip: asked about together as long as the counts agree. */
async function differencesIn(
  group: readonly (Line & { readonly ours: number })[],
  directory: string,
): Promise<readonly LineDifference[]> {
  const clamscan = await theirAcceptance(group, directory);
  const wanted = group.reduce((sum, { ours }) => sum + ours, 0);
  const [only] = group;
  if (clamscan === wanted || only === undefined) return [];
  if (group.length === 1) return [{ ...only, clamscan }];
  const half = group.length >> 1;
  return [
    ...(await differencesIn(group.slice(0, half), directory)),
    ...(await differencesIn(group.slice(half), directory)),
  ];
}

function writeDatabase(lines: readonly Line[], parent: string): string {
  const directory = mkdtempSync(join(parent, 'db-'));
  const extension = lines[0]?.extension ?? '';
  writeFileSync(join(directory, `a${extension}`), `${lines.map(({ text }) => text).join('\n')}\n`, 'latin1');
  writeFileSync(join(directory, 'z.hdb'), OTHER);
  return directory;
}

async function ourAcceptance(lines: readonly Line[], parent: string): Promise<Acceptance> {
  const directory = writeDatabase(lines, parent);
  try {
    const { signatureCount, unsupported } = await loadDatabase({ directory });
    return Object.values(unsupported).reduce((sum, count) => sum + count, signatureCount) - 1;
  } catch (error) {
    // Anything else than a line that was told of is a finding of its own.
    if (!(error instanceof DatabaseError) || error.context['line'] === undefined) throw error;
    return 'refused';
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function theirAcceptance(lines: readonly Line[], parent: string): Promise<Acceptance> {
  const directory = writeDatabase(lines, parent);
  const empty = join(parent, 'empty');
  mkdirSync(empty, { recursive: true });
  const child = spawn('clamscan', ['-d', directory, empty], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('latin1').on('data', (text: string) => {
      output += text;
    });
  }
  await once(child, 'close');
  rmSync(directory, { recursive: true });
  if (/^ERROR: (?:Malformed database|Invalid argument|Database initialization error)/m.test(output))
    return 'refused';
  const count = /Known viruses: (\d+)/.exec(output)?.[1];
  return Number(count ?? 0) - 1;
}
