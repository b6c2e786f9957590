import { contenderNames, measurements } from './results.js';
import type { Measurement, Results } from './results.js';
import type { Summary } from './statistics.js';
import { judgeTargets, medianQuotient, timesBetter } from './targets.js';

const headings = ['measurement', 'bare', 'Portcullis', 'clamd + clamonacc', 'vs clamonacc', 'vs bare'];
const missing = '-';

/**
 * The whole report: one table of medians with their spread, a line for each target, then the notes.
 *
 * "vs clamonacc" is how many times better Portcullis is; "vs bare" is Portcullis' figure divided by the bare one
 * (for rates the other way round), so 1 is the ideal. Lines nobody measured are left out.
 */
export function renderReport(results: Results): string {
  const rows = measurements
    .filter(({ key }) => contenderNames.some((name) => results.summary(key, name) !== undefined))
    .map((measurement) => renderRow(results, measurement));
  const targets = judgeTargets(results).map(({ outcome, sentence }) => `${outcome.padEnd(12)}  ${sentence}`);
  const notes = results.notes.map((note) => `note: ${note}`);
  return [
    alignColumns([headings, ...rows]),
    '',
    ...targets,
    ...(notes.length > 0 ? ['', ...notes] : []),
  ].join('\n');
}

/**
 * Pads the cells of a table to equal widths; first column left, the others right; a rule under the first row.
 *
 * @internal
 */
export function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, column) => pad(row[column] ?? '', width, column)).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return rows.flatMap((row, index) => (index === 0 ? [line(row), rule] : [line(row)])).join('\n');
}

/**
 * A median with its spread; the spread is left out when there was one measurement.
 *
 * @internal
 */
export function formatSummary(summary: Summary | undefined, unit: Measurement['unit']): string {
  if (summary === undefined) return missing;
  const median = `${formatNumber(summary.median)} ${unit}`;
  return summary.count === 1
    ? median
    : `${median} [${formatNumber(summary.min)}-${formatNumber(summary.max)}]`;
}

function renderRow(results: Results, { key, label, unit, better }: Measurement): readonly string[] {
  const cells = contenderNames.map((name) => formatSummary(results.summary(key, name), unit));
  const sides =
    better === 'lower'
      ? ({ over: 'portcullis', under: 'bare' } as const)
      : ({ over: 'bare', under: 'portcullis' } as const);
  return [
    label,
    ...cells,
    formatTimes(timesBetter(results, key, better)),
    formatTimes(medianQuotient(results, key, sides)),
  ];
}

function formatTimes(times: number | undefined): string {
  return times === undefined ? missing : `${formatNumber(times)}x`;
}

/** Three significant figures, no exponent. */
function formatNumber(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}
