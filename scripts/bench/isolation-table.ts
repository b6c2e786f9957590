import { isolationCells, isolationMemoryKey } from './daemon/isolation-cells.js';
import { alignColumns, formatNumber, formatSummary, missing } from './table-cells.js';
import type { Measurement, Results } from './results.js';

const headings = ['cost of isolation', 'isolated', 'not isolated', 'difference'];

interface Row {
  readonly key: string;
  readonly label: string;
  readonly unit: Measurement['unit'];
}

const rows: readonly Row[] = [
  ...isolationCells.flatMap(({ key, load, shows }): readonly Row[] => [
    shows === 'time'
      ? { key, label: `${load.label}: time per scan`, unit: 'µs' }
      : { key, label: `${load.label}: rate`, unit: 'requests/s' },
    { key: `${key}.cpu`, label: `${load.label}: CPU per scan`, unit: 'µs' },
  ]),
  { key: isolationMemoryKey, label: 'resident memory afterwards', unit: 'MB' },
];

/** A line for each figure that was taken of both; "difference" is what isolation adds. No line when there is none. */
export function renderIsolationTable(results: Results): readonly string[] {
  const measured = rows.filter(({ key }) =>
    (['portcullis', 'not-isolated'] as const).some((name) => results.summary(key, name) !== undefined),
  );
  return measured.length === 0
    ? []
    : [alignColumns([headings, ...measured.map((row) => renderRow(results, row))])];
}

function renderRow(results: Results, { key, label, unit }: Row): readonly string[] {
  const isolated = results.summary(key, 'portcullis');
  const notIsolated = results.summary(key, 'not-isolated');
  return [
    label,
    formatSummary(isolated, unit),
    formatSummary(notIsolated, unit),
    isolated === undefined || notIsolated === undefined
      ? missing
      : formatDifference(isolated.median - notIsolated.median, notIsolated.median, unit),
  ];
}

/** Signed, with its share of what there is without isolation. */
function formatDifference(difference: number, of: number, unit: string): string {
  const sign = difference < 0 ? '-' : '+';
  const share = of === 0 ? '' : ` (${sign}${formatNumber((Math.abs(difference) / of) * 100)} %)`;
  return `${sign}${formatNumber(Math.abs(difference))} ${unit}${share}`;
}
