import { ALL_BYTES, WORD_BYTES } from './byte-set.js';
import { ASSERTION_NUMBERS, OP, type PcreProgram } from './pcre-program.js';

/** What bounds a search. */
export interface PcreSearchLimits {
  /** PCREMatchLimit: tries from one starting place. */
  readonly matchLimit: number;
  /** PCRERecMatchLimit: choices open at once. */
  readonly recursionLimit: number;
  /** Asked every {@link FUEL_STEPS} steps. */
  readonly mayContinue: () => boolean;
}

/** What a search came to. */
export type PcreSearchOutcome = 'found' | 'none' | 'limit';

/** Steps between two looks at the budget: a millisecond or two. */
export const FUEL_STEPS = 1 << 17;
/** Refuels of one search: about half a minute. Only an expression that is slow from very many places gets there. */
const REFUELS_MAX = 32_768;
/** Forgetting 32 slots takes about a step. */
const SLOTS_A_STEP_SHIFT = 5;
const FRAME_WORDS = 4;
const STACK_MAX_WORDS = 1 << 22;

// First words of a frame that is no plain choice (those have the program counter there, which is not negative).
const GREEDY = -1;
const LAZY = -2;
const RESTORE = -3;
/** As RESTORE, and counted as a level of depth. */
const RESTORE_LEVEL = -4;

/**
 * Runs compiled expressions by backtracking, with a stack of its own: no expression and no input makes it recurse.
 * Scratch memory that belongs to one thread.
 */
export class PcreMachine {
  #stack = new Int32Array(1024);
  #top = 0;
  #slots = new Int32Array(16);
  #depth = 0;
  #calls = 0;
  #fuel = 0;
  #refuels = 0;
  #isExceeded = false;
  #pc = 0;
  #searchStart = 0;
  #program: PcreProgram = NOTHING;
  #subject: Uint8Array = new Uint8Array(0);
  #limits: PcreSearchLimits = { matchLimit: 0, recursionLimit: 0, mayContinue: () => false };

  /** Where what was found begins. */
  get matchStart(): number {
    return this.#slots[0] ?? 0;
  }

  /** Where it ends. */
  get matchEnd(): number {
    return this.#slots[1] ?? 0;
  }

  /** Looks for the first match in `subject` that begins at `from` or later. */
  search(
    program: PcreProgram,
    subject: Uint8Array,
    from: number,
    limits: PcreSearchLimits,
  ): PcreSearchOutcome {
    this.#prepare(program, subject, limits);
    this.#searchStart = from;
    const { firstBytes, isAnchored } = program;
    for (let start = from; start <= subject.length; start++) {
      if (firstBytes !== undefined && !isAnchored) {
        start = this.#nextStart(start);
        if (start < 0) return 'none';
      }
      if (this.#matchesAt(start)) return 'found';
      if (this.#isExceeded) return 'limit';
      if (isAnchored) return 'none';
    }
    return 'none';
  }

  #prepare(program: PcreProgram, subject: Uint8Array, limits: PcreSearchLimits): void {
    if (this.#slots.length < program.slotCount) this.#slots = new Int32Array(program.slotCount);
    this.#program = program;
    this.#subject = subject;
    this.#limits = limits;
    this.#isExceeded = false;
    // What the last search left: many short ones shall be asked about the time, too.
    if (this.#fuel <= 0) this.#fuel = FUEL_STEPS;
    this.#refuels = 0;
  }

  /** The first place from `from` on with a byte that a match can begin with, or -1. */
  #nextStart(from: number): number {
    const { firstByte, firstBytes } = this.#program;
    const subject = this.#subject;
    if (firstByte >= 0) return subject.indexOf(firstByte, from);
    let at = from;
    while (at < subject.length && firstBytes?.[subject[at] ?? 0] !== 1) at++;
    return at < subject.length ? at : -1;
  }

  #matchesAt(start: number): boolean {
    this.#top = 0;
    this.#depth = 0;
    this.#calls = 1;
    this.#slots.fill(-1, 0, this.#program.slotCount);
    // An expression may have thousands of groups.
    this.#fuel -= this.#program.slotCount >> SLOTS_A_STEP_SHIFT;
    const { code, sets } = this.#program;
    const subject = this.#subject;
    let pc = 0;
    let at = start;
    for (;;) {
      if (--this.#fuel < 0 && !this.#refuel()) return false;
      let isThrough = true;
      switch (code[pc] ?? OP.match) {
        case OP.byte:
          isThrough = subject[at] === code[pc + 1];
          at++;
          pc += 2;
          break;
        case OP.set:
          // Past the end `at` reads undefined, which is in no set.
          isThrough = at < subject.length && sets[code[pc + 1] ?? 0]?.[subject[at] ?? 0] === 1;
          at++;
          pc += 2;
          break;
        case OP.split:
          this.#push(code[pc + 1] ?? 0, at, 0, 0);
          pc += 2;
          break;
        case OP.jump:
          pc = code[pc + 1] ?? 0;
          break;
        case OP.save:
          this.#save(code[pc + 1] ?? 0, at);
          pc += 2;
          break;
        case OP.match:
          return true;
        default:
          at = this.#step(pc, at);
          pc = this.#pc;
          isThrough = at >= 0;
      }
      if (isThrough) continue;
      at = this.#backtrack();
      if (at < 0) return false;
      pc = this.#pc;
    }
  }

  #refuel(): boolean {
    if (this.#isExceeded) return false;
    this.#fuel += FUEL_STEPS;
    if (++this.#refuels <= REFUELS_MAX && this.#limits.mayContinue()) return true;
    this.#isExceeded = true;
    return false;
  }

  /** Ends the search before its next step. */
  #exceed(): void {
    this.#isExceeded = true;
    this.#fuel = 0;
  }

  #countCalls(calls: number): void {
    this.#calls += calls;
    this.#fuel -= calls;
    if (this.#calls > this.#limits.matchLimit) this.#exceed();
  }

  /** The rarer instructions. Sets the program counter; -1 where it fails. */
  #step(pc: number, at: number): number {
    const { code } = this.#program;
    const slots = this.#slots;
    const operand = code[pc + 1] ?? 0;
    this.#pc = pc + 2;
    switch (code[pc] ?? OP.match) {
      case OP.run:
        this.#pc = pc + 5;
        return this.#run(pc, at);
      case OP.assertion:
        return this.#holds(operand, at) ? at : -1;
      case OP.backreference:
        this.#pc = pc + 3;
        return this.#backreference(operand, code[pc + 2] === 1, at);
      case OP.back:
        return at - operand;
      case OP.loopUnlessEmpty:
        this.#pc = slots[operand] === at ? pc + 3 : (code[pc + 2] ?? 0);
        return at;
      case OP.ifGroup:
        this.#pc = (slots[2 * operand + 1] ?? -1) >= 0 ? pc + 3 : (code[pc + 2] ?? 0);
        return at;
      case OP.lookBegin:
        slots[operand + 1] = at;
        slots[operand] = this.#top;
        return at;
      case OP.atomicBegin:
        slots[operand] = this.#top;
        return at;
      case OP.atomicEnd:
        this.#cut(slots[operand] ?? 0);
        return at;
      case OP.lookEnd:
        this.#cut(slots[operand] ?? 0);
        return slots[operand + 1] ?? -1;
      case OP.notBegin:
        this.#pc = pc + 3;
        slots[operand] = this.#top;
        this.#push(code[pc + 2] ?? 0, at, 0, 0);
        return at;
      default:
        this.#unwind(slots[operand] ?? 0);
        return -1;
    }
  }

  #push(first: number, at: number, a: number, b: number): void {
    if (++this.#depth > this.#limits.recursionLimit) this.#exceed();
    this.#countCalls(1);
    this.#pushFrame(first, at, a, b);
  }

  #pushFrame(first: number, at: number, a: number, b: number): void {
    const top = this.#top;
    if (top + FRAME_WORDS > this.#stack.length && !this.#grow()) return;
    const stack = this.#stack;
    stack[top] = first;
    stack[top + 1] = at;
    stack[top + 2] = a;
    stack[top + 3] = b;
    this.#top = top + FRAME_WORDS;
  }

  #grow(): boolean {
    if (this.#stack.length >= STACK_MAX_WORDS) {
      this.#exceed();
      return false;
    }
    const grown = new Int32Array(this.#stack.length * 2);
    grown.set(this.#stack);
    this.#stack = grown;
    return true;
  }

  #save(slot: number, at: number): void {
    const old = this.#slots[slot] ?? -1;
    this.#slots[slot] = at;
    // With no choice open there is nothing to come back to.
    if (this.#top === 0) return;
    // PCRE counts each entry into a capturing group as a level (observed): `(ab)*` gets half as far as `(?:ab)*`.
    const isGroupStart = slot >= 2 && (slot & 1) === 0 && slot < this.#program.groupSlotCount;
    if (isGroupStart) this.#push(RESTORE_LEVEL, 0, slot, old);
    else this.#pushFrame(RESTORE, 0, slot, old);
  }

  /** Takes a run of bytes of a set: all it can, or all it must. */
  #run(pc: number, at: number): number {
    const { code, sets } = this.#program;
    const subject = this.#subject;
    const set = sets[code[pc + 1] ?? 0] ?? ALL_BYTES;
    const least = at + (code[pc + 2] ?? 0);
    const max = code[pc + 3] ?? 0;
    const most = max < 0 ? subject.length : Math.min(subject.length, at + max);
    const isLazy = code[pc + 4] === 1;
    if (least > most) return -1;
    const until = isLazy ? least : most;
    let end = at;
    if (set === ALL_BYTES) end = until;
    else while (end < until && set[subject[end] ?? 0] === 1) end++;
    this.#fuel -= end - at;
    if (end < least) return -1;
    if (isLazy && end < most) this.#push(LAZY, end, pc, most);
    if (code[pc + 4] === 0 && end > least) this.#push(GREEDY, end, pc, least);
    return end;
  }

  /** Takes the last choice back. Sets the program counter; -1 where none is left. */
  #backtrack(): number {
    while (this.#top > 0) {
      const stack = this.#stack;
      const frame = this.#top - FRAME_WORDS;
      const first = stack[frame] ?? 0;
      if (first <= RESTORE) {
        this.#restore(frame);
        continue;
      }
      if (first >= 0) {
        this.#pop(frame);
        this.#pc = first;
        return stack[frame + 1] ?? -1;
      }
      const at = first === GREEDY ? this.#oneFewer(frame) : this.#oneMore(frame);
      if (at >= 0) return at;
    }
    return -1;
  }

  #restore(frame: number): void {
    const stack = this.#stack;
    this.#slots[stack[frame + 2] ?? 0] = stack[frame + 3] ?? -1;
    if (stack[frame] === RESTORE_LEVEL) this.#depth--;
    this.#top = frame;
  }

  #pop(frame: number): void {
    this.#top = frame;
    this.#depth--;
  }

  /** A greedy run gives a byte back: at least so many that the literal byte behind it fits, if there is one. */
  #oneFewer(frame: number): number {
    const { code } = this.#program;
    const stack = this.#stack;
    const from = stack[frame + 1] ?? 0;
    const least = stack[frame + 3] ?? 0;
    this.#pc = (stack[frame + 2] ?? 0) + 5;
    let at = from - 1;
    if (code[this.#pc] === OP.byte) {
      const next = code[this.#pc + 1];
      while (at >= least && this.#subject[at] !== next) at--;
    }
    this.#countCalls(from - at);
    if (at <= least) this.#pop(frame);
    else stack[frame + 1] = at;
    return at < least ? -1 : at;
  }

  /** A lazy run takes a byte more: so many that the literal byte behind it fits, if there is one. */
  #oneMore(frame: number): number {
    const { code, sets } = this.#program;
    const subject = this.#subject;
    const stack = this.#stack;
    const from = stack[frame + 1] ?? 0;
    const pc = stack[frame + 2] ?? 0;
    const most = stack[frame + 3] ?? 0;
    const set = sets[code[pc + 1] ?? 0] ?? ALL_BYTES;
    this.#pc = pc + 5;
    const next = code[this.#pc] === OP.byte ? (code[this.#pc + 1] ?? -1) : -1;
    let at = from;
    let isThrough = false;
    while (!isThrough && at < most && set[subject[at] ?? 0] === 1) {
      at++;
      isThrough = next < 0 || subject[at] === next;
    }
    this.#countCalls(at - from + 1);
    if (!isThrough || at >= most) this.#pop(frame);
    else stack[frame + 1] = at;
    return isThrough ? at : -1;
  }

  /** Forgets the choices above `height`, and keeps what must be restored when an earlier one is taken back. */
  #cut(height: number): void {
    const stack = this.#stack;
    let kept = height;
    for (let frame = height; frame < this.#top; frame += FRAME_WORDS) {
      if ((stack[frame] ?? 0) <= RESTORE) {
        stack.copyWithin(kept, frame, frame + FRAME_WORDS);
        kept += FRAME_WORDS;
      } else this.#depth--;
    }
    this.#top = kept;
  }

  /** Takes everything above `height` back. */
  #unwind(height: number): void {
    const stack = this.#stack;
    while (this.#top > height) {
      const frame = this.#top - FRAME_WORDS;
      if ((stack[frame] ?? 0) <= RESTORE) this.#restore(frame);
      else this.#pop(frame);
    }
  }

  /** A group that is not set never fits. */
  #backreference(group: number, isCaseless: boolean, at: number): number {
    const subject = this.#subject;
    const start = this.#slots[2 * group] ?? -1;
    const lengthBytes = (this.#slots[2 * group + 1] ?? -1) - start;
    if (start < 0 || lengthBytes < 0 || at + lengthBytes > subject.length) return -1;
    this.#fuel -= lengthBytes;
    for (let i = 0; i < lengthBytes; i++) {
      const a = subject[start + i] ?? 0;
      const b = subject[at + i] ?? 0;
      if (a !== b && !(isCaseless && lowerCase(a) === lowerCase(b))) return -1;
    }
    return at + lengthBytes;
  }

  #holds(assertion: number, at: number): boolean {
    const subject = this.#subject;
    const end = subject.length;
    switch (assertion) {
      case ASSERTION_NUMBERS.subjectStart:
        return at === 0;
      case ASSERTION_NUMBERS.lineStart:
        return at === 0 || (at < end && subject[at - 1] === 10);
      case ASSERTION_NUMBERS.subjectEnd:
        return at === end;
      case ASSERTION_NUMBERS.lastLineEnd:
        return at === end || (at === end - 1 && subject[at] === 10);
      case ASSERTION_NUMBERS.lineEnd:
        return at === end || subject[at] === 10;
      case ASSERTION_NUMBERS.searchStart:
        return at === this.#searchStart;
      default: {
        const isBoundary = this.#isWordAt(at - 1) !== this.#isWordAt(at);
        return isBoundary === (assertion === ASSERTION_NUMBERS.wordBoundary);
      }
    }
  }

  #isWordAt(at: number): boolean {
    const byte = this.#subject[at];
    return byte !== undefined && WORD_BYTES[byte] === 1;
  }
}

const NOTHING: PcreProgram = {
  code: new Int32Array(0),
  sets: [],
  slotCount: 0,
  groupSlotCount: 0,
  firstBytes: undefined,
  firstByte: -1,
  isAnchored: false,
};

function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}
