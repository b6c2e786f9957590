import { addAll, type ByteSet } from './byte-set.js';
import type { PcreNode } from './pcre-syntax.js';

/** What a match of a node can begin with. */
export interface FirstBytes {
  readonly set: ByteSet;
  /** It can match without taking a byte: what follows it counts too. */
  readonly canBeEmpty: boolean;
}

/** The bytes that a match of `node` can begin with: never too few. */
export function firstBytesOf(node: PcreNode): FirstBytes {
  switch (node.kind) {
    case 'set':
      return { set: node.set, canBeEmpty: false };
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
      return { set: new Uint8Array(256).fill(1), canBeEmpty: true };
    case 'look':
    case 'assertion':
    case 'keep':
      return { set: new Uint8Array(256), canBeEmpty: true };
  }
}

/** {@link firstBytesOf} for nodes one behind the other. */
export function firstOfSequence(items: readonly PcreNode[]): FirstBytes {
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
