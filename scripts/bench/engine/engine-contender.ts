import type { ProcessKeeper } from '../process-keeper.js';
import type { Sample } from '../scenarios/scenario.js';
import type { EngineLists, FileList } from './prepare-lists.js';

/** What one side of the comparison works with during one repetition. */
export interface EngineSite {
  readonly keeper: ProcessKeeper;
  /** Empty at the beginning, removed afterwards. */
  readonly runDirectory: string;
  readonly lists: EngineLists;
}

/** The figures of a scan without those of the loading. */
export interface ScanFigures {
  readonly cpuMs: number;
  readonly wallMs: number;
  /** `<path>: <name> FOUND`, sorted; what was scanned to warm up included. */
  readonly found: readonly string[];
}

/** An engine in a process that scans a list of files on one thread and ends. */
export interface EngineContender {
  readonly name: 'portcullis' | 'clamav';
  readonly title: string;
  /** Why it cannot run on this machine, or undefined when it can. */
  readonly unavailable: () => string | undefined;
  /** A new one each repetition. */
  readonly open: (site: EngineSite) => OpenEngine;
}

export interface OpenEngine {
  /** How long it takes to load the database, by the keys of the table. */
  readonly load: (database: string) => Promise<readonly Sample[]>;
  readonly scan: (database: string, list: FileList) => Promise<ScanFigures>;
  /** Eight million hashes against one. */
  readonly loadMany: (many: {
    readonly database: string;
    readonly one: string;
    readonly count: number;
  }) => Promise<readonly Sample[]>;
}
