import { contenderNames, daemonMeasurements, onAccessMeasurements } from './results.js';
import type { Measurement, Results } from './results.js';
import type { Summary } from './statistics.js';
import { judgeTargets, medianQuotient, timesBetter } from './targets.js';

const onAccessHeadings = [
  'measurement',
  'bare',
  'Portcullis',
  'clamd + clamonacc',
  'vs clamonacc',
  'vs bare',
];
const daemonHeadings = [
  'daemon',
  'scanner-daemon',
  'clamd',
  'vs clamd',
  'CPU of the daemon',
  'CPU of the generator',
];
const missing = '-';

/**
 * The whole report: a table of medians with their spread for each kind of scenario that was measured, a line for each of
 * its targets, then the notes.
 *
 * "vs clamonacc" and "vs clamd" are how many times better Portcullis is; "vs bare" is Portcullis' figure divided by the
 * bare one (for rates the other way round), so 1 is the ideal. Lines nobody measured are left out.
 */
export function renderReport(results: Results): string {
  const targets = judgeTargets(results).map(({ outcome, sentence }) => `${outcome.padEnd(12)}  ${sentence}`);
  const sections = [
    renderTable(results, onAccessMeasurements, onAccessHeadings, renderOnAccessRow),
    renderTable(results, daemonMeasurements, daemonHeadings, renderDaemonRow),
    targets,
    results.notes.map((note) => `note: ${note}`),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

/** @returns nothing when none of its lines was measured */
function renderTable(
  results: Results,
  measurements: readonly Measurement[],
  headings: readonly string[],
  renderRow: (results: Results, measurement: Measurement) => readonly string[],
): readonly string[] {
  const rows = measurements
    .filter(({ key }) => contenderNames.some((name) => results.summary(key, name) !== undefined))
    .map((measurement) => renderRow(results, measurement));
  return rows.length === 0 ? [] : [alignColumns([headings, ...rows])];
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

function renderOnAccessRow(results: Results, { key, label, unit, better }: Measurement): readonly string[] {
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

/** CPU columns: ours / clamd's. */
function renderDaemonRow(results: Results, { key, label, unit, better }: Measurement): readonly string[] {
  const pair = (suffix: string, unitOfPair: string) => {
    const [ours, theirs] = (['portcullis', 'clamav'] as const).map((name) => {
      const summary = results.summary(`${key}.${suffix}`, name);
      return summary === undefined ? missing : formatNumber(summary.median);
    });
    return ours === missing && theirs === missing ? '' : `${ours ?? ''} / ${theirs ?? ''} ${unitOfPair}`;
  };
  return [
    label,
    formatSummary(results.summary(key, 'portcullis'), unit),
    formatSummary(results.summary(key, 'clamav'), unit),
    formatTimes(timesBetter(results, key, better)),
    pair('cpu', unit === 'MB/s' ? 'ms/MB' : 'µs'),
    pair('generator', '%'),
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
