import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TargetName } from './options.js';

/** An input that broke an invariant. */
export interface Finding {
  readonly what: string;
  /** The input, or for the daemon what was sent last, as JSON. */
  readonly content: Buffer;
}

/** How a run of one target ended. */
export interface RunOutcome {
  readonly inputs: number;
  readonly finding?: Finding;
}

const PREVIEW_BYTES = 200;

/** Writes the input to a file of its own. @returns what to tell. */
export function reportFinding(
  finding: Finding,
  options: { readonly target: TargetName; readonly seed: number; readonly directory: string },
): readonly string[] {
  const { target, seed, directory } = options;
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `fuzz-${target}-${seed}${target === 'daemon' ? '.json' : '.bin'}`);
  writeFileSync(path, finding.content);
  const preview = JSON.stringify(finding.content.subarray(0, PREVIEW_BYTES).toString('latin1'));
  const again = target === 'daemon' ? [] : [`  again with: pnpm fuzz --only ${target} --input ${path}`];
  return [
    `${target}: ${finding.what}`,
    `  input (${finding.content.length} bytes) written to ${path}`,
    `  ${preview}`,
    ...again,
  ];
}
