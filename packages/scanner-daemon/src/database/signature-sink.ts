import type { HashFileOptions } from './hashes/hash-file-reader.js';
import type { HashSubject } from './hashes/hash-table.js';
import type { ContainerMetadataSignature } from './model/container-metadata-signature.js';
import type { ExtendedSignature, LogicalSignature } from './model/logical-signature.js';

/** Takes the content of one database file piece by piece. */
export interface FileReader {
  /** Takes the next bytes of the file; they are not kept. @throws DatabaseError */
  push(piece: Uint8Array): void;
  /** Takes what is left as the last line. @throws DatabaseError */
  end(): void;
}

/** Where the reader of database files puts what it has read. The compiler is one. */
export interface SignatureSink {
  /** Millions of lines: they go there as bytes. */
  readonly hashes: {
    openFile(subject: HashSubject, options: HashFileOptions): FileReader;
  };
  /** @param isOfficial whether it came out of a signed container: then its name gets no `.UNOFFICIAL`. */
  addExtended(signature: ExtendedSignature, isOfficial: boolean): void;
  addLogical(signature: LogicalSignature, isOfficial: boolean): void;
  addContainerMetadata(signature: ContainerMetadataSignature, isOfficial: boolean): void;
}
