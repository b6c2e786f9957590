import type { NameTableBuilder, SignatureOrigin } from '../names/name-table.js';
import { HashFileReader } from './hash-file-reader.js';
import type { HashFileOptions, HashSink } from './hash-file-reader.js';
import type { HashLine } from './hash-line.js';
import { HashTableBuilder } from './hash-table-builder.js';
import type { HashDatabase, HashSubject, HashTables } from './hash-table.js';

/** Collects the hash signatures of all database files. Used once, by one thread. */
export class HashDatabaseBuilder implements HashSink {
  readonly #names: NameTableBuilder;
  readonly #builders: Readonly<Record<HashSubject, Builders>> = {
    file: newBuilders(),
    falsePositive: newBuilders(),
    section: newBuilders(),
    importList: newBuilders(),
  };
  #signatureCount = 0;

  /** @param names the table that all signatures of the database share. */
  constructor(names: NameTableBuilder) {
    this.#names = names;
  }

  /** How many signatures were taken, equal ones and false positives included, as clamscan counts them. */
  get signatureCount(): number {
    return this.#signatureCount;
  }

  /** Begins a database file whose content comes piece by piece. */
  openFile(subject: HashSubject, options: HashFileOptions): HashFileReader {
    return new HashFileReader(subject, options, this);
  }

  /** Takes a whole database file. */
  addFile(subject: HashSubject, content: Uint8Array | Iterable<Uint8Array>, options: HashFileOptions): void {
    const reader = this.openFile(subject, options);
    for (const piece of content instanceof Uint8Array ? [content] : content) reader.push(piece);
    reader.end();
  }

  /** Takes the signature that `line` has read. */
  addLine(subject: HashSubject, line: HashLine, origin: SignatureOrigin): void {
    const { bytes, nameStart, nameEnd, sizeBytes, digest, algorithm } = line;
    const nameId = this.#names.addBytes({ bytes, start: nameStart, end: nameEnd }, origin);
    this.#builders[subject][algorithm].add(sizeBytes, digest, nameId);
    this.#signatureCount++;
  }

  /** The immutable tables; the builder is empty afterwards. Seconds for millions of signatures. */
  finish(): HashDatabase {
    const { file, falsePositive, section, importList } = this.#builders;
    return {
      file: finishAll(file),
      falsePositive: finishAll(falsePositive),
      section: finishAll(section),
      importList: finishAll(importList),
    };
  }
}

type Builders = Readonly<Record<keyof HashTables, HashTableBuilder>>;

function newBuilders(): Builders {
  return { md5: new HashTableBuilder(), sha1: new HashTableBuilder(), sha256: new HashTableBuilder() };
}

function finishAll({ md5, sha1, sha256 }: Builders): HashTables {
  return { md5: md5.finish(), sha1: sha1.finish(), sha256: sha256.finish() };
}
