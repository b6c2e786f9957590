import { readFileSync } from 'node:fs';

/** The last lines of a log for a note, 600 characters at most; says so when there is none. */
export function tailOf(logPath: string): string {
  try {
    return readFileSync(logPath, 'utf8').trimEnd().split('\n').slice(-5).join(' / ').slice(-600);
  } catch {
    return '(not started)';
  }
}
