import { createHash, hash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import type { HashAlgorithm } from '../../database/readers/hash-signatures.js';

/** In the order in which clamd reports them (observed). */
export const HASH_ALGORITHMS: readonly HashAlgorithm[] = ['md5', 'sha1', 'sha256'];

/** The digests of one input, fed to it piece by piece. */
export class InputDigests {
  readonly #wanted: readonly HashAlgorithm[];
  readonly #sizeBytes: number;
  #streams: readonly Hash[] | undefined;
  #digests: readonly Uint8Array[] = [];

  /** @param sizeBytes what the pieces will add up to; a single piece takes a shorter way. */
  constructor(wanted: readonly HashAlgorithm[], sizeBytes: number) {
    this.#wanted = wanted;
    this.#sizeBytes = sizeBytes;
  }

  update(piece: Uint8Array): void {
    if (this.#wanted.length === 0) return;
    if (piece.length === this.#sizeBytes) {
      this.#digests = this.#wanted.map((algorithm) => hash(algorithm, piece, 'buffer'));
      return;
    }
    this.#streams ??= this.#wanted.map((algorithm) => createHash(algorithm));
    for (const stream of this.#streams) stream.update(piece);
  }

  /** The digests, in the order of `wanted`. Ends the object. */
  finish(): readonly { readonly algorithm: HashAlgorithm; readonly digest: Uint8Array }[] {
    if (this.#streams !== undefined) this.#digests = this.#streams.map((stream) => stream.digest());
    return this.#wanted.flatMap((algorithm, index) => {
      const digest = this.#digests[index];
      return digest === undefined ? [] : [{ algorithm, digest }];
    });
  }
}
