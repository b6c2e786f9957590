import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ExtendedSignature, LogicalSignature } from '../../src/database/model/logical-signature.js';
import { readLdbLine } from '../../src/database/readers/ldb-line.js';
import { readNdbLine } from '../../src/database/readers/ndb-line.js';

/** A line of a body signature database. */
export interface SignatureLine {
  readonly file: string;
  readonly number: number;
  readonly text: string;
}

const EXTENSION = /\.(?:ndb|ndu|ldb|ldu)$/;

/** Every line of the files of body signatures in a directory (or of one file), comments left out. */
export function readSignatureLines(path: string): readonly SignatureLine[] {
  const files = statSync(path).isDirectory()
    ? readdirSync(path)
        .sort()
        .map((name) => join(path, name))
    : [path];
  return files
    .filter((file) => EXTENSION.test(file))
    .flatMap((file) =>
      readFileSync(file, 'latin1')
        .split('\n')
        .map((text, index) => ({ file, number: index + 1, text: text.replace(/\r$/, '') }))
        .filter(({ text }) => text !== '' && !text.startsWith('#')),
    );
}

/** Reads a line with the daemon's own readers; a sentence where it is no signature for this level. */
export function parseSignatureLine({
  file,
  text,
}: SignatureLine): LogicalSignature | ExtendedSignature | string {
  const read = /\.nd[bu]$/.test(file) ? readNdbLine(text) : readLdbLine(text);
  switch (read.kind) {
    case 'logical':
    case 'extended':
      return read;
    case 'malformed':
      return `malformed: ${JSON.stringify(read)}`;
    case 'unsupported':
      return `unsupported: ${JSON.stringify(read)}`;
    case 'otherLevel':
      return 'for another level';
  }
}

/** `count` of the items, spread evenly. */
export function sampleOf<Item>(items: readonly Item[], count: number): readonly Item[] {
  if (count >= items.length) return items;
  const step = items.length / count;
  return Array.from({ length: count }, (_, index) => items[Math.floor((index + 0.5) * step)]).filter(
    (item) => item !== undefined,
  );
}
