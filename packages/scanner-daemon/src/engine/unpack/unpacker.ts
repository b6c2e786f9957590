import type { EncryptedContainer, LimitReason } from '@portcullis/shared';
import type { ScanInput } from '../engine.js';
import type { ScanBudget } from '../scan-budget.js';

/** The containers that have an {@link Unpacker}. */
export type ContainerFormat = 'zip' | 'gzip' | 'bzip2' | 'xz' | 'zstd' | 'tar' | '7z' | 'ole2' | 'mail';

/**
 * `module`: the source of a macro; signatures for OLE2 files apply to it, and not those for text (manual, "Target types":
 * 2 is "OLE2 containers, including their specific macros"). `project`: all macros of a document as a text of our making;
 * only signatures for any file apply.
 */
export type MacroKind = 'module' | 'project';

/** Something found in a container. */
export interface UnpackedEntry {
  /** As the container spells it; empty where it has none. Data to match against, never a path to open. */
  readonly name: Uint8Array;
  /** What is to be scanned; of an encrypted entry nothing. Valid until `emit` returns. */
  readonly input: ScanInput;
  /** Bytes that the entry takes up in the container; 0 where that cannot be told (solid archives). */
  readonly compressedSizeBytes: number;
  /** Bytes that `input` has. */
  readonly sizeBytes: number;
  readonly isEncrypted: boolean;
  /** 1 for the first entry of the container. */
  readonly position: number;
  readonly macro?: MacroKind;
}

/** What an unpacker works with. */
export interface UnpackContext {
  readonly budget: ScanBudget;
  /** Scans an entry, at once. `stop`: nothing further of this container is wanted. */
  emit(entry: UnpackedEntry): 'continue' | 'stop';
}

/** How the unpacking of one container ended. What was emitted before counts in any case. */
export type UnpackOutcome =
  /** Whole, or stopped by `emit`. */
  | { readonly kind: 'done' }
  /** A limit left something out; the budget has noted its first one. */
  | { readonly kind: 'incomplete'; readonly reason: LimitReason }
  | { readonly kind: 'incomplete'; readonly reason: 'encrypted'; readonly container: EncryptedContainer }
  /** Something in it is not what the format allows, or is packed in a way that we do not know. */
  | { readonly kind: 'damaged' };

/** Opens one container format. Never throws for what the bytes say. */
export interface Unpacker {
  readonly format: ContainerFormat;
  /** Synchronous, on the thread that scans; returns when everything was emitted. */
  unpack(input: ScanInput, context: UnpackContext): UnpackOutcome;
}
