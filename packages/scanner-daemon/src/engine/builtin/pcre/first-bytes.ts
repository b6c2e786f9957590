import { addAll, type ByteSet } from './byte-set.js';
import type { PcreNode } from './pcre-syntax.js';

/** What a match of a node can begin with. */
export interface FirstBytes {
  /** Of its first byte, where it takes one. */
  readonly set: ByteSet;
  /** It can match without taking a byte: what follows it counts too. */
  readonly canBeEmpty: boolean;
}

/** For what may be followed by anything. */
export const NOTHING_KNOWN: FirstBytes = { set: new Uint8Array(256), canBeEmpty: true };
const ANYTHING: FirstBytes = { set: new Uint8Array(256).fill(1), canBeEmpty: true };

/** Nodes never change, and each is asked for again by whatever stands around it. */
const known = new WeakMap<PcreNode, FirstBytes>();

/** The bytes that a match of `node` can begin with: never too few. */
export function firstBytesOf(node: PcreNode): FirstBytes {
  if (node.kind === 'set') return { set: node.set, canBeEmpty: false };
  let first = known.get(node);
  if (first === undefined) {
    first = findFirstBytes(node);
    known.set(node, first);
  }
  return first;
}

/** {@link firstBytesOf} for `first` with `next` behind it. */
export function followedBy(first: FirstBytes, next: FirstBytes): FirstBytes {
  if (!first.canBeEmpty) return first;
  const set = first.set.slice();
  addAll(set, next.set);
  return { set, canBeEmpty: next.canBeEmpty };
}

function findFirstBytes(node: Exclude<PcreNode, { kind: 'set' }>): FirstBytes {
  switch (node.kind) {
    case 'sequence':
      return firstOfSequence(node.items);
    case 'alternation':
      return firstOfAny(node.branches);
    case 'conditional':
      return firstOfAny([node.yes, node.no]);
    case 'group':
    case 'atomic':
      return firstBytesOf(node.body);
    case 'repeat': {
      const body = firstBytesOf(node.body);
      return { set: body.set, canBeEmpty: body.canBeEmpty || node.min === 0 };
    }
    case 'backreference':
      return ANYTHING;
    case 'look':
    case 'assertion':
    case 'keep':
      return NOTHING_KNOWN;
  }
}

/** {@link firstBytesOf} for nodes one behind the other. */
function firstOfSequence(items: readonly PcreNode[]): FirstBytes {
  const set = new Uint8Array(256);
  for (const item of items) {
    const first = firstBytesOf(item);
    addAll(set, first.set);
    if (!first.canBeEmpty) return { set, canBeEmpty: false };
  }
  return { set, canBeEmpty: true };
}

function firstOfAny(branches: readonly PcreNode[]): FirstBytes {
  const set = new Uint8Array(256);
  let canBeEmpty = false;
  for (const branch of branches) {
    const first = firstBytesOf(branch);
    addAll(set, first.set);
    canBeEmpty ||= first.canBeEmpty;
  }
  return { set, canBeEmpty };
}
