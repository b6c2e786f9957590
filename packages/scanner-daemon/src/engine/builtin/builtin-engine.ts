import type { ScanVerdict } from '@portcullis/shared';
import type { CompiledDatabase } from '../../database/compiled-database.js';
import type { Engine, ScanInput, ScanOptions, ScanReport } from '../engine.js';
import { createContainerMetadataMatcher, type ContainerMetadataMatcher } from './container-metadata.js';
import { DEFAULT_ENGINE_OPTIONS, type BuiltinEngineOptions } from './engine-options.js';
import { FileScan } from './file-scan.js';
import { SignatureScan } from './signature-scan.js';

/** ClamAV's text for a file that ends earlier than its size said (behaviour 1.11, code 12). */
const UNREADABLE: ScanVerdict = { kind: 'failed', message: "Can't read file" };
const CLEAN: ScanVerdict = { kind: 'clean' };

/** Notices that the input became shorter than it said, whoever read it: an unpacker takes that for damage. */
function watchInput(input: ScanInput): { readonly input: ScanInput; readonly isShort: () => boolean } {
  let isShort = false;
  const { sizeBytes } = input;
  const read = (inputOffset: number, lengthBytes: number): Uint8Array => {
    const view = input.read(inputOffset, lengthBytes);
    if (view.length < Math.min(lengthBytes, sizeBytes - inputOffset)) isShort = true;
    return view;
  };
  return { input: { sizeBytes, read }, isShort: () => isShort };
}

/** Our own engine: ClamAV's signatures out of an immutable database that all threads share. */
export class BuiltinEngine implements Engine {
  readonly #database: CompiledDatabase;
  readonly #options: BuiltinEngineOptions;
  readonly #signatures: SignatureScan;
  readonly #matchesMetadata: ContainerMetadataMatcher;

  constructor(database: CompiledDatabase, options: BuiltinEngineOptions = DEFAULT_ENGINE_OPTIONS) {
    this.#database = database;
    this.#options = options;
    this.#signatures = new SignatureScan(database.signatures, options.pcre);
    this.#matchesMetadata = createContainerMetadataMatcher(database.containerMetadata);
  }

  scan(input: ScanInput, { allMatch, budget }: ScanOptions): ScanReport {
    const scan = new FileScan({
      database: this.#database,
      signatures: this.#signatures,
      matchesMetadata: this.#matchesMetadata,
      options: this.#options,
      budget,
      allMatch,
    });
    const watched = watchInput(input);
    const { isReadable, bytesScanned, names } = scan.scan(watched.input, []);
    if (!isReadable || (names.length === 0 && watched.isShort()))
      return { verdict: UNREADABLE, bytesScanned };
    const [first, ...rest] = allMatch ? new Set(names) : names.slice(0, 1);
    if (first !== undefined)
      return { verdict: { kind: 'infected', signatureNames: [first, ...rest] }, bytesScanned };
    if (budget.exceeded !== undefined)
      return { verdict: { kind: 'incomplete', reason: budget.exceeded }, bytesScanned };
    const { encrypted } = scan;
    if (encrypted === undefined) return { verdict: CLEAN, bytesScanned };
    return { verdict: { kind: 'incomplete', reason: 'encrypted', container: encrypted }, bytesScanned };
  }
}
