import type { CompiledDatabase } from '../compiled-database.js';
import { HashDatabaseBuilder } from '../hashes/hash-database-builder.js';
import type { ContainerMetadataSignature } from '../model/container-metadata-signature.js';
import type { ExtendedSignature, LogicalSignature } from '../model/logical-signature.js';
import { NameTableBuilder, UNOFFICIAL_SUFFIX } from '../names/name-table.js';
import type { SignatureSink } from '../signature-sink.js';
import { SignatureCompiler } from './signature-compiler.js';

/**
 * Takes signatures one by one and makes a {@link CompiledDatabase} of them. No I/O; used once, by one thread.
 * Names are latin1 strings of the bytes in the file, so that they come out again byte for byte.
 */
export class DatabaseCompiler implements SignatureSink {
  readonly #names = new NameTableBuilder();
  readonly #signatures = new SignatureCompiler();
  readonly #containerMetadata: ContainerMetadataSignature[] = [];
  #bodyCount = 0;
  readonly hashes = new HashDatabaseBuilder(this.#names);

  /** How many signatures were taken, false positives included: what clamd logs as "Loaded N signatures". */
  get signatureCount(): number {
    return this.#bodyCount + this.#containerMetadata.length + this.hashes.signatureCount;
  }

  addExtended(signature: ExtendedSignature, isOfficial: boolean): void {
    this.#signatures.addExtended(signature, this.#addName(signature.name, isOfficial));
    this.#bodyCount++;
  }

  addLogical(signature: LogicalSignature, isOfficial: boolean): void {
    this.#signatures.addLogical(signature, this.#addName(signature.name, isOfficial));
    this.#bodyCount++;
  }

  addContainerMetadata(signature: ContainerMetadataSignature, isOfficial: boolean): void {
    const name = isOfficial ? signature.name : signature.name + UNOFFICIAL_SUFFIX;
    this.#containerMetadata.push({ ...signature, name });
  }

  /** The immutable database. */
  finish(): CompiledDatabase {
    return {
      signatures: this.#signatures.finish(),
      containerMetadata: this.#containerMetadata,
      hashes: this.hashes.finish(),
      names: this.#names.finish(),
    };
  }

  #addName(name: string, isOfficial: boolean): number {
    return this.#names.add(name, isOfficial ? 'official' : 'unofficial');
  }
}
