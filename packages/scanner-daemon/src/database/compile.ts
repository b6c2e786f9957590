import { compileBodyTable, compileFilters } from './compile-bodies.js';
import { HashTableBuilder } from './compile-hashes.js';
import type { CompiledDatabase, HashTables } from './compiled-database.js';
import type { BodySignature } from './readers/body-signature.js';
import type { HashAlgorithm, HashSignature } from './readers/hash-signatures.js';
import { ByteList, sharedUint32, sharedUint8 } from './shared-arrays.js';

/** What ClamAV appends to the names of signatures that do not come out of a signed container. */
const UNOFFICIAL_SUFFIX = '.UNOFFICIAL';

/** Whether names get {@link UNOFFICIAL_SUFFIX}: always, until signed containers are read. */
export type SignatureOrigin = 'official' | 'unofficial';

/**
 * Takes signatures one by one and makes a {@link CompiledDatabase} of them. No I/O; used once, by one thread.
 * Names are latin1 strings of the bytes in the file, so that they come out again byte for byte.
 */
export class DatabaseCompiler {
  readonly #nameBytes = new ByteList();
  readonly #nameStarts: number[] = [0];
  readonly #hashes = new HashTableSet();
  readonly #falsePositives = new HashTableSet();
  readonly #bodies: BodySignature[] = [];
  readonly #bodyNameIds: number[] = [];

  /** How many signatures were taken, false positives included: what clamd logs as "Loaded N signatures". */
  get signatureCount(): number {
    return this.#nameStarts.length - 1;
  }

  addHash(signature: HashSignature, origin: SignatureOrigin): void {
    this.#hashes.add(signature, this.#addName(signature.name, origin));
  }

  addFalsePositive(signature: HashSignature, origin: SignatureOrigin): void {
    this.#falsePositives.add(signature, this.#addName(signature.name, origin));
  }

  addBody(signature: BodySignature, origin: SignatureOrigin): void {
    this.#bodies.push(signature);
    this.#bodyNameIds.push(this.#addName(signature.name, origin));
  }

  /** The immutable database. A few hundred milliseconds for a few hundred thousand signatures. */
  finish(): CompiledDatabase {
    return {
      names: { bytes: sharedUint8(this.#nameBytes.view), starts: sharedUint32(this.#nameStarts) },
      hashes: this.#hashes.finish(),
      falsePositives: this.#falsePositives.finish(),
      bodies: compileBodyTable(this.#bodies, this.#bodyNameIds),
      filters: compileFilters(this.#bodies),
    };
  }

  #addName(name: string, origin: SignatureOrigin): number {
    const full = origin === 'unofficial' ? name + UNOFFICIAL_SUFFIX : name;
    this.#nameBytes.append(Buffer.from(full, 'latin1'));
    return this.#nameStarts.push(this.#nameBytes.length) - 2;
  }
}

/** One builder an algorithm. */
class HashTableSet {
  readonly #builders: Readonly<Record<HashAlgorithm, HashTableBuilder>> = {
    md5: new HashTableBuilder(16),
    sha1: new HashTableBuilder(20),
    sha256: new HashTableBuilder(32),
  };

  add(signature: HashSignature, nameId: number): void {
    this.#builders[signature.algorithm].add(signature.digest, signature.sizeBytes, nameId);
  }

  finish(): HashTables {
    const { md5, sha1, sha256 } = this.#builders;
    return { md5: md5.finish(), sha1: sha1.finish(), sha256: sha256.finish() };
  }
}
