import type { EncryptedContainer } from '@portcullis/shared';
import type { CompiledDatabase } from '../../database/compiled-database.js';
import type { HashTables } from '../../database/hashes/hash-table.js';
import { nameOf } from '../../database/names/name-table.js';
import { bytesInput, type ScanInput } from '../engine.js';
import type { ExecutableLayout } from '../executables/executable-layout.js';
import { importList } from '../executables/pe-import-list.js';
import { readExecutable } from '../executables/read-executable.js';
import { detectFileType, FILE_TYPE_HEAD_BYTES } from '../file-types/detect-file-type.js';
import { describeType, fileTypeOf, type FileType } from '../file-types/file-type.js';
import { refineZipType } from '../file-types/refine-zip-type.js';
import { UNPACKED_SIZE_MAX_BYTES, type ScanBudget } from '../scan-budget.js';
import { unpackerOf } from '../unpack/registry.js';
import type { ContainerFormat, UnpackedEntry } from '../unpack/unpacker.js';
import { containerFormatOf } from './container-format.js';
import type { ContainerMetadataMatcher } from './container-metadata.js';
import type { BuiltinEngineOptions } from './engine-options.js';
import { lookUpDigests, wantedAlgorithms } from './hashes/hash-lookup.js';
import { findImportHashes } from './hashes/import-hashes.js';
import { InputDigests } from './hashes/input-digests.js';
import { findSectionHashes } from './hashes/section-hashes.js';
import { CORE_BYTES } from './matcher/input-window.js';
import { WorkMeter } from './matcher/work-meter.js';
import { normalisedForms } from './normalised-forms.js';
import type { HandlerMatch, SignatureMatches, SignatureScan } from './signature-scan.js';

/** clamd 1.4.6 does not look at files of up to five bytes (observed with signatures that match them). */
const SKIPPED_SIZE_MAX_BYTES = 5;
/** The target under which no signature is filed: only those for any file apply. */
const ANY_TARGET = 0;
const HTML_TARGET = 3;
const TEXT_TARGET = 7;
/** What the macros of a document are to be taken for. */
const MACRO_TYPES = { module: 'ole2', project: 'binary' } as const;

/** What all files of one scan share. */
export interface FileScanContext {
  readonly database: CompiledDatabase;
  readonly signatures: SignatureScan;
  readonly matchesMetadata: ContainerMetadataMatcher;
  readonly options: BuiltinEngineOptions;
  readonly budget: ScanBudget;
  readonly allMatch: boolean;
}

/** What was found in a file and in what it holds. */
export interface FileFindings {
  /** False where the input became shorter than it said. */
  readonly isReadable: boolean;
  readonly bytesScanned: number;
  /** In the order of report. */
  readonly names: readonly string[];
}

/** As what a file is looked at. */
interface FileIdentity {
  readonly type: FileType;
  readonly format: ContainerFormat | undefined;
  /** `CL_TYPE_…` of what it lies in, outermost first. */
  readonly containers: readonly string[];
  /** Whether a signature's HandlerType may make another file of it. */
  readonly mayBeHandled: boolean;
}

const NOTHING: FileFindings = { isReadable: true, bytesScanned: 0, names: [] };

/** One scan: the file, its normalised forms, and whatever it contains, down to the limits of the budget. */
export class FileScan {
  readonly #context: FileScanContext;
  #encrypted: EncryptedContainer | undefined;

  constructor(context: FileScanContext) {
    this.#context = context;
  }

  /** The first container that could not be looked into for want of a password. */
  get encrypted(): EncryptedContainer | undefined {
    return this.#encrypted;
  }

  /**
   * @param containers `CL_TYPE_…` of what the input lies in, outermost first
   * @param knownType what the input is, where whoever unpacked it knows better than its bytes; it holds nothing then
   */
  scan(input: ScanInput, containers: readonly string[], knownType?: FileType): FileFindings {
    const { budget, options } = this.#context;
    if (input.sizeBytes <= SKIPPED_SIZE_MAX_BYTES) return NOTHING;
    if (!budget.admitFile(input.sizeBytes) || !budget.mayContinue()) return NOTHING;
    const head = input.read(0, Math.min(input.sizeBytes, FILE_TYPE_HEAD_BYTES));
    const type = knownType ?? detectFileType(head);
    const format = knownType === undefined ? containerFormatOf(type, head, options.parse) : undefined;
    const found = this.#scanAs(input, { type, format, containers, mayBeHandled: knownType === undefined });
    if (!found.isReadable && containers.length > 0) budget.note('fileTooLarge');
    return found.names.length > 0 && this.#isFalsePositive(input) ? { ...found, names: [] } : found;
  }

  #scanAs(input: ScanInput, identity: FileIdentity): FileFindings {
    const { budget, allMatch } = this.#context;
    const { type, format, containers } = identity;
    const own = this.#scanOwn(input, identity);
    if (!own.isReadable) return own;
    const names = [...own.names];
    const isWanted = (): boolean => allMatch || names.length === 0;
    if (isWanted()) names.push(...this.#scanForms(input, type, containers));
    if (isWanted() && format !== undefined && budget.enter()) {
      const { clamType } = describeType(type === 'zip' ? refineZipType(input) : type);
      names.push(...this.#scanContainer(input, format, [...containers, clamType]));
      budget.leave();
    }
    return { ...own, names };
  }

  #scanOwn(input: ScanInput, identity: FileIdentity): FileFindings {
    const { type, containers } = identity;
    if (type === 'ignored') return NOTHING;
    const { database, allMatch, options } = this.#context;
    const layout = layoutOf(input, type, options.parse);
    const { file } = database.hashes;
    const digests = new InputDigests(wantedAlgorithms(file, input.sizeBytes), input.sizeBytes);
    const matches = this.#scanSignatures(input, {
      target: rawTargetOf(type),
      containers,
      layout,
      digests,
      isHandled: (handlerType) =>
        identity.mayBeHandled &&
        handlerType !== describeType(type).clamType &&
        fileTypeOf(handlerType) !== undefined,
    });
    const nameIds = [...matches.extended];
    const isWanted = (): boolean => allMatch || nameIds.length === 0;
    const isWhole = matches.isReadable && matches.bytesScanned === input.sizeBytes;
    if (isWanted() && isWhole) nameIds.push(...lookUpDigests(file, input.sizeBytes, digests.finish()));
    const { isReadable, bytesScanned, logical, handler } = matches;
    if (isWanted()) nameIds.push(...logical.slice(0, handler?.position));
    const handled = handler !== undefined && isWanted() ? this.#scanHandled(input, handler, containers) : [];
    const names = [...this.#namesOf(nameIds), ...handled];
    const rest = handler === undefined ? [] : [...logical.slice(handler.position)];
    if (type === 'pe' && (allMatch || names.length + rest.length === 0))
      rest.push(...this.#scanPe(input, layout));
    if (allMatch || names.length === 0) names.push(...this.#namesOf(rest));
    return { isReadable, bytesScanned, names };
  }

  /**
   * The file once more, as what a signature's HandlerType says. Its name is reported only if it matches that, too
   * (clamscan 1.4.6, observed); a second HandlerType is a finding like any other.
   */
  #scanHandled(
    input: ScanInput,
    { handlerType }: HandlerMatch,
    containers: readonly string[],
  ): readonly string[] {
    const type = fileTypeOf(handlerType);
    if (type === undefined || !this.#context.budget.mayContinue()) return [];
    const head = input.read(0, Math.min(input.sizeBytes, FILE_TYPE_HEAD_BYTES));
    const format = containerFormatOf(type, head, this.#context.options.parse);
    return this.#scanAs(input, { type, format, containers, mayBeHandled: false }).names;
  }

  /** The raw bytes against body and logical signatures, and through the digests at the same time. */
  #scanSignatures(
    input: ScanInput,
    how: {
      /** undefined: none apply to the bytes as they are */
      readonly target: number | undefined;
      readonly containers: readonly string[];
      readonly layout: () => ExecutableLayout | undefined;
      readonly digests: InputDigests;
      readonly isHandled: (handlerType: string) => boolean;
    },
  ): SignatureMatches {
    const { budget, signatures } = this.#context;
    return signatures.scan({
      input,
      target: how.target,
      layout: how.layout,
      containers: how.containers,
      meter: new WorkMeter(budget),
      isHandled: how.isHandled,
      onWindow: ({ bytes, coreStart, coreEnd }) => {
        how.digests.update(bytes.subarray(coreStart, coreEnd));
      },
    });
  }

  #scanForms(input: ScanInput, type: FileType, containers: readonly string[]): readonly string[] {
    const { budget, signatures, options, allMatch } = this.#context;
    const nameIds: number[] = [];
    for (const { target, bytes } of normalisedForms(input, type, options, budget)) {
      const { extended, logical } = signatures.scan({
        input: bytesInput(bytes),
        target,
        layout: () => undefined,
        containers,
        meter: new WorkMeter(budget),
      });
      nameIds.push(...extended, ...logical);
      if (!allMatch && nameIds.length > 0) break;
    }
    return this.#namesOf(nameIds);
  }

  #scanPe(input: ScanInput, layout: () => ExecutableLayout | undefined): readonly number[] {
    const { database, allMatch, budget } = this.#context;
    const { hashes } = database;
    const headers = layout();
    if (headers === undefined) return [];
    const sections = headers.sections.map(({ fileOffset, sizeBytes }) => ({ offset: fileOffset, sizeBytes }));
    const nameIds = [...findSectionHashes(hashes.section, input, sections, { allMatch, budget })];
    if ((!allMatch && nameIds.length > 0) || isEmpty(hashes.importList)) return nameIds;
    const imports = importList(input, headers);
    if (imports !== undefined) nameIds.push(...findImportHashes(hashes.importList, imports));
    return nameIds;
  }

  #scanContainer(
    input: ScanInput,
    format: ContainerFormat,
    containers: readonly string[],
  ): readonly string[] {
    const { budget, allMatch } = this.#context;
    // An archive of many files is many times the same names.
    const names = new Set<string>();
    // Some formats are read whole. More than this is no archive, or one that MaxFileSize was switched off for.
    if (input.sizeBytes > UNPACKED_SIZE_MAX_BYTES) {
      budget.note('fileTooLarge');
      return [];
    }
    const outcome = unpackerOf(format)?.unpack(input, {
      budget,
      emit: (entry) => {
        for (const name of this.#scanEntry(entry, input, containers)) names.add(name);
        return allMatch || names.size === 0 ? 'continue' : 'stop';
      },
    });
    if (outcome?.kind === 'incomplete' && outcome.reason === 'encrypted')
      this.#encrypted ??= outcome.container;
    return [...names];
  }

  #scanEntry(entry: UnpackedEntry, container: ScanInput, containers: readonly string[]): readonly string[] {
    const { allMatch, matchesMetadata } = this.#context;
    const names = matchesMetadata({
      containerType: containers.at(-1) ?? 'CL_TYPE_ANY',
      containerSizeBytes: container.sizeBytes,
      fileName: entry.name,
      compressedSizeBytes: entry.compressedSizeBytes,
      realSizeBytes: entry.sizeBytes,
      isEncrypted: entry.isEncrypted,
      position: entry.position,
    });
    if (entry.isEncrypted || (!allMatch && names.length > 0)) return names;
    const knownType = entry.macro && MACRO_TYPES[entry.macro];
    return [...names, ...this.scan(entry.input, containers, knownType).names];
  }

  #namesOf(nameIds: readonly number[]): readonly string[] {
    return [...new Set(nameIds)].map((nameId) => nameOf(this.#context.database.names, nameId));
  }

  /** Looked at only once something was found in the file or anywhere inside it. Out of time, the finding stands. */
  #isFalsePositive(input: ScanInput): boolean {
    const { database, budget } = this.#context;
    const { falsePositive } = database.hashes;
    const wanted = wantedAlgorithms(falsePositive, input.sizeBytes);
    if (wanted.length === 0) return false;
    const digests = new InputDigests(wanted, input.sizeBytes);
    for (let offset = 0; offset < input.sizeBytes; offset += CORE_BYTES) {
      if (!budget.mayContinue()) return false;
      const lengthBytes = Math.min(CORE_BYTES, input.sizeBytes - offset);
      const piece = input.read(offset, lengthBytes);
      if (piece.length < lengthBytes) return false;
      digests.update(piece);
    }
    return lookUpDigests(falsePositive, input.sizeBytes, digests.finish()).length > 0;
  }
}

/**
 * Whose signatures apply to the bytes as they are: those of a text to its normalised form only, and to HTML as it is none
 * at all (observed with signatures for targets 0, 3 and 7).
 */
function rawTargetOf(type: FileType): number | undefined {
  const { target } = describeType(type);
  if (target === HTML_TARGET) return undefined;
  return target === TEXT_TARGET ? ANY_TARGET : target;
}

function isEmpty({ md5, sha1, sha256 }: HashTables): boolean {
  return md5.sizes.length + sha1.sizes.length + sha256.sizes.length === 0;
}

/** Reads the headers of an executable once, when first asked for. */
function layoutOf(
  input: ScanInput,
  type: FileType,
  parse: BuiltinEngineOptions['parse'],
): () => ExecutableLayout | undefined {
  let known: { readonly layout: ExecutableLayout | undefined } | undefined;
  return () => {
    known ??= { layout: readLayout(input, type, parse) };
    return known.layout;
  };
}

function readLayout(
  input: ScanInput,
  type: FileType,
  parse: BuiltinEngineOptions['parse'],
): ExecutableLayout | undefined {
  if (type === 'pe') return parse.pe ? readExecutable(input, 'pe') : undefined;
  if (type === 'elf') return parse.elf ? readExecutable(input, 'elf') : undefined;
  return type === 'machO' || type === 'machOUniversal' ? readExecutable(input, 'machO') : undefined;
}
