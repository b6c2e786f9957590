import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describeSteps } from './script.js';
import type { Outcome, Script, Topic } from './script.js';

/** What clamd said to one script. */
export interface GoldenRow extends Outcome {
  /** The steps it was recorded with. */
  readonly sent: string;
}

/** The rows of all topics by their scripts. */
export function readAllGolden(topics: readonly Topic[]): Map<Script, GoldenRow> {
  const golden = new Map<Script, GoldenRow>();
  for (const topic of topics) {
    const rows = readGolden(topic);
    for (const script of topic.scripts) {
      const row = rows[script.name];
      if (row !== undefined) golden.set(script, row);
    }
  }
  return golden;
}

const DIRECTORY = new URL('../../../../test/integration/transcripts/golden/', import.meta.url);

/** The rows of a topic by the names of their scripts; none where nothing was recorded. */
export function readGolden(topic: Topic): Readonly<Record<string, GoldenRow>> {
  // Written by `writeGolden` alone, and reviewed like source.
  return JSON.parse(readFileSync(goldenPath(topic), 'utf8')) as Record<string, GoldenRow>;
}

/** @throws Error when two scripts of the topic have one name. */
export function writeGolden(topic: Topic, outcomes: ReadonlyMap<Script, Outcome>): void {
  const rows: Record<string, GoldenRow> = {};
  for (const script of topic.scripts) {
    const outcome = outcomes.get(script);
    if (outcome === undefined) continue;
    if (rows[script.name] !== undefined) throw new Error(`two scripts are called "${script.name}"`);
    rows[script.name] = { sent: describeSteps(script.steps), ...outcome };
  }
  writeFileSync(goldenPath(topic), `${JSON.stringify(rows, null, 2)}\n`);
}

function goldenPath(topic: Topic): string {
  return fileURLToPath(new URL(`${topic.name}.json`, DIRECTORY));
}
