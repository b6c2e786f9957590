import { loadCells, pingCells } from './daemon/daemon-cells.js';
import { summarise } from './statistics.js';
import type { Summary } from './statistics.js';

/** The columns of the tables, in the order they are printed. */
export const contenderNames = ['bare', 'portcullis', 'clamav'] as const;
/** `not-isolated`: our daemon with libclamav inside its own process. It has a table of its own. */
export type ContenderName = (typeof contenderNames)[number] | 'not-isolated';

/** One line of the table: what was measured, in which unit, and which direction is good. */
export interface Measurement {
  readonly key: string;
  readonly label: string;
  readonly unit: 'µs' | 'ms' | 's' | 'opens/s' | 'requests/s' | 'files/s' | 'MB/s' | 'MB' | 'bytes' | '';
  readonly better: 'lower' | 'higher';
}

const latency = (key: string, label: string): Measurement => ({ key, label, unit: 'µs', better: 'lower' });
const rate = (key: string, label: string): Measurement => ({ key, label, unit: 'opens/s', better: 'higher' });
const duration = (key: string, label: string): Measurement => ({ key, label, unit: 's', better: 'lower' });

/** Every line the on-access table can have, in print order. Keys are built by the scenarios. */
export const onAccessMeasurements: readonly Measurement[] = [
  latency('open.1.p50', 'uncached open, 1 opener: p50'),
  latency('open.1.p99', 'uncached open, 1 opener: p99'),
  rate('open.1.rate', 'uncached open, 1 opener: rate'),
  latency('open.8.p50', 'uncached open, 8 openers: p50'),
  latency('open.8.p99', 'uncached open, 8 openers: p99'),
  rate('open.8.rate', 'uncached open, 8 openers: rate'),
  duration('tree.root.1', 'tree, 4 readers, root-owned: pass 1'),
  duration('tree.root.2', 'tree, 4 readers, root-owned: pass 2'),
  duration('tree.user.1', 'tree, 4 readers, user-owned: pass 1'),
  duration('tree.user.2', 'tree, 4 readers, user-owned: pass 2'),
  duration('directories.ready', '100,000 directories: start to protected'),
  { key: 'directories.rss', label: '100,000 directories: memory of the client', unit: 'MB', better: 'lower' },
  { key: 'directories.marks', label: '100,000 directories: fanotify marks', unit: '', better: 'lower' },
  { key: 'directories.watches', label: '100,000 directories: inotify watches', unit: '', better: 'lower' },
];

/** Every line the daemon table can have, in print order. */
export const daemonMeasurements: readonly Measurement[] = [
  ...loadCells.map(({ key, label, unit }) => ({ key, label, unit, better: 'higher' }) as const),
  ...pingCells.flatMap(({ key, label }) =>
    (['p50', 'p99'] as const).map(
      (rank) => ({ key: `${key}.${rank}`, label: `${label}: ${rank}`, unit: 'ms', better: 'lower' }) as const,
    ),
  ),
  { key: 'daemon.rss.idle', label: 'resident memory, idle', unit: 'MB', better: 'lower' },
  { key: 'daemon.rss.peak', label: 'resident memory, peak', unit: 'MB', better: 'lower' },
];

/** Collects one value per repetition for each line and contender, and the reasons for those that are missing. */
export class Results {
  readonly #values = new Map<string, number[]>();
  readonly #notes: string[] = [];

  /** Adds one repetition's value, in the unit of the measurement. */
  add(key: string, contender: ContenderName, value: number): void {
    const cell = `${key}/${contender}`;
    const values = this.#values.get(cell) ?? [];
    values.push(value);
    this.#values.set(cell, values);
  }

  /** Says in a sentence why something is missing or odd; the same sentence is kept once. */
  note(text: string): void {
    if (!this.#notes.includes(text)) this.#notes.push(text);
  }

  /** @returns undefined when this contender has no value for the line */
  summary(key: string, contender: ContenderName): Summary | undefined {
    return summarise(this.#values.get(`${key}/${contender}`) ?? []);
  }

  get notes(): readonly string[] {
    return this.#notes;
  }
}
