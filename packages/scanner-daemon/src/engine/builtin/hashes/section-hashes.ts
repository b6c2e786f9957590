import type { HashTables } from '../../../database/hashes/hash-table.js';
import type { ScanInput } from '../../engine.js';
import type { ScanBudget } from '../../scan-budget.js';
import { lookUpDigests, wantedAlgorithms } from './hash-lookup.js';
import { InputDigests } from './input-digests.js';

/** The raw bytes of a section of a PE file. */
export interface SectionExtent {
  /** From the start of the input. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** How {@link findSectionHashes} goes about it. */
export interface SectionHashOptions {
  /** Go on after the first section that is found. */
  readonly allMatch: boolean;
  readonly budget: ScanBudget;
}

const PIECE_BYTES = 1024 * 1024;

/**
 * The name ids of the sections that are known, section by section, in the order in which clamscan reports them
 * (observed). Sections that are empty or reach past the end of the input have no hash; once the budget is used up, the
 * rest is left out.
 */
export function findSectionHashes(
  tables: HashTables,
  input: ScanInput,
  sections: readonly SectionExtent[],
  { allMatch, budget }: SectionHashOptions,
): readonly number[] {
  const nameIds: number[] = [];
  for (const section of sections) {
    const wanted = wantedAlgorithms(tables, section.sizeBytes);
    const isWithin =
      section.sizeBytes > 0 && section.offset >= 0 && section.offset + section.sizeBytes <= input.sizeBytes;
    if (wanted.length === 0 || !isWithin) continue;
    const digests = new InputDigests(wanted, section.sizeBytes);
    const end = section.offset + section.sizeBytes;
    let offset = section.offset;
    while (offset < end) {
      if (!budget.mayContinue()) return nameIds;
      const lengthBytes = Math.min(PIECE_BYTES, end - offset);
      const piece = input.read(offset, lengthBytes);
      if (piece.length < lengthBytes) break;
      digests.update(piece);
      offset += lengthBytes;
    }
    if (offset < end) continue;
    nameIds.push(...lookUpDigests(tables, section.sizeBytes, digests.finish()));
    if (!allMatch && nameIds.length > 0) break;
  }
  return nameIds;
}
