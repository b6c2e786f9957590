import { STRIDED_RUN_BYTES, WINDOW_BYTES } from '../engine/builtin/matcher/anchor-hash.js';
import type { BodyPart } from './readers/body-signature.js';

/** Where the windows of a signature are taken from. */
export interface Anchor {
  /** Number of the part within its signature. */
  readonly partIndex: number;
  /** Where the literal run begins in the part. */
  readonly partOffset: number;
  /** A strided anchor covers {@link STRIDED_RUN_BYTES} bytes, a dense one {@link WINDOW_BYTES}. */
  readonly isStrided: boolean;
}

/**
 * How common a byte is in programs, documents and text together, from 0 (rare) to 10. A rough table is
 * enough: it only has to keep anchors away from padding, prologues and prose.
 */
const COMMONNESS: Uint8Array = buildCommonness();

function buildCommonness(): Uint8Array {
  const table = new Uint8Array(256).fill(2);
  for (let byte = 0x20; byte < 0x7f; byte++) table[byte] = 4;
  for (const letter of Buffer.from('etaoinsrlcdup ')) table[letter] = 6;
  for (const opcode of [
    0x01, 0x02, 0x03, 0x04, 0x08, 0x0f, 0x10, 0x24, 0x48, 0x80, 0x83, 0x85, 0x89, 0x8b, 0xe8, 0xc0,
  ])
    table[opcode] = 5;
  table[0xff] = 8;
  table[0x00] = 10;
  return table;
}

/** Windows of equal bytes, or nearly so, stand in every padded file. */
const REPETITION_PENALTY = 12;

/** The rarest anchor of a signature, strided ones first; undefined when no part has four literal bytes in a row. */
export function chooseAnchor(parts: readonly BodyPart[]): Anchor | undefined {
  return rarest(parts, STRIDED_RUN_BYTES) ?? rarest(parts, WINDOW_BYTES);
}

function rarest(parts: readonly BodyPart[], lengthBytes: number): Anchor | undefined {
  let best: Anchor | undefined;
  let bestScore = Number.POSITIVE_INFINITY;
  parts.forEach((part, partIndex) => {
    for (let partOffset = 0; partOffset + lengthBytes <= part.values.length; partOffset++) {
      if (!isLiteral(part, partOffset, lengthBytes)) continue;
      const score = scoreRun(part.values.subarray(partOffset, partOffset + lengthBytes));
      if (score >= bestScore) continue;
      bestScore = score;
      best = { partIndex, partOffset, isStrided: lengthBytes === STRIDED_RUN_BYTES };
    }
  });
  return best;
}

/** Whether these positions of the part are plain bytes. */
export function isLiteral(part: BodyPart, partOffset: number, lengthBytes: number): boolean {
  for (let index = partOffset; index < partOffset + lengthBytes; index++) {
    if (part.masks[index] !== 0xff) return false;
  }
  return true;
}

/** The commonest of the run's windows decides: each of them is looked up. */
function scoreRun(run: Uint8Array): number {
  let worst = 0;
  for (let start = 0; start + WINDOW_BYTES <= run.length; start++) {
    const window = run.subarray(start, start + WINDOW_BYTES);
    const common = window.reduce((sum, byte) => sum + (COMMONNESS[byte] ?? 0), 0);
    worst = Math.max(worst, common + (new Set(window).size <= 2 ? REPETITION_PENALTY : 0));
  }
  return worst;
}

/** The longest literal run of a part: what an exact search for the part looks for. */
export function longestRun(part: BodyPart): { readonly partOffset: number; readonly lengthBytes: number } {
  let best = { partOffset: 0, lengthBytes: 0 };
  let start = 0;
  for (let index = 0; index <= part.masks.length; index++) {
    if (part.masks[index] === 0xff) continue;
    if (index - start > best.lengthBytes) best = { partOffset: start, lengthBytes: index - start };
    start = index + 1;
  }
  return best;
}
