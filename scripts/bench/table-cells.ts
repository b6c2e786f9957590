import type { Measurement } from './results.js';
import type { Summary } from './statistics.js';

/** In place of a figure that nobody took. */
export const missing = '-';

/** Pads the cells of a table to equal widths; first column left, the others right; a rule under the first row. */
export function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, column) => pad(row[column] ?? '', width, column)).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return rows.flatMap((row, index) => (index === 0 ? [line(row), rule] : [line(row)])).join('\n');
}

/** A median with its spread; the spread is left out when there was one measurement. */
export function formatSummary(summary: Summary | undefined, unit: Measurement['unit']): string {
  if (summary === undefined) return missing;
  const median = `${formatNumber(summary.median)} ${unit}`;
  return summary.count === 1
    ? median
    : `${median} [${formatNumber(summary.min)}-${formatNumber(summary.max)}]`;
}

/** Three significant figures, no exponent. */
export function formatNumber(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}
