import type { ScanInput } from '../engine.js';
import { readElf } from './elf.js';
import type { ExecutableFormat, ExecutableLayout } from './executable-layout.js';
import { readMachO } from './mach-o.js';
import { readPe } from './pe.js';

const READERS: Readonly<Record<ExecutableFormat, (input: ScanInput) => ExecutableLayout | undefined>> = {
  pe: readPe,
  elf: readElf,
  machO: readMachO,
};

/**
 * Where the parts of an executable lie, as clamscan sees them. Never throws for what the bytes say.
 *
 * @returns undefined where clamscan does not take the headers: no offset relative to them matches then, nor does
 * `EntryPoint:` or `NumberOfSections:`, nor a section hash or imphash.
 */
export function readExecutable(input: ScanInput, format: ExecutableFormat): ExecutableLayout | undefined {
  return READERS[format](input);
}
