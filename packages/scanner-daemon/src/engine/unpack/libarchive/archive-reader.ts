import type { Decoded, DecodeLimits } from '../codecs/decoded.js';
import { OutputBuffer } from '../codecs/output-buffer.js';
import {
  collectLeaks,
  giveBackMemory,
  libarchiveInstance,
  recoverFromTrap,
  type LibarchiveInstance,
  type LibarchiveModule,
} from './instance.js';

/** The most that one call takes out. */
const PIECE_BYTES = 4096;
/** As much is read byte by byte between two looks at what came. */
const BYTES_MAX = 64 * 1024;
const SCRATCH_BYTES = BYTES_MAX;
const NAME_MAX_BYTES = 4096;
const FILE_TYPE_REGULAR = 0o100000;
const CHECK_BYTES = 1024 * 1024;

/** What one call gave; `complete`: the entry ends here. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly status: 'more' | 'complete' | Failure;
}
const NOTHING_LEFT: Piece = { bytes: new Uint8Array(0), status: 'outOfMemory' };

/** `outOfMemory` also where the C code trapped: it is not the archive that is known to be wrong then. */
type Failure = 'damaged' | 'outOfMemory';
/** How libarchive, liblzma and bzip2 put it that malloc gave them nothing. */
const OUT_OF_MEMORY = /memory|allocat/i;

/** An entry as libarchive's headers have it. */
export interface ArchiveEntry {
  readonly name: Uint8Array;
  readonly sizeBytes: number;
  readonly isFile: boolean;
  readonly isEncrypted: boolean;
}

/**
 * Reads one archive out of libarchive's memory, into which it was copied. A trap in the C code ends every reader
 * that is open; they then say `outOfMemory`. Whoever opens one closes it.
 */
export class ArchiveReader {
  readonly #instance: LibarchiveInstance;
  readonly #generation: number;
  readonly #refusals: number;
  readonly #memory: number;
  readonly #archive: number;

  private constructor(instance: LibarchiveInstance, memory: number, archive: number) {
    this.#instance = instance;
    this.#generation = instance.generation;
    this.#refusals = instance.refusals.count;
    this.#memory = memory;
    this.#archive = archive;
    instance.readers += 1;
  }

  /** Opens the archive that these pieces make up. Fails where it is none, or too large for the memory. */
  static open(pieces: readonly Uint8Array[]): ArchiveReader | Failure {
    const instance = libarchiveInstance();
    if (instance === undefined) return 'outOfMemory';
    collectLeaks(instance);
    const { module } = instance;
    const refusals = instance.refusals.count;
    const sizeBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    try {
      const memory = module._malloc(sizeBytes + SCRATCH_BYTES);
      if (memory === 0) return 'outOfMemory';
      let at = memory + SCRATCH_BYTES;
      for (const piece of pieces) {
        module.HEAPU8.set(piece, at);
        at += piece.length;
      }
      const archive = module._archive_read_new_memory(memory + SCRATCH_BYTES, sizeBytes, 0);
      if (archive !== 0) return new ArchiveReader(instance, memory, archive);
      instance.leaks += 1;
      module._free(memory);
      return instance.refusals.count > refusals ? 'outOfMemory' : 'damaged';
    } catch {
      recoverFromTrap(instance);
      return 'outOfMemory';
    }
  }

  /** The next entry, after what was not read of the one before. */
  nextEntry(): ArchiveEntry | 'end' | Failure {
    return this.#call<ArchiveEntry | 'end' | Failure>('outOfMemory', (module) => {
      const entry = module._archive_read_next_entry(this.#archive);
      if (entry === 0)
        return module._archive_error_string(this.#archive) === 0 ? 'end' : this.#failureOf(module);
      return {
        name: textAt(module.HEAPU8, module._archive_entry_pathname_utf8(entry)),
        sizeBytes: Number(module._archive_entry_size(entry)),
        isFile: module._archive_entry_filetype(entry) === FILE_TYPE_REGULAR,
        isEncrypted: module._archive_entry_is_encrypted(entry) !== 0,
      };
    });
  }

  /** Whether something in the archive, its directory for one, needs a password. */
  get isEncrypted(): boolean {
    return this.#call(false, (module) => module._archive_read_has_encrypted_entries(this.#archive) > 0);
  }

  /** Whether the last call failed because a tar archive ended within a file. */
  get isTruncatedTar(): boolean {
    return this.#call(false, (module) => this.#errorText(module).includes('Truncated tar archive'));
  }

  /**
   * Reads the entry at hand.
   *
   * @param pace what libarchive is asked for at a time: what came before an error within it is lost
   */
  read(limits: DecodeLimits, pace: 'byteByByte' | 'inPieces'): Decoded {
    const output = new OutputBuffer(limits.limitBytes);
    const ended = (ending: Decoded['ending']): Decoded => ({ bytes: output.bytes, consumedBytes: 0, ending });
    for (let uncheckedBytes = 0; ;) {
      const piece = this.#call<Piece>(NOTHING_LEFT, (module) =>
        pace === 'byteByByte' ? this.#readBytes(module) : this.#readPiece(module),
      );
      if (!output.append(piece.bytes)) return ended('overLimit');
      if (piece.status !== 'more') return ended(piece.status);
      uncheckedBytes += piece.bytes.length;
      if (uncheckedBytes < CHECK_BYTES) continue;
      uncheckedBytes = 0;
      if (!limits.mayContinue()) return ended('stopped');
    }
  }

  #readPiece(module: LibarchiveModule): Piece {
    const gotBytes = module._archive_read_data(this.#archive, this.#memory, PIECE_BYTES);
    return this.#piece(module, Math.max(gotBytes, 0), gotBytes);
  }

  #readBytes(module: LibarchiveModule): Piece {
    let got = 1;
    let at = 0;
    for (; at < BYTES_MAX && got > 0; at += Math.max(got, 0))
      got = module._archive_read_data(this.#archive, this.#memory + at, 1);
    return this.#piece(module, at, got);
  }

  #piece(module: LibarchiveModule, sizeBytes: number, got: number): Piece {
    const bytes = module.HEAPU8.subarray(this.#memory, this.#memory + sizeBytes);
    if (got < 0) return { bytes, status: this.#failureOf(module) };
    return { bytes, status: got === 0 ? 'complete' : 'more' };
  }

  #failureOf(module: LibarchiveModule): Failure {
    if (this.#instance.refusals.count > this.#refusals) return 'outOfMemory';
    return OUT_OF_MEMORY.test(this.#errorText(module)) ? 'outOfMemory' : 'damaged';
  }

  #errorText(module: LibarchiveModule): string {
    return Buffer.from(textAt(module.HEAPU8, module._archive_error_string(this.#archive))).toString('latin1');
  }

  close(): void {
    this.#call(undefined, (module) => {
      this.#instance.readers -= 1;
      module._archive_read_free(this.#archive);
      module._free(this.#memory);
    });
    giveBackMemory(this.#instance);
  }

  #call<Result>(otherwise: Result, call: (module: LibarchiveModule) => Result): Result {
    const instance = this.#instance;
    if (instance.generation !== this.#generation) return otherwise;
    try {
      return call(instance.module);
    } catch {
      recoverFromTrap(instance);
      return otherwise;
    }
  }
}

function textAt(heap: Uint8Array, pointer: number): Uint8Array {
  if (pointer === 0) return new Uint8Array(0);
  const text = heap.subarray(pointer, pointer + NAME_MAX_BYTES);
  const end = text.indexOf(0);
  return text.slice(0, end === -1 ? text.length : end);
}
