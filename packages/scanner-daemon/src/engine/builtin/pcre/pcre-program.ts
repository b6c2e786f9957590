import type { ByteSet } from './byte-set.js';

/** Instructions of a compiled expression; behind each its operands, one Int32 each. */
export const OP = {
  /** Found. */
  match: 0,
  /** byte */
  byte: 1,
  /** set */
  set: 2,
  /** set, min, max (-1: none), mode (0 greedy, 1 lazy, 2 possessive) */
  run: 3,
  /** Tries what follows first, then `target`. */
  split: 4,
  jump: 5,
  /** slot: remembers the place in it */
  save: 6,
  /** group, caseless */
  backreference: 7,
  /** number of the assertion */
  assertion: 8,
  /** slot: begins what is not tried again once it is through; remembers the height of the stack */
  atomicBegin: 9,
  atomicEnd: 10,
  /** slot of two; as atomic, and the place is taken back at the end */
  lookBegin: 11,
  lookEnd: 12,
  /** slot, target: goes on at the target where what follows fails */
  notBegin: 13,
  notEnd: 14,
  /** bytes to go back */
  back: 15,
  /** slot, target: back to the target unless nothing was taken since the slot was set */
  loopUnlessEmpty: 16,
  /** group, target where it is not set */
  ifGroup: 17,
} as const;

/** The numbers of the assertions in a program. */
export const ASSERTION_NUMBERS = {
  subjectStart: 0,
  lineStart: 1,
  subjectEnd: 2,
  lastLineEnd: 3,
  lineEnd: 4,
  wordBoundary: 5,
  notWordBoundary: 6,
  searchStart: 7,
} as const;

/** An expression that can run. Immutable. */
export interface PcreProgram {
  readonly code: Int32Array;
  readonly sets: readonly ByteSet[];
  /** Two for each group (0 is the whole), then scratch. */
  readonly slotCount: number;
  /** How many of the slots are those of groups. */
  readonly groupSlotCount: number;
  /** The bytes a match can begin with; undefined where it may be empty. */
  readonly firstBytes: ByteSet | undefined;
  /** The only member of `firstBytes`, or -1. */
  readonly firstByte: number;
  /** It can only begin where the search does. */
  readonly isAnchored: boolean;
}
