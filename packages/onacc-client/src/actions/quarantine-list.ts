import { isUtf8 } from 'node:buffer';
import { sanitize } from '@portcullis/shared';
import type { QuarantineEntry } from './quarantine-entries.js';

const STATES: Readonly<Record<QuarantineEntry['state'], string>> = {
  whole: 'ok',
  unfinished: 'unfinished',
  missing: 'file missing',
  damaged: 'record damaged',
  noRecord: 'no record',
};

/** Lines for people: strangers' names and paths cannot touch the terminal. */
export function formatEntries(entries: readonly QuarantineEntry[], directory: string): string[] {
  if (entries.length === 0) return [`nothing is quarantined in '${sanitize(directory)}'`];
  const head = ['NAME', 'STATE', 'WHEN (UTC)', 'BYTES', 'SIGNATURE', 'PATH'];
  const rows = [head, ...entries.map(rowOf)];
  const widths = head.map((_, column) =>
    rows.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), 0),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [...lines, entries.length === 1 ? '1 file' : `${entries.length} files`];
}

function rowOf(entry: QuarantineEntry): string[] {
  const row = [sanitize(entry.file), STATES[entry.state]];
  switch (entry.state) {
    case 'whole':
    case 'unfinished':
    case 'missing': {
      const { detectedAtMs, sizeBytes, signatureName, path } = entry.record;
      return [...row, timeOf(detectedAtMs), String(sizeBytes), sanitize(signatureName), sanitize(path)];
    }
    case 'damaged':
      return [...row, '-', '-', '-', sanitize(entry.problem)];
    case 'noRecord':
      return [...row, timeOf(entry.mtimeMs), String(entry.sizeBytes), '-', '-'];
  }
}

/** For programs: one JSON array, in ASCII. A path that is no UTF-8 is there exactly as `pathBase64`. */
export function entriesAsJson(entries: readonly QuarantineEntry[]): string {
  const text = JSON.stringify(entries.map(plain), null, 2);
  return text.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function plain(entry: QuarantineEntry): Record<string, unknown> {
  switch (entry.state) {
    case 'whole':
    case 'unfinished':
    case 'missing': {
      const { path, mode, atimeNs, mtimeNs, detectedAtMs, ...rest } = entry.record;
      return {
        file: entry.file,
        state: entry.state,
        ...rest,
        path: path.toString('utf8'),
        ...(isUtf8(path) ? {} : { pathBase64: path.toString('base64') }),
        mode: mode.toString(8).padStart(4, '0'),
        atimeNs: String(atimeNs),
        mtimeNs: String(mtimeNs),
        detectedAt: timeOf(detectedAtMs),
      };
    }
    case 'damaged':
    case 'noRecord':
      return { ...entry };
  }
}

function timeOf(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
