import { imageKey } from './image-format.js';

/** Deeper than a database. */
const DEPTH_MAX = 64;

/**
 * A digest of how a tree is built: the names of its fields and the types of its leaves, whatever they hold. Of a list the
 * first element counts for all. 64 hexadecimal digits.
 */
export function treeShape(tree: unknown): string {
  return imageKey([JSON.stringify(shapeOf(tree, 0))]);
}

function shapeOf(value: unknown, depth: number): unknown {
  if (depth > DEPTH_MAX) throw new RangeError('a tree too deep for a shape');
  if (typeof value !== 'object' || value === null) return typeof value;
  if (ArrayBuffer.isView(value)) return Object.prototype.toString.call(value);
  if (Array.isArray(value)) return value.slice(0, 1).map((element) => shapeOf(element, depth + 1));
  return Object.entries(value).map(([key, child]) => [key, shapeOf(child, depth + 1)]);
}
