import { isContainerType } from '../file-types/refine-zip-type.js';
import { compileFileName, FileNameSearch } from './file-name-expression.js';
import type {
  ContainerMetadataSignature,
  MetadataRange,
} from '../../database/model/container-metadata-signature.js';

/** What an archive says of one of its entries, before anything of it is unpacked. */
export interface EntryMetadata {
  /** `CL_TYPE_ZIP` and so on. */
  readonly containerType: string;
  readonly containerSizeBytes: number;
  /** As it stands in the archive. */
  readonly fileName: Uint8Array;
  /** 0 where the container does not tell. */
  readonly compressedSizeBytes: number;
  /** Unpacked. */
  readonly realSizeBytes: number;
  readonly isEncrypted: boolean;
  /** The first entry is number 1. */
  readonly position: number;
}

/** The names of all signatures that an entry matches, in the order of the database. */
export type ContainerMetadataMatcher = (entry: EntryMetadata) => readonly string[];

interface PreparedSignature {
  readonly signature: ContainerMetadataSignature;
  readonly holdsForName: (fileName: Uint8Array) => boolean;
}

/** Prepares `.cdb` signatures for matching: once a thread. No entry matches where there are none. */
export function createContainerMetadataMatcher(
  signatures: readonly ContainerMetadataSignature[],
): ContainerMetadataMatcher {
  const search = new FileNameSearch();
  const prepared = signatures.map((signature): PreparedSignature => ({
    signature,
    holdsForName: fileNameRule(signature, search),
  }));
  if (prepared.length === 0) return () => [];
  return (entry) =>
    prepared.filter((candidate) => matches(candidate, entry)).map(({ signature }) => signature.name);
}

function fileNameRule(
  { fileNamePattern, ignoresCase }: ContainerMetadataSignature,
  search: FileNameSearch,
): PreparedSignature['holdsForName'] {
  if (fileNamePattern === undefined) return () => true;
  const compilation = compileFileName(fileNamePattern, ignoresCase);
  // The reader of the line has counted the others as not supported.
  if (compilation.kind !== 'program') return () => false;
  return (fileName) => search.isFound(compilation.program, fileName);
}

function matches({ signature, holdsForName }: PreparedSignature, entry: EntryMetadata): boolean {
  return (
    (signature.containerType === undefined ||
      isContainerType(entry.containerType, signature.containerType)) &&
    (signature.isEncrypted === undefined || signature.isEncrypted === entry.isEncrypted) &&
    isWithin(entry.position, signature.position) &&
    isWithin(entry.containerSizeBytes, signature.containerSize) &&
    isWithin(entry.compressedSizeBytes, signature.compressedSize) &&
    isWithin(entry.realSizeBytes, signature.realSize) &&
    holdsForName(entry.fileName)
  );
}

function isWithin(value: number, range: MetadataRange | undefined): boolean {
  return range === undefined || (value >= range.min && value <= range.max);
}
