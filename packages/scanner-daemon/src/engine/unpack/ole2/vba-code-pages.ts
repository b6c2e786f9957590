/** Names that TextDecoder knows of the code pages that VBA projects are written in (PROJECTCODEPAGE, [MS-OVBA] 2.3.4.2.1.4). */
const ENCODINGS = new Map<number, string>([
  [874, 'windows-874'],
  [932, 'shift_jis'],
  [936, 'gbk'],
  [949, 'euc-kr'],
  [950, 'big5'],
  ...Array.from({ length: 9 }, (_, index): [number, string] => [1250 + index, `windows-${1250 + index}`]),
  [10000, 'macintosh'],
  [10007, 'x-mac-cyrillic'],
  [20866, 'koi8-r'],
  [65001, 'utf-8'],
]);

/** Text in a code page, as UTF-8; undefined for a code page that is not known. */
export function decodeCodePage(codePage: number, bytes: Buffer): Buffer | undefined {
  const encoding = ENCODINGS.get(codePage);
  if (encoding === undefined) return undefined;
  return Buffer.from(new TextDecoder(encoding, { ignoreBOM: true }).decode(bytes));
}
