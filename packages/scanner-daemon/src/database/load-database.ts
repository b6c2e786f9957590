import { open, readdir } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { DatabaseCompiler } from './compile.js';
import type { HostDatabase } from '../libclamav-host/control-messages.js';
import type { CompiledDatabase } from './compiled-database.js';
import { DATABASE_ERROR_TEXT, DatabaseError } from './database-error.js';
import { classifyDatabaseFile } from './database-files.js';
import type { DatabaseFileClass, SignatureFormat } from './database-files.js';
import { readHashLine } from './readers/hash-signatures.js';
import { readNdbLine } from './readers/ndb.js';
import type { MalformedLine } from './readers/signature-line.js';

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
  /** DetectPUA: reads `.hdu`, `.hsu` and `.ndu` too, which clamd leaves alone by default. */
  readonly detectPua?: boolean;
}

/** Larger than any published database file by a factor of ten. */
const FILE_MAX_BYTES = 1024 * 1024 * 1024 - 1;
/** The longest official line (a logical signature) has about 20 KiB. */
const LINE_MAX_CHARACTERS = 1024 * 1024;
/** Lines between two turns of the event loop: a few tens of milliseconds. */
const LINES_PER_TURN = 20_000;
/** More files than any database directory has. */
const FILES_MAX = 10_000;

/**
 * Reads and compiles all database files of a directory and the extra ones, in name order.
 *
 * @throws DatabaseError with any of its codes; the message is ClamAV's sentence, `context` says where.
 */
export async function loadDatabase(options: LoadDatabaseOptions): Promise<LoadedBuiltinDatabase> {
  const load = new DatabaseLoad();
  for (const directory of directoriesOf(options)) {
    await load.addDirectory(directory, options.detectPua ?? false);
  }
  if (load.files.length === 0) throw databaseError('DATABASE_EMPTY', { path: options.directory });
  await setImmediate();
  return load.finish();
}

/** All of them, in the order in which they are read. */
export function directoriesOf({
  directory,
  extraDirectories = [],
}: Pick<LoadDatabaseOptions, 'directory' | 'extraDirectories'>): readonly string[] {
  return [directory, ...extraDirectories];
}

class DatabaseLoad {
  readonly files: DatabaseFile[] = [];
  readonly #compiler = new DatabaseCompiler();
  readonly #unsupported = new Map<string, number>();

  async addDirectory(directory: string, detectPua: boolean): Promise<void> {
    const names = await listFiles(directory);
    for (const name of names) {
      const fileClass = classifyDatabaseFile(extname(name).slice(1), detectPua);
      if (fileClass.kind !== 'ignored') await this.#addFile(join(directory, name), fileClass);
    }
  }

  finish(): LoadedBuiltinDatabase {
    return {
      compiled: this.#compiler.finish(),
      signatureCount: this.#compiler.signatureCount,
      unsupported: Object.fromEntries(this.#unsupported),
      files: this.files,
      version: 0,
    };
  }

  async #addFile(path: string, fileClass: Exclude<DatabaseFileClass, { kind: 'ignored' }>): Promise<void> {
    const content = await readDatabaseFile(path);
    if (content === undefined) return;
    const { text, file } = content;
    this.files.push(file);
    if (fileClass.kind === 'container') {
      this.#countUnsupported(fileClass.what, containerSignatureCount(text));
      return;
    }
    if (text === '' && fileClass.kind === 'signatures') throw databaseError('DATABASE_MALFORMED', { path });
    let number = 0;
    for (const line of linesOf(text)) {
      number++;
      if (number % LINES_PER_TURN === 0) await setImmediate();
      if (line.startsWith('#')) continue;
      if (fileClass.kind === 'unsupported') {
        if (line !== '') this.#countUnsupported(fileClass.what, 1);
        continue;
      }
      const problem =
        line.length > LINE_MAX_CHARACTERS ? LINE_TOO_LONG : this.#addLine(fileClass.format, line);
      if (problem !== undefined) throw lineError(path, number, problem);
    }
  }

  #addLine(format: SignatureFormat, line: string): MalformedLine | undefined {
    const signature = format === 'ndb' ? readNdbLine(line) : readHashLine(line);
    switch (signature.kind) {
      case 'malformed':
        return signature;
      case 'hash':
        if (format === 'falsePositive') this.#compiler.addFalsePositive(signature, 'unofficial');
        else this.#compiler.addHash(signature, 'unofficial');
        return undefined;
      case 'body':
        this.#compiler.addBody(signature, 'unofficial');
        return undefined;
      case 'unsupported':
        this.#countUnsupported(`ndb: ${signature.what}`, 1);
        return undefined;
      case 'otherLevel':
        return undefined;
    }
  }

  #countUnsupported(what: string, count: number): void {
    this.#unsupported.set(what, (this.#unsupported.get(what) ?? 0) + count);
  }
}

const LINE_TOO_LONG: MalformedLine = { kind: 'malformed', reason: 'line is too long' };

function lineError(path: string, line: number, problem: MalformedLine): DatabaseError {
  const code = problem.invalidHash === true ? 'DATABASE_INVALID_HASH' : 'DATABASE_MALFORMED';
  return databaseError(code, { path, line, reason: problem.reason });
}

function databaseError(
  code: DatabaseError['code'],
  context: Readonly<Record<string, string | number>>,
  cause?: unknown,
): DatabaseError {
  return new DatabaseError(code, DATABASE_ERROR_TEXT[code], { context, cause });
}

/** The plain files of a directory, sorted; links are followed when they are opened. */
async function listFiles(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    if (entries.length > FILES_MAX) throw databaseError('DATABASE_UNREADABLE', { path: directory });
    return entries
      .filter((entry) => entry.isFile() || entry.isSymbolicLink())
      .map((entry) => entry.name)
      .sort();
  } catch (cause) {
    if (cause instanceof DatabaseError) throw cause;
    throw databaseError('DATABASE_NOT_FOUND', { path: directory }, cause);
  }
}

/**
 * Reads a whole file as latin1, so that each byte is one character and names survive as they are.
 *
 * @returns undefined for what is not a plain file (a link to a directory).
 */
async function readDatabaseFile(path: string): Promise<{ text: string; file: DatabaseFile } | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const stats = await handle.stat();
    if (!stats.isFile()) return undefined;
    const { mtimeMs, size } = stats;
    if (size > FILE_MAX_BYTES) throw databaseError('DATABASE_UNREADABLE', { path, sizeBytes: size });
    const text = (await handle.readFile()).toString('latin1');
    return { text, file: { path, mtimeMs, sizeBytes: size } };
  } catch (cause) {
    if (cause instanceof DatabaseError) throw cause;
    throw databaseError('DATABASE_UNREADABLE', { path }, cause);
  } finally {
    await handle?.close();
  }
}

/** The lines without their ends, LF or CRLF. What follows the last line end counts only when it is not empty. */
function* linesOf(text: string): Generator<string> {
  let start = 0;
  while (start < text.length) {
    const end = text.indexOf('\n', start);
    const stop = end === -1 ? text.length : end;
    yield text.charCodeAt(stop - 1) === 0x0d && stop > start
      ? text.slice(start, stop - 1)
      : text.slice(start, stop);
    start = stop + 1;
  }
}

/** The fourth field of a CVD or CLD header is its number of signatures. */
function containerSignatureCount(text: string): number {
  const count = Number.parseInt(text.slice(0, 512).split(':')[3] ?? '', 10);
  return Number.isSafeInteger(count) && count > 0 ? count : 1;
}
