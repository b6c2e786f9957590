import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Beside the checkout, from scripts/dist/fuzz/targets. */
const ARCHIVE = resolve(import.meta.dirname, '../../../../../shared/signatures/signatures.tar.xz');
const UNPACK_MAX_MS = 60_000;
const LINE_MAX_BYTES = 1500;

/** A choice of lines out of an official file. */
export interface RealSignatures {
  /** Such as `main.ldb`. */
  readonly file: string;
  readonly count: number;
  /** Which lines are looked at; all by default. */
  readonly isWanted?: (line: string) => boolean;
}

/** For each choice its lines, the same each time and from all over the file; none where the archive is absent. */
export function realSignatures(choices: readonly RealSignatures[]): readonly (readonly string[])[] {
  if (!existsSync(ARCHIVE)) return choices.map(() => []);
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-fuzz-'));
  try {
    const members = choices.map(({ file }) => `./official/${file}`);
    const command = ['-xJf', ARCHIVE, '-C', directory, '--strip-components=2', '--no-same-owner', ...members];
    execFileSync('tar', command, { stdio: 'ignore', timeout: UNPACK_MAX_MS });
    return choices.map((choice) => choose(readFileSync(join(directory, choice.file), 'latin1'), choice));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function choose(content: string, { count, isWanted = () => true }: RealSignatures): readonly string[] {
  const lines = content
    .split('\n')
    .filter((line) => line !== '' && line.length <= LINE_MAX_BYTES && isWanted(line));
  const step = Math.max(1, Math.floor(lines.length / count));
  return lines.filter((_line, index) => index % step === 0).slice(0, count);
}
