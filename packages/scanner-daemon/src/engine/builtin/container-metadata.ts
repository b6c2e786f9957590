import { isContainerType } from '../file-types/refine-zip-type.js';
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
  readonly compressedSizeBytes: number;
  readonly realSizeBytes: number;
  readonly isEncrypted: boolean;
  /** The first entry is number 1. */
  readonly position: number;
}

/** The names of all signatures that an entry matches, in the order of the database. */
export type ContainerMetadataMatcher = (entry: EntryMetadata) => readonly string[];

/** What an expression is shown of a name: nobody has longer ones, and expressions may take their time. */
const FILE_NAME_MAX_BYTES = 1024;

interface PreparedSignature {
  readonly signature: ContainerMetadataSignature;
  readonly fileName: RegExp | undefined;
}

/** Prepares `.cdb` signatures for matching: once a thread. No entry matches where there are none. */
export function createContainerMetadataMatcher(
  signatures: readonly ContainerMetadataSignature[],
): ContainerMetadataMatcher {
  const prepared = signatures.map((signature): PreparedSignature => {
    const { fileNamePattern, ignoresCase } = signature;
    const fileName =
      fileNamePattern === undefined ? undefined : new RegExp(fileNamePattern, ignoresCase ? 'i' : '');
    return { signature, fileName };
  });
  if (prepared.length === 0) return () => [];
  return (entry) => {
    const { buffer, byteOffset, length } = entry.fileName;
    const bytes = Buffer.from(buffer, byteOffset, Math.min(length, FILE_NAME_MAX_BYTES));
    const name = bytes.toString('latin1');
    return prepared
      .filter((candidate) => matches(candidate, entry, name))
      .map(({ signature }) => signature.name);
  };
}

function matches({ signature, fileName }: PreparedSignature, entry: EntryMetadata, name: string): boolean {
  return (
    (signature.containerType === undefined ||
      isContainerType(entry.containerType, signature.containerType)) &&
    (signature.isEncrypted === undefined || signature.isEncrypted === entry.isEncrypted) &&
    isWithin(entry.position, signature.position) &&
    isWithin(entry.containerSizeBytes, signature.containerSize) &&
    isWithin(entry.compressedSizeBytes, signature.compressedSize) &&
    isWithin(entry.realSizeBytes, signature.realSize) &&
    (fileName === undefined || fileName.test(name))
  );
}

function isWithin(value: number, range: MetadataRange | undefined): boolean {
  return range === undefined || (value >= range.min && value <= range.max);
}
