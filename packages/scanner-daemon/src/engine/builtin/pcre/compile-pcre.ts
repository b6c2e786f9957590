import { areDisjoint, onlyMember, type ByteSet } from './byte-set.js';
import { firstBytesOf, followedBy, NOTHING_KNOWN, type FirstBytes } from './first-bytes.js';
import { parsePcre } from './parse-pcre.js';
import { ASSERTION_NUMBERS, OP, type PcreProgram } from './pcre-program.js';
import { PcreSyntaxError, type ParsedPcre, type PcreNode } from './pcre-syntax.js';

/** PCRE refuses what comes to 64 KiB in its own code, of which this says little: `\R{9999}` is short there. */
const CODE_MAX = 1 << 18;
/** Nodes that are visited, each as often as it is repeated: some of them leave no code. */
const VISITS_MAX = 1 << 18;
/** PCRE looks no further back (observed: 65,000 bytes are taken, 66,000 are not). */
const LOOKBEHIND_MAX_BYTES = 65_535;

const TOO_LARGE = 'regular expression is too large';
const MODE_NUMBERS = { greedy: 0, lazy: 1, possessive: 2 } as const;

/** What came of compiling an expression. */
export type PcreCompilation =
  | { readonly kind: 'program'; readonly program: PcreProgram }
  /** PCRE would refuse it; clamd then refuses the whole database (observed). */
  | { readonly kind: 'malformed'; readonly reason: string }
  /** PCRE may take it, this engine does not: recursion, Unicode properties, verbs, callouts; or it is too large. */
  | { readonly kind: 'unsupported'; readonly reason: string };

/**
 * Compiles an expression with the flags of a PCRE subsignature.
 *
 * @param flags - those of ClamAV (`g r e`) are passed over; `i s m x A E U` count.
 */
export function compilePcre(pattern: string, flags: string): PcreCompilation {
  try {
    const parsed = parsePcre(pattern, new Set(flags));
    return { kind: 'program', program: new PcreCompiler(parsed).compile(flags.includes('A')) };
  } catch (error) {
    if (!(error instanceof PcreSyntaxError)) throw error;
    return { kind: error.isUnsupported ? 'unsupported' : 'malformed', reason: error.message };
  }
}

class PcreCompiler {
  readonly #parsed: ParsedPcre;
  readonly #code: number[] = [];
  readonly #sets: ByteSet[] = [];
  readonly #setNumbers = new Map<string, number>();
  #slotCount: number;
  #visits = 0;

  constructor(parsed: ParsedPcre) {
    this.#parsed = parsed;
    this.#slotCount = 2 * (parsed.groupCount + 1);
  }

  compile(isAnchoredByFlag: boolean): PcreProgram {
    const { root } = this.#parsed;
    this.#emit(OP.save, 0);
    this.#node(root, NOTHING_KNOWN);
    this.#emit(OP.save, 1);
    this.#emit(OP.match);
    const first = firstBytesOf(root);
    return {
      code: Int32Array.from(this.#code),
      sets: this.#sets,
      slotCount: this.#slotCount,
      groupSlotCount: 2 * (this.#parsed.groupCount + 1),
      firstBytes: first.canBeEmpty ? undefined : first.set,
      firstByte: first.canBeEmpty ? -1 : onlyMember(first.set),
      isAnchored: isAnchoredByFlag || beginsAtSubjectStart(root),
    };
  }

  #emit(...words: readonly number[]): number {
    if (this.#code.length > CODE_MAX) throw new PcreSyntaxError(TOO_LARGE, true);
    const at = this.#code.length;
    this.#code.push(...words);
    return at;
  }

  #slots(count: number): number {
    const first = this.#slotCount;
    this.#slotCount += count;
    return first;
  }

  /** Lets the operand at `at` point to what is emitted next. */
  #land(at: number): void {
    this.#code[at] = this.#code.length;
  }

  #setNumber(set: ByteSet): number {
    const key = Buffer.from(set.buffer, set.byteOffset, set.byteLength).toString('latin1');
    const known = this.#setNumbers.get(key);
    if (known !== undefined) return known;
    this.#setNumbers.set(key, this.#sets.length);
    return this.#sets.push(set) - 1;
  }

  /** @param following - what comes behind in the same sequence; unknown beyond its end. */
  #node(node: PcreNode, following: FirstBytes): void {
    if (++this.#visits > VISITS_MAX) throw new PcreSyntaxError(TOO_LARGE, true);
    switch (node.kind) {
      case 'set':
        this.#set(node.set);
        return;
      case 'sequence':
        this.#sequence(node.items, following);
        return;
      case 'alternation':
        this.#alternation(node.branches, following);
        return;
      case 'group':
        this.#emit(OP.save, 2 * node.index);
        this.#node(node.body, following);
        this.#emit(OP.save, 2 * node.index + 1);
        return;
      case 'atomic':
        this.#atomic(() => {
          this.#node(node.body, NOTHING_KNOWN);
        });
        return;
      case 'look':
        this.#look(node);
        return;
      case 'repeat':
        this.#repeat(node, following);
        return;
      case 'backreference':
        this.#emit(OP.backreference, this.#group(node.group), node.caseless ? 1 : 0);
        return;
      case 'conditional':
        this.#conditional(node, following);
        return;
      case 'assertion':
        this.#emit(OP.assertion, ASSERTION_NUMBERS[node.what]);
        return;
      case 'keep':
        this.#emit(OP.save, 0);
    }
  }

  #sequence(items: readonly PcreNode[], following: FirstBytes): void {
    // From the end, so that what follows each is known in one pass.
    const behind: FirstBytes[] = [];
    let next = following;
    for (let i = items.length - 1; i >= 0; i--) {
      behind.push(next);
      const item = items[i];
      if (item !== undefined) next = followedBy(firstBytesOf(item), next);
    }
    for (const item of items) this.#node(item, behind.pop() ?? NOTHING_KNOWN);
  }

  #set(set: ByteSet): void {
    const only = onlyMember(set);
    if (only >= 0) this.#emit(OP.byte, only);
    else this.#emit(OP.set, this.#setNumber(set));
  }

  #group(group: number | string): number {
    const index = typeof group === 'number' ? group : this.#parsed.groupsByName.get(group);
    if (index === undefined || index < 1 || index > this.#parsed.groupCount)
      throw new PcreSyntaxError('reference to non-existent subpattern');
    return index;
  }

  #alternation(branches: readonly PcreNode[], following: FirstBytes): void {
    const ends: number[] = [];
    branches.forEach((branch, i) => {
      const isLast = i === branches.length - 1;
      const split = isLast ? -1 : this.#emit(OP.split, 0);
      this.#node(branch, following);
      if (isLast) return;
      ends.push(this.#emit(OP.jump, 0) + 1);
      this.#land(split + 1);
    });
    for (const end of ends) this.#land(end);
  }

  #atomic(emitBody: () => void): void {
    const slot = this.#slots(1);
    this.#emit(OP.atomicBegin, slot);
    emitBody();
    this.#emit(OP.atomicEnd, slot);
  }

  #look(node: PcreNode & { readonly kind: 'look' }): void {
    const body = (): void => {
      if (node.behind) this.#behind(node.body);
      else this.#node(node.body, NOTHING_KNOWN);
    };
    if (node.negated) {
      const slot = this.#slots(1);
      const begin = this.#emit(OP.notBegin, slot, 0);
      body();
      this.#emit(OP.notEnd, slot);
      this.#land(begin + 2);
      return;
    }
    const slot = this.#slots(2);
    this.#emit(OP.lookBegin, slot);
    body();
    this.#emit(OP.lookEnd, slot);
  }

  /** Each alternative of a look-behind goes back by its own length. */
  #behind(body: PcreNode): void {
    const branches = body.kind === 'alternation' ? body.branches : [body];
    const ends: number[] = [];
    branches.forEach((branch, i) => {
      const split = i < branches.length - 1 ? this.#emit(OP.split, 0) : -1;
      const lengthBytes = fixedLengthBytes(branch);
      if (lengthBytes === undefined) throw new PcreSyntaxError('lookbehind assertion is not fixed length');
      if (lengthBytes > LOOKBEHIND_MAX_BYTES) throw new PcreSyntaxError('lookbehind assertion is too long');
      this.#emit(OP.back, lengthBytes);
      this.#node(branch, NOTHING_KNOWN);
      if (split < 0) return;
      ends.push(this.#emit(OP.jump, 0) + 1);
      this.#land(split + 1);
    });
    for (const end of ends) this.#land(end);
  }

  #conditional(node: PcreNode & { readonly kind: 'conditional' }, following: FirstBytes): void {
    const test = this.#emit(OP.ifGroup, this.#group(node.group), 0);
    this.#node(node.yes, following);
    const end = this.#emit(OP.jump, 0);
    this.#land(test + 2);
    this.#node(node.no, following);
    this.#land(end + 1);
  }

  #repeat(node: PcreNode & { readonly kind: 'repeat' }, following: FirstBytes): void {
    if (node.max === 0) return;
    if (node.body.kind === 'set') {
      this.#run(node, node.body.set, following);
      return;
    }
    if (node.mode === 'possessive') {
      this.#atomic(() => {
        this.#copies({ ...node, mode: 'greedy' });
      });
      return;
    }
    this.#copies(node);
  }

  /** A repeated byte set. Never given back where what follows cannot begin with a byte of it, as PCRE does. */
  #run(node: PcreNode & { readonly kind: 'repeat' }, set: ByteSet, following: FirstBytes): void {
    const isExclusive = !following.canBeEmpty && areDisjoint(set, following.set);
    const mode = isExclusive ? 'possessive' : node.mode;
    const max = node.max === Infinity ? -1 : node.max;
    this.#emit(OP.run, this.#setNumber(set), node.min, max, MODE_NUMBERS[mode]);
  }

  /** A repeated group: so many copies as it must match, then a loop or so many optional ones. */
  #copies(node: PcreNode & { readonly kind: 'repeat' }): void {
    const { body, min, max } = node;
    for (let i = 0; i < min; i++) this.#node(body, NOTHING_KNOWN);
    if (max === Infinity) {
      this.#loop(node);
      return;
    }
    const exits: number[] = [];
    for (let i = min; i < max; i++) {
      exits.push(this.#optional(node.mode));
      this.#node(body, NOTHING_KNOWN);
    }
    for (const exit of exits) this.#land(exit);
  }

  /** Emits the choice to go on or to leave; returns the operand for where leaving leads. */
  #optional(mode: 'greedy' | 'lazy' | 'possessive'): number {
    if (mode !== 'lazy') return this.#emit(OP.split, 0) + 1;
    const split = this.#emit(OP.split, 0);
    const leave = this.#emit(OP.jump, 0);
    this.#land(split + 1);
    return leave + 1;
  }

  #loop(node: PcreNode & { readonly kind: 'repeat' }): void {
    const slot = this.#slots(1);
    const top = this.#code.length;
    const exit = this.#optional(node.mode);
    this.#emit(OP.save, slot);
    this.#node(node.body, NOTHING_KNOWN);
    this.#emit(OP.loopUnlessEmpty, slot, top);
    this.#land(exit);
  }
}

/** The length of every match of a node, where they are all equally long. */
function fixedLengthBytes(node: PcreNode): number | undefined {
  switch (node.kind) {
    case 'set':
      return 1;
    case 'sequence':
      return node.items.reduce<number | undefined>((sum, item) => {
        const lengthBytes = fixedLengthBytes(item);
        return sum === undefined || lengthBytes === undefined ? undefined : sum + lengthBytes;
      }, 0);
    case 'alternation': {
      const [first, ...others] = node.branches.map(fixedLengthBytes);
      return others.every((other) => other === first) ? first : undefined;
    }
    case 'group':
    case 'atomic':
      return fixedLengthBytes(node.body);
    case 'repeat': {
      const lengthBytes = fixedLengthBytes(node.body);
      return node.min === node.max && lengthBytes !== undefined ? node.min * lengthBytes : undefined;
    }
    case 'look':
    case 'assertion':
    case 'keep':
      return 0;
    case 'backreference':
    case 'conditional':
      return undefined;
  }
}

function beginsAtSubjectStart(node: PcreNode): boolean {
  if (node.kind === 'assertion') return node.what === 'subjectStart' || node.what === 'searchStart';
  if (node.kind === 'group' || node.kind === 'atomic') return beginsAtSubjectStart(node.body);
  if (node.kind === 'alternation') return node.branches.every(beginsAtSubjectStart);
  const [first] = node.kind === 'sequence' ? node.items : [];
  return first !== undefined && beginsAtSubjectStart(first);
}
