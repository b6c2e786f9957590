import { createHash, hash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import type { HashAlgorithm } from '../../../database/hashes/hash-table.js';

/** The digest of some bytes. */
export interface InputDigest {
  readonly algorithm: HashAlgorithm;
  readonly digest: Uint8Array;
}

/** The digests of one input (or of a part of one), fed to it piece by piece. */
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
    const isNothing = piece.length === 0 && this.#sizeBytes > 0;
    if (this.#wanted.length === 0 || isNothing) return;
    if (piece.length === this.#sizeBytes) {
      this.#digests = this.#wanted.map((algorithm) => hash(algorithm, piece, 'buffer'));
      return;
    }
    this.#streams ??= this.#wanted.map((algorithm) => createHash(algorithm));
    for (const stream of this.#streams) stream.update(piece);
  }

  /** The digests, in the order of `wanted`. Ends the object. */
  finish(): readonly InputDigest[] {
    if (this.#streams !== undefined) this.#digests = this.#streams.map((stream) => stream.digest());
    return this.#wanted.flatMap((algorithm, index) => {
      const digest = this.#digests[index];
      return digest === undefined ? [] : [{ algorithm, digest }];
    });
  }
}
