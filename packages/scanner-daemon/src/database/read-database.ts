import { basename, extname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { ContainerKeys } from './containers/clamav-keys.js';
import { IgnoreList } from './containers/ignore-list.js';
import { readContainer, type ContainerFile } from './containers/read-container.js';
import { databaseError } from './database-error.js';
import { classifyDatabaseFile, isDaily, type DatabaseFileClass } from './database-files.js';
import { LINE_MAX_BYTES } from './line-length.js';
import { LineReader } from './line-reader.js';
import { listDatabaseFiles, withDatabaseFile, type ListedDatabaseFile } from './list-database-files.js';
import type { DatabaseFile, LoadDatabaseOptions } from './loaded-database.js';
import { lineError, type OpenSignatureFile, type SignatureFileContext } from './open-signature-file.js';
import { createPuaRule } from './pua-categories.js';
import { readPieces } from './read-pieces.js';
import { malformed } from './readers/signature-line.js';
import type { FileReader } from './signature-sink.js';
import { openUnsupportedFile } from './unsupported-file.js';

/** What is read, and who takes it. */
export interface ReadDatabaseOptions extends LoadDatabaseOptions {
  /** Who takes the content of a file of signatures. */
  readonly openSignatures: OpenSignatureFile;
  /** Unless a test signs with its own. */
  readonly containerKeys?: ContainerKeys | undefined;
}

/** What was read, beside the signatures. */
export interface DatabaseContents {
  readonly files: readonly DatabaseFile[];
  /** What the files hold that has no reader, by kind: the number of signatures. */
  readonly unsupported: Readonly<Record<string, number>>;
  /** The version of the daily container; 0 where there is none. */
  readonly version: number;
  /** When that was built. */
  readonly versionBuiltAtSeconds?: number;
}

const NUMBER_SIGN = 0x23;

/** Reads all files of a database, one at least. @throws DatabaseError with any of its codes; `context` says where. */
export async function readDatabase(options: ReadDatabaseOptions): Promise<DatabaseContents> {
  const reading = new DatabaseReading(options);
  for (const file of await listDatabaseFiles(options)) await reading.addFile(file);
  return reading.finish();
}

type KnownClass = Exclude<DatabaseFileClass, { kind: 'ignored' }>;
interface Origin {
  /** For messages. */
  readonly path: string;
  readonly isOfficial: boolean;
}

class DatabaseReading {
  readonly #options: ReadDatabaseOptions;
  readonly #files: DatabaseFile[] = [];
  #readFiles = 0;
  readonly #unsupported = new Map<string, number>();
  readonly #ignored = new IgnoreList();
  readonly #isPuaWanted: ((name: string) => boolean) | undefined;
  #daily: { version: number; builtAtSeconds: number } | undefined;

  constructor(options: ReadDatabaseOptions) {
    this.#options = options;
    this.#isPuaWanted = createPuaRule(options.puaCategories ?? {});
  }

  finish(): DatabaseContents {
    if (this.#readFiles === 0) throw databaseError('DATABASE_EMPTY', { path: this.#options.directory });
    const daily = this.#daily;
    return {
      files: this.#files,
      unsupported: Object.fromEntries(this.#unsupported),
      version: daily?.version ?? 0,
      ...(daily === undefined ? {} : { versionBuiltAtSeconds: daily.builtAtSeconds }),
    };
  }

  async addFile({ path, fileClass, isSkipped }: ListedDatabaseFile): Promise<void> {
    await withDatabaseFile(path, async (handle, file) => {
      this.#files.push(file);
      if (isSkipped) return;
      this.#readFiles++;
      if (fileClass.kind === 'container') {
        await this.#addContainer({ kind: fileClass.container, path, handle, sizeBytes: file.sizeBytes });
        return;
      }
      const reader = this.#openFile(fileClass, { path, isOfficial: false });
      if (reader === undefined) return;
      for await (const piece of readPieces(handle, { start: 0, end: file.sizeBytes })) {
        reader.push(piece);
        // Whoever loads on the thread that serves is to serve meanwhile.
        await setImmediate();
      }
      reader.end();
    });
  }

  async #addContainer(container: ContainerFile): Promise<void> {
    const { path, kind } = container;
    const { detectPua = false, containerKeys } = this.#options;
    const header = await readContainer(container, {
      keys: containerKeys,
      openEntry: (name) => {
        const fileClass = classifyDatabaseFile(extname(name).slice(1), detectPua);
        if (fileClass.kind === 'ignored') return undefined;
        if (fileClass.kind === 'container')
          throw databaseError('DATABASE_MALFORMED', { path, reason: 'a container in a container' });
        return this.#openFile(fileClass, {
          path: `${path}: ${name.replace(/[^\x20-\x7e]/g, '?')}`,
          isOfficial: kind !== 'cud',
        });
      },
    });
    if (isDaily(basename(path))) this.#daily = header;
  }

  /** Who takes the content of a file; undefined: there is nothing in it for us. */
  #openFile(fileClass: Exclude<KnownClass, { kind: 'container' }>, origin: Origin): FileReader | undefined {
    switch (fileClass.kind) {
      case 'noSignatures':
        return { push: () => undefined, end: () => undefined };
      case 'ignoreList':
        return this.#openIgnoreList(origin.path);
      case 'unsupported':
        return openUnsupportedFile(fileClass, {
          path: origin.path,
          count: (what, count) => {
            this.#countUnsupported(what, count);
          },
        });
      case 'signatures':
        return this.#options.openSignatures(fileClass.format, this.#contextOf(fileClass.isPua, origin));
    }
  }

  #contextOf(isPua: boolean, origin: Origin): SignatureFileContext {
    const ignored = this.#ignored;
    const isWanted = isPua ? this.#isPuaWanted : undefined;
    const isOpen = ignored.isEmpty && isWanted === undefined;
    return {
      ...origin,
      isIgnored: isOpen
        ? undefined
        : (name, line) => ignored.has(name, line) || (isWanted !== undefined && !isWanted(name)),
      isNameIgnored: isOpen ? undefined : (name) => ignored.hasName(name),
      countUnsupported: (what, count) => {
        this.#countUnsupported(what, count);
      },
    };
  }

  #openIgnoreList(path: string): FileReader {
    const fail = (number: number): never => {
      throw lineError(path, number, malformed('not name, name:md5 or file:line:name'));
    };
    return new LineReader({
      lineMaxBytes: LINE_MAX_BYTES,
      takeLine: (line, number) => {
        if (line[0] === NUMBER_SIGN) return;
        if (!this.#ignored.addLine(line.toString('latin1'))) fail(number);
      },
      onTooLong: fail,
    });
  }

  #countUnsupported(what: string, count: number): void {
    this.#unsupported.set(what, (this.#unsupported.get(what) ?? 0) + count);
  }
}
