import type { TargetConditions } from '../../database/model/logical-signature.js';
import type { Block } from './block.js';
import { unbuilt } from './demands.js';
import type { Demand, Unbuilt } from './demands.js';
import type { ExecutablePlan } from './executable-carriers.js';

const SECTIONS_MAX = 90;
const SECTION_MAX_BYTES = 16 << 20;
const SMALL_BYTES = 0x200;
/** Where the first section begins at the earliest: what an EntryPoint below it could not be met with. */
const FIRST_SECTION_MIN = 0x400;

/** How far behind the beginning of the file the headers lie when they are out of the way of absolute offsets. */
const HEADERS_APART_BYTES = 0x800;

/**
 * Sections and an entry point that have room for what the demands place relative to them.
 *
 * @param isApart the entry point lies behind what is placed in the first section, and the headers of a PE file behind the
 *   first two kilobytes
 */
export function planExecutable(
  demands: readonly Demand[],
  { sectionCount, entryPoint }: Pick<TargetConditions, 'sectionCount' | 'entryPoint'>,
  isApart: boolean,
): ExecutablePlan | Unbuilt {
  const versionStrings = demands.flatMap(({ offset, block }) =>
    offset.kind === 'versionInfo' ? [versionString(block)] : [],
  );
  const extra = versionStrings.length === 0 ? 0 : 1;
  const wanted = demands.reduce(
    (most, { offset }) =>
      offset.kind === 'section' || offset.kind === 'withinSection'
        ? Math.max(most, offset.section + 1)
        : most,
    2,
  );
  const count = Math.max(
    1,
    Math.max(sectionCount?.min ?? 0, Math.min(wanted, sectionCount?.max ?? 96)) - extra,
  );
  if (count > SECTIONS_MAX) return unbuilt('more than 90 sections');
  const sizes = new Array<number>(count).fill(SMALL_BYTES);
  const grow = (index: number, sizeBytes: number): void => {
    if (index < count) sizes[index] = Math.max(sizes[index] ?? 0, sizeBytes);
  };
  let entryPointBytes = Math.max(0, (entryPoint?.min ?? 0) - FIRST_SECTION_MIN);
  for (const { offset, block } of demands) {
    if (offset.kind === 'entryPoint')
      entryPointBytes = Math.max(entryPointBytes, block.leadBytes - offset.delta);
    if (isApart && offset.kind === 'section' && offset.section === 0)
      entryPointBytes = Math.max(entryPointBytes, offset.delta + block.values.length);
  }
  for (const { offset, block, count: times } of demands) {
    const lengthBytes = (block.values.length + 8) * times;
    if (offset.kind === 'section') grow(offset.section, offset.delta + lengthBytes);
    else if (offset.kind === 'lastSection') grow(count - 1, offset.delta + lengthBytes);
    else if (offset.kind === 'withinSection') grow(offset.section, SMALL_BYTES + 2 * lengthBytes);
    else if (offset.kind === 'entryPoint') grow(0, entryPointBytes + offset.delta + lengthBytes);
  }
  grow(0, entryPointBytes + 16);
  if (sizes.some((size) => size > SECTION_MAX_BYTES)) return unbuilt('a section of more than 16 MiB');
  const headersMovedBytes = isApart ? HEADERS_APART_BYTES : 0;
  return { sectionSizesBytes: sizes, entryPointBytes, versionStrings, headersMovedBytes };
}

/** The key and value that a pattern for version information spells in UTF-16. */
function versionString({ values, leadBytes }: Block): readonly [string, string] {
  const text = Buffer.from(values.subarray(leadBytes)).toString('utf16le');
  const [, key = '', value = ''] = /^([^\0]*)\0*([^\0]*)/.exec(text) ?? [];
  return [key, value];
}
