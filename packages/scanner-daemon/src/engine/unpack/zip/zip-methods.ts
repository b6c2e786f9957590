import type { Decode } from '../codecs/decoded.js';
import { explode } from '../codecs/explode.js';
import { inflate, inflate64 } from '../codecs/inflate.js';
import { unzstd } from '../codecs/unzstd.js';
import { bunzip2, unlzmaInZip, unxz } from '../libarchive/compressed-stream.js';

/** Not packed at all: such data is scanned where it lies. */
export const METHOD_STORED = 0;

const METHOD_IMPLODED = 6;
const FLAG_LARGE_DICTIONARY = 0x0002;
const FLAG_LITERAL_TREE = 0x0004;

const METHODS: ReadonlyMap<number, Decode> = new Map<number, Decode>([
  [8, inflate],
  [9, inflate64],
  [12, bunzip2],
  [14, unlzmaInZip],
  [93, unzstd],
  [95, unxz],
]);

/** How data is unpacked, by the method number of APPNOTE.TXT, 4.4.5; undefined for a method that is not known. */
export function zipMethod(method: number, flags: number): Decode | undefined {
  if (method !== METHOD_IMPLODED) return METHODS.get(method);
  return explode({
    hasLargeDictionary: (flags & FLAG_LARGE_DICTIONARY) !== 0,
    hasLiteralTree: (flags & FLAG_LITERAL_TREE) !== 0,
  });
}
