import type { ScanInput } from '../engine.js';
import { ANCHORS, REFERENCES, TAGS } from './marks.js';

const WINDOW_BYTES = 256 * 1024;
const LESS = 0x3c;
/** A mark that begins at the end of a window is found in the next one. */
const OVERLAP_BYTES = Math.max(...[...TAGS, ...ANCHORS, ...REFERENCES].map((mark) => mark.length)) - 1;

/** The marks by the byte behind their `<`: almost no other byte needs a further look. */
const BY_SECOND_BYTE: readonly (readonly Buffer[] | undefined)[] = bySecondByte([...TAGS, ...ANCHORS]);

/** 1 for the two bytes behind the `<` of a mark. */
const BEGINS_MARK = new Uint8Array(65_536);
for (const mark of [...TAGS, ...ANCHORS]) BEGINS_MARK[mark.readUInt16BE(1)] = 1;

/**
 * True when a mark of HTML stands anywhere in the file. A link counts when its `href` follows at any distance (observed:
 * 200 kB).
 */
export function hasHtmlMarkAnywhere(input: ScanInput, mayContinue: () => boolean): boolean {
  let hasAnchor = false;
  for (let offset = 0; offset < input.sizeBytes && mayContinue(); offset += WINDOW_BYTES) {
    const view = input.read(offset, Math.min(WINDOW_BYTES + OVERLAP_BYTES, input.sizeBytes - offset));
    const window = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
    const found = hasAnchor ? { isTag: false, at: 0 } : findMark(window, 0);
    for (let mark = found; mark !== undefined; mark = findMark(window, mark.at + 1)) {
      if (mark.isTag) return true;
      if (!hasAnchor || mark === found) {
        hasAnchor = true;
        if (REFERENCES.some((reference) => window.includes(reference, mark.at))) return true;
      }
    }
  }
  return false;
}

/** The next mark from `start` on, or undefined. */
function findMark(
  window: Buffer,
  start: number,
): { readonly isTag: boolean; readonly at: number } | undefined {
  for (let at = nextCandidate(window, start); at !== -1; at = nextCandidate(window, at + 1)) {
    const from = at;
    const mark = BY_SECOND_BYTE[window[at + 1] ?? 0]?.find((candidate) => startsAt(window, from, candidate));
    if (mark !== undefined) return { isTag: TAGS.includes(mark), at };
  }
  return undefined;
}

/** The next `<` with a byte behind it that some mark has, as well as the one after that; -1 where there is none. */
function nextCandidate(window: Uint8Array, start: number): number {
  const end = window.length - 2;
  for (let at = start; at < end; at += 1) {
    if (window[at] !== LESS) continue;
    const pair = ((window[at + 1] ?? 0) << 8) | (window[at + 2] ?? 0);
    if (BEGINS_MARK[pair] === 1) return at;
  }
  return -1;
}

function startsAt(window: Buffer, at: number, mark: Buffer): boolean {
  for (let index = 1; index < mark.length; index += 1) if (window[at + index] !== mark[index]) return false;
  return true;
}

function bySecondByte(marks: readonly Buffer[]): readonly (readonly Buffer[] | undefined)[] {
  const table: (Buffer[] | undefined)[] = new Array<Buffer[] | undefined>(256).fill(undefined);
  for (const mark of marks) (table[mark[1] ?? 0] ??= []).push(mark);
  return table;
}
