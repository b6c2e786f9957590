import type { PeHeaders } from './pe-headers.js';

/** Which kind of executable a file is. `machO` includes fat (universal) binaries. */
export type ExecutableFormat = 'pe' | 'elf' | 'machO';

/** One section (PE, ELF with section headers, Mach-O), or what stands for one. */
export interface ExecutableSection {
  /** Where its bytes begin, from the start of the file: what `Sx+n` and `SL+n` count from. May lie outside the file. */
  readonly fileOffset: number;
  /**
   * How many bytes of the file are its own. `SEx` allows a match to begin anywhere from `fileOffset` to
   * `fileOffset + sizeBytes`, both included; `.mdb` and `.msb` hash exactly these bytes of a PE file.
   */
  readonly sizeBytes: number;
}

/** What signatures need to know of an executable, as clamscan sees it. All offsets count from the start of the file. */
export interface ExecutableLayout {
  /** What `EP` and `EntryPoint:` mean; undefined where the entry point lies in nothing that is in the file. */
  readonly entryPointOffset: number | undefined;
  /** In header order. Their number is what `NumberOfSections:` means. */
  readonly sections: readonly ExecutableSection[];
  /**
   * Where the keys of version information strings begin (PE only): what `VI` means. Read from the input when first asked
   * for, which ends what was read of it before.
   */
  readonly versionInfoOffsets: readonly number[];
  /** For `importList`; undefined unless the file is a PE file. */
  readonly peHeaders: PeHeaders | undefined;
}
