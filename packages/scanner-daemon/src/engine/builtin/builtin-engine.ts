import type { ScanVerdict } from '@portcullis/shared';
import type { CompiledDatabase, NameTable } from '../../database/compiled-database.js';
import type { Engine, ScanInput, ScanOptions, ScanReport } from '../engine.js';
import { detectFileType, FILE_TYPE_HEAD_BYTES } from '../file-type.js';
import { couldHold, lookUpDigest } from './hash-lookup.js';
import { HASH_ALGORITHMS, InputDigests } from './input-digests.js';
import { BodyMatcher } from './matcher/body-matcher.js';
import { CORE_BYTES, readWindow } from './matcher/input-window.js';
import { WorkMeter } from './matcher/work-meter.js';

/** clamd 1.4.6 does not look at files of up to five bytes (observed with signatures that match them). */
const SKIPPED_SIZE_MAX_BYTES = 5;

/** ClamAV's text for a file that ends earlier than its size said (behaviour 1.11, code 12). */
const UNREADABLE: ScanVerdict = { kind: 'failed', message: "Can't read file" };
const CLEAN: ScanVerdict = { kind: 'clean' };

/** What one pass over the input came to. */
interface PassOutcome {
  readonly isReadable: boolean;
  readonly bytesScanned: number;
  readonly nameIds: readonly number[];
}

/** Our own engine: hash and body signatures out of an immutable database that all threads share. */
export class BuiltinEngine implements Engine {
  readonly #database: CompiledDatabase;
  readonly #bodyMatcher: BodyMatcher;

  constructor(database: CompiledDatabase) {
    this.#database = database;
    this.#bodyMatcher = new BodyMatcher(database.bodies);
  }

  scan(input: ScanInput, options: ScanOptions): ScanReport {
    const { budget } = options;
    if (input.sizeBytes <= SKIPPED_SIZE_MAX_BYTES) return { verdict: CLEAN, bytesScanned: 0 };
    const isAdmitted = budget.admitFile(input.sizeBytes) && budget.mayContinue();
    if (!isAdmitted) return { verdict: incompleteOrClean(options), bytesScanned: 0 };
    const { isReadable, bytesScanned, nameIds } = this.#pass(input, options);
    if (!isReadable) return { verdict: UNREADABLE, bytesScanned };
    const verdict = this.#judge(input, options, nameIds);
    return { verdict, bytesScanned };
  }

  #pass(input: ScanInput, options: ScanOptions): PassOutcome {
    const { hashes, filters } = this.#database;
    const meter = new WorkMeter(options.budget);
    const wanted = HASH_ALGORITHMS.filter((algorithm) => couldHold(hashes[algorithm], input.sizeBytes));
    const digests = new InputDigests(wanted, input.sizeBytes);
    let bytesScanned = 0;
    for (let core = 0; core < input.sizeBytes; core += CORE_BYTES) {
      const window = readWindow(input, core);
      if (window === undefined) return { isReadable: false, bytesScanned, nameIds: [] };
      if (core === 0) {
        const fileType = detectFileType(window.bytes.subarray(0, FILE_TYPE_HEAD_BYTES));
        this.#bodyMatcher.begin({ input, filter: filters[fileType], meter, allMatch: options.allMatch });
      }
      this.#bodyMatcher.scanWindow(window);
      digests.update(window.bytes.subarray(window.coreStart, window.coreEnd));
      bytesScanned += window.coreEnd - window.coreStart;
      if (this.#bodyMatcher.isDecided) break;
      if (core + CORE_BYTES < input.sizeBytes) meter.check();
      if (meter.isStopped) break;
    }
    const signatures = this.#bodyMatcher.finish();
    if (signatures === undefined) return { isReadable: false, bytesScanned, nameIds: [] };
    const nameIds = signatures.map((signature) => this.#database.bodies.nameIds[signature] ?? 0);
    const isWhole = bytesScanned === input.sizeBytes;
    if (isWhole && (options.allMatch || nameIds.length === 0)) {
      for (const { algorithm, digest } of digests.finish()) {
        nameIds.push(...lookUpDigest(hashes[algorithm], input.sizeBytes, digest));
      }
    }
    return { isReadable: true, bytesScanned, nameIds };
  }

  #judge(input: ScanInput, options: ScanOptions, nameIds: readonly number[]): ScanVerdict {
    const names = [...new Set(nameIds)].map((nameId) => nameOf(this.#database.names, nameId));
    const [first, ...rest] = options.allMatch ? new Set(names) : names.slice(0, 1);
    if (first === undefined) return incompleteOrClean(options);
    switch (this.#isFalsePositive(input, options)) {
      case 'yes':
        return CLEAN;
      case 'unreadable':
        return UNREADABLE;
      case 'no':
        return { kind: 'infected', signatureNames: [first, ...rest] };
    }
  }

  /** Looked at only once something was found. Out of time, the finding stands. */
  #isFalsePositive(input: ScanInput, { budget }: ScanOptions): 'yes' | 'no' | 'unreadable' {
    const { falsePositives } = this.#database;
    const wanted = HASH_ALGORITHMS.filter((algorithm) =>
      couldHold(falsePositives[algorithm], input.sizeBytes),
    );
    if (wanted.length === 0) return 'no';
    const digests = new InputDigests(wanted, input.sizeBytes);
    for (let offset = 0; offset < input.sizeBytes; offset += CORE_BYTES) {
      if (!budget.mayContinue()) return 'no';
      const lengthBytes = Math.min(CORE_BYTES, input.sizeBytes - offset);
      const piece = input.read(offset, lengthBytes);
      if (piece.length < lengthBytes) return 'unreadable';
      digests.update(piece);
    }
    const isKnown = digests
      .finish()
      .some(
        ({ algorithm, digest }) =>
          lookUpDigest(falsePositives[algorithm], input.sizeBytes, digest).length > 0,
      );
    return isKnown ? 'yes' : 'no';
  }
}

function incompleteOrClean({ budget }: ScanOptions): ScanVerdict {
  return budget.exceeded === undefined ? CLEAN : { kind: 'incomplete', reason: budget.exceeded };
}

/** A name as text. Names are bytes in the database; what is not UTF-8 in them becomes U+FFFD. */
function nameOf(names: NameTable, nameId: number): string {
  const bytes = names.bytes.slice(names.starts[nameId], names.starts[nameId + 1]);
  return Buffer.from(bytes.buffer).toString('utf8');
}
