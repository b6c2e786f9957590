import type { PcreMatcher } from '../../engine/builtin/pcre/pcre-matcher.js';
import { parsePcre } from '../../engine/builtin/pcre/parse-pcre.js';
import { PcreSyntaxError } from '../../engine/builtin/pcre/pcre-syntax.js';
import type { ParsedPcre, PcreNode } from '../../engine/builtin/pcre/pcre-syntax.js';

const ATTEMPTS = 16;
const LENGTH_MAX_BYTES = 1 << 16;
/** Millions of steps that all the searches for one expression may take together. */
const FUEL = 3;
const SURROUNDINGS = ['', '\n', ' ', 'q', '.'];
/** Bytes in the order in which a set is asked for one. */
const PREFERRED = Buffer.from('qzkvwjxgpybdfhmnrtucaeilos0123456789 _-./=,:;"\'()<>\n');

/** The bytes, and where in them the match begins. */
export interface RenderedPcre {
  readonly bytes: Uint8Array;
  readonly leadBytes: number;
}

/** A string that a regular expression matches, checked with our matcher; undefined where none is found. */
export function renderPcre(
  subsignature: { readonly pattern: string; readonly flags: string },
  matcher: PcreMatcher,
): RenderedPcre | undefined {
  const syntax = parsed(subsignature);
  if (syntax === undefined) return undefined;
  let fuel = FUEL;
  const limits = { matchLimit: 20_000, recursionLimit: 2000, mayContinue: () => --fuel > 0 };
  for (let attempt = 0; attempt < ATTEMPTS && fuel > 0; attempt++) {
    const core = new Rendering(attempt, syntax.groupsByName).render(syntax.root);
    if (core.length > LENGTH_MAX_BYTES) continue;
    const edges = SURROUNDINGS.length;
    for (let both = 0; both < (attempt < 2 ? edges * edges : 3) && fuel > 0; both++) {
      const lead = SURROUNDINGS[both % edges] ?? '';
      const tail = SURROUNDINGS[Math.floor(both / edges)] ?? '';
      const bytes = Uint8Array.from([...Buffer.from(lead), ...core, ...Buffer.from(tail)]);
      if (bytes.length === 0) continue;
      const outcome = matcher.match(subsignature, bytes, { kind: 'any' }, limits);
      if (outcome.kind === 'matched') return { bytes, leadBytes: outcome.firstOffset };
    }
  }
  return undefined;
}

function parsed({
  pattern,
  flags,
}: {
  readonly pattern: string;
  readonly flags: string;
}): ParsedPcre | undefined {
  try {
    return parsePcre(pattern, new Set(flags));
  } catch (failure) {
    if (failure instanceof PcreSyntaxError) return undefined;
    throw failure;
  }
}

/** One attempt: which branch, which byte, how many more than the least follow from its number. */
class Rendering {
  readonly #attempt: number;
  readonly #groupsByName: ReadonlyMap<string, number>;
  readonly #groups = new Map<number, readonly number[]>();
  #choices = 0;

  constructor(attempt: number, groupsByName: ReadonlyMap<string, number>) {
    this.#attempt = attempt;
    this.#groupsByName = groupsByName;
  }

  render(node: PcreNode): readonly number[] {
    switch (node.kind) {
      case 'set':
        return this.#byteOf(node.set);
      case 'sequence':
        return this.#sequence(node.items);
      case 'alternation':
        return this.render(this.#pick(node.branches));
      case 'group': {
        const bytes = this.render(node.body);
        this.#groups.set(node.index, bytes);
        return bytes;
      }
      case 'atomic':
        return this.render(node.body);
      case 'repeat':
        return this.#repeated(node);
      case 'look':
        return node.negated || this.#attempt % 2 === 1 ? [] : this.render(node.body);
      case 'backreference':
        return this.#textOf(node.group) ?? [];
      case 'conditional':
        return this.render(
          typeof node.group === 'number' && this.#groups.has(node.group) ? node.yes : node.no,
        );
      case 'assertion':
        return node.what === 'lineStart' || node.what === 'lineEnd' ? this.#lineEdge() : [];
      case 'keep':
        return [];
    }
  }

  /** What a group stands for so far. */
  #textOf(group: number | string): readonly number[] | undefined {
    const index = typeof group === 'number' ? group : this.#groupsByName.get(group);
    return index === undefined ? undefined : this.#groups.get(index);
  }

  #sequence(items: readonly PcreNode[]): readonly number[] {
    const bytes: number[] = [];
    for (const item of items) {
      if (bytes.length > LENGTH_MAX_BYTES) break;
      for (const byte of this.render(item)) bytes.push(byte);
    }
    return bytes;
  }

  #repeated(node: Extract<PcreNode, { kind: 'repeat' }>): readonly number[] {
    const extra = this.#attempt >= 4 && this.#random() % 2 === 1 ? 1 : 0;
    const times = Math.min(node.max, node.min + extra, 2000);
    const bytes: number[] = [];
    for (let time = 0; time < times && bytes.length <= LENGTH_MAX_BYTES; time++)
      for (const byte of this.render(node.body)) bytes.push(byte);
    return bytes;
  }

  #lineEdge(): readonly number[] {
    return this.#attempt >= 8 && this.#random() % 2 === 1 ? [0x0a] : [];
  }

  #byteOf(set: Uint8Array): readonly number[] {
    const members = [...PREFERRED].filter((byte) => set[byte] === 1);
    if (members.length > 0) {
      const index = this.#attempt < 2 ? 0 : this.#random() % members.length;
      return members.slice(index, index + 1);
    }
    const first = set.indexOf(1);
    return first === -1 ? [] : [first];
  }

  #pick(branches: readonly PcreNode[]): PcreNode {
    const index = this.#attempt < 2 ? 0 : this.#random() % branches.length;
    return branches[index] ?? { kind: 'sequence', items: [] };
  }

  /** The same for the same attempt and place. */
  #random(): number {
    this.#choices += 1;
    return (Math.imul(this.#choices * 31 + this.#attempt * 7919, 2654435761) >>> 8) & 0xffff;
  }
}
