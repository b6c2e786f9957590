import type { BenchEngine } from './engine.js';
import { engineMeasurements } from './engine/engine-cells.js';
import { judgeEngineTargets } from './engine/engine-targets.js';
import { renderIsolationTable } from './isolation-table.js';
import { contenderNames, daemonMeasurements, onAccessMeasurements } from './results.js';
import type { Measurement, Results } from './results.js';
import { alignColumns, formatNumber, formatSummary, missing } from './table-cells.js';
import { judgeTargets, medianQuotient, timesBetter } from './targets.js';

const onAccessHeadings = (engine: BenchEngine) => [
  'measurement',
  'bare',
  `Portcullis (${engine})`,
  'clamd + clamonacc',
  'vs clamonacc',
  'vs bare',
];
const daemonHeadings = (engine: BenchEngine) => [
  'daemon',
  `scanner-daemon (${engine})`,
  'clamd',
  'vs clamd',
  'CPU of the daemon',
  'CPU of the generator',
];

const engineHeadings = ['engine alone', 'built-in engine', 'libclamav', 'vs libclamav'];

/**
 * The whole report: a table of medians with their spread for each kind of scenario that was measured, a line for each of
 * its targets, then the notes. The headings name the engine of our side.
 *
 * "vs clamonacc" and "vs clamd" are how many times better Portcullis is; "vs bare" is Portcullis' figure divided by the
 * bare one (for rates the other way round), so 1 is the ideal. Lines nobody measured are left out.
 */
export function renderReport(results: Results, engine: BenchEngine): string {
  const targets = [...judgeTargets(results, engine), ...judgeEngineTargets(results)].map(
    ({ outcome, sentence }) => `${outcome.padEnd(12)}  ${sentence}`,
  );
  const sections = [
    renderTable(results, onAccessMeasurements, onAccessHeadings(engine), renderOnAccessRow),
    renderTable(results, daemonMeasurements, daemonHeadings(engine), renderDaemonRow),
    renderTable(results, engineMeasurements, engineHeadings, renderEngineRow),
    renderIsolationTable(results),
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

function renderEngineRow(results: Results, { key, label, unit, better }: Measurement): readonly string[] {
  return [
    label,
    formatSummary(results.summary(key, 'portcullis'), unit),
    formatSummary(results.summary(key, 'clamav'), unit),
    formatTimes(timesBetter(results, key, better)),
  ];
}

function formatTimes(times: number | undefined): string {
  return times === undefined ? missing : `${formatNumber(times)}x`;
}
