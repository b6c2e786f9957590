import type { Sample } from '../scenarios/scenario.js';
import { scalePercents } from './engine-cells.js';
import type { ListName } from './engine-cells.js';
import type { OpenEngine } from './engine-contender.js';
import type { EngineLists, FileList } from './prepare-lists.js';

/** The databases of a run, each a directory. */
export interface EngineDatabases {
  readonly whole: string;
  /** By per cent of the signatures. */
  readonly shares: ReadonlyMap<number, string>;
  readonly oneSignature: string;
  /** Undefined: left out. */
  readonly many: { readonly database: string; readonly count: number } | undefined;
}

/** What one side's turn in a repetition gave. */
export interface EngineTurn {
  readonly samples: readonly Sample[];
  /** What it found in each list: to be compared with the other side. */
  readonly found: ReadonlyMap<ListName, readonly string[]>;
}

const bytesPerMegabyte = 1e6;

/** All figures of one side that need no daemon. */
export async function measureEngine(
  engine: OpenEngine,
  { lists, databases }: { readonly lists: EngineLists; readonly databases: EngineDatabases },
): Promise<EngineTurn> {
  const samples: Sample[] = [...(await engine.load(databases.whole))];
  const found = new Map<ListName, readonly string[]>();
  for (const name of ['mix', 'small'] as const) {
    const list = lists[name];
    const figures = await engine.scan(databases.whole, list);
    found.set(name, figures.found);
    samples.push(
      { key: `engine.${name}.core`, value: rateOf(name, list, figures.cpuMs) },
      { key: `engine.${name}.clock`, value: rateOf(name, list, figures.wallMs) },
    );
  }
  for (const percent of scalePercents) {
    const { cpuMs } = await engine.scan(databases.shares.get(percent) ?? databases.whole, lists.scale);
    samples.push({ key: `engine.scale.${percent}`, value: rateOf('mix', lists.scale, cpuMs) });
  }
  if (databases.many !== undefined)
    samples.push(...(await engine.loadMany({ ...databases.many, one: databases.oneSignature })));
  return { samples, found };
}

function rateOf(name: ListName, list: FileList, milliseconds: number): number {
  const amount = name === 'small' ? list.fileCount : list.totalBytes / bytesPerMegabyte;
  return (amount * 1000) / milliseconds;
}

/**
 * The files on which two sides disagree.
 *
 * @returns a line each, as the side says it that found something
 */
export function differences(ours: readonly string[], theirs: readonly string[]): readonly string[] {
  const beside = (lines: readonly string[], others: readonly string[], side: string): readonly string[] => {
    const known = new Set(others);
    return lines.filter((line) => !known.has(line)).map((line) => `${side} ${line}`);
  };
  return [...beside(ours, theirs, 'only ours:'), ...beside(theirs, ours, 'only clamscan:')];
}
