import type { HostDatabase } from '../libclamav-host/control-messages.js';
import type { CompiledDatabase } from './compiled-database.js';
import type { PuaCategories } from './pua-categories.js';

/** More files than any database directory has. */
export const DATABASE_FILES_MAX = 10_000;

/** A file that the database was read from: enough to see that it has changed (SelfCheck). */
export interface DatabaseFile {
  readonly path: string;
  readonly mtimeMs: number;
  readonly sizeBytes: number;
}

/** A database ready to be swapped in. */
export interface LoadedDatabase {
  /** What the engine scans with: our tables, or what libclamav's host calls it. */
  readonly compiled: CompiledDatabase | HostDatabase;
  /** Signatures in use, false-positive entries included, as clamd counts them. */
  readonly signatureCount: number;
  /** What the files hold that this engine does not use, by kind: the number of signatures. */
  readonly unsupported: Readonly<Record<string, number>>;
  /** All that were read or counted, an older `daily` that was left out too. */
  readonly files: readonly DatabaseFile[];
  /** The version of the daily container; 0 while there is none. */
  readonly version: number;
  /** When that was built. */
  readonly versionBuiltAtSeconds?: number;
}

/** One of the built-in engine. */
export interface LoadedBuiltinDatabase extends LoadedDatabase {
  readonly compiled: CompiledDatabase;
}

/** Where a database is read from. */
export interface LoadDatabaseOptions {
  /** DatabaseDirectory. It must exist and hold at least one database file, unless an extra directory does. */
  readonly directory: string;
  /** Further directories, such as that of the bundled test signatures; a missing one is an error too. */
  readonly extraDirectories?: readonly string[];
  /** DetectPUA: reads `.hdu`, `.ldu` and their like too, which clamd leaves alone by default. */
  readonly detectPua?: boolean;
  /** ExcludePUA and IncludePUA, for these files. */
  readonly puaCategories?: PuaCategories;
  /** OfficialDatabaseOnly: reads signed containers, what is to be ignored in them, and nothing else. */
  readonly officialOnly?: boolean;
}
