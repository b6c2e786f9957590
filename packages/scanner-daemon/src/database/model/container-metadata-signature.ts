/** Both ends included. */
export interface MetadataRange {
  readonly min: number;
  readonly max: number;
}

/**
 * One line of `.cdb`: what an entry of an archive must look like from outside (ClamAV manual, "Signatures based on
 * container metadata"). A field that is undefined was `*`: anything will do. Structured-cloneable.
 */
export interface ContainerMetadataSignature {
  readonly kind: 'containerMetadata';
  /** In latin1. */
  readonly name: string;
  /** `CL_TYPE_…`; `CL_TYPE_ANY` is undefined here. */
  readonly containerType: string | undefined;
  /** Of the container, in bytes. */
  readonly containerSize: MetadataRange | undefined;
  /** What the name of the entry must match, as `translateExtendedRegex` writes it. */
  readonly fileNamePattern: string | undefined;
  readonly ignoresCase: boolean;
  /** As it is stored, in bytes. */
  readonly compressedSize: MetadataRange | undefined;
  /** Unpacked, in bytes. */
  readonly realSize: MetadataRange | undefined;
  readonly isEncrypted: boolean | undefined;
  /** Which entry of the container; the first is 1. */
  readonly position: MetadataRange | undefined;
}
