import { sanitize } from '@portcullis/shared';

/** `skip`: could not be looked at, and that is no fault. */
export type CheckLevel = 'ok' | 'warn' | 'fail' | 'skip';

/** One thing that the doctor has looked at. */
export interface Check {
  readonly level: CheckLevel;
  /** What was looked at, a word or two. */
  readonly topic: string;
  /** What was found. */
  readonly finding: string;
  /** What to do about it: always there for `warn` and `fail`. */
  readonly advice?: string;
}

const WORDS: Readonly<Record<CheckLevel, string>> = { ok: 'OK', warn: 'WARN', fail: 'FAIL', skip: 'SKIP' };
const ADVICE_INDENT = ' '.repeat(6);

export function ok(topic: string, finding: string): Check {
  return { level: 'ok', topic, finding };
}

export function skip(topic: string, finding: string): Check {
  return { level: 'skip', topic, finding };
}

export function warn(topic: string, finding: string, advice: string): Check {
  return { level: 'warn', topic, finding, advice };
}

export function fail(topic: string, finding: string, advice: string): Check {
  return { level: 'fail', topic, finding, advice };
}

/** A line, and one with what to do where there is something to do. */
export function formatCheck({ level, topic, finding, advice }: Check): string {
  const line = `${WORDS[level].padEnd(ADVICE_INDENT.length)}${topic}: ${sanitize(finding)}\n`;
  return advice === undefined ? line : `${line}${ADVICE_INDENT}-> ${sanitize(advice)}\n`;
}
