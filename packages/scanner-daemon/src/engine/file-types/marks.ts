import type { FileType } from './file-type.js';

/** Spellings of a tag that count: not every mix of cases does (observed). */
function spellings(...words: readonly string[]): Buffer[] {
  return words.map((word) => Buffer.from(word, 'latin1'));
}

/** Tags that make a file HTML wherever they stand. */
export const TAGS: readonly Buffer[] = [
  ...spellings('<html>', '<HTML>', '<Html>', '<head>', '<HEAD>', '<Head>'),
  ...spellings('<iframe', '<IFRAME', '<img', '<IMG', '<Img'),
  ...spellings('<object', '<OBJECT', '<Object', '<script', '<SCRIPT', '<Script'),
  ...spellings('<table', '<TABLE'),
];
/** A link makes it HTML together with one of {@link REFERENCES} behind it. */
export const ANCHORS = spellings('<a ', '<A ');
/** What makes a link out of an anchor. */
export const REFERENCES = spellings('href', 'HREF', 'Href');

const wide = (words: readonly Buffer[]): Buffer[] =>
  words.map((word) => Buffer.from(word.toString('latin1'), 'utf16le'));
const WIDE_TAGS = wide(TAGS);

/** True when one of the tags stands in the window that make clamscan 1.4.6 take a file for HTML. */
export function hasHtmlMark(window: Uint8Array): boolean {
  const bytes = asBuffer(window);
  if (!bytes.includes(0x3c)) return false;
  if (TAGS.some((tag) => bytes.includes(tag))) return true;
  return ANCHORS.some((anchor) => {
    const at = bytes.indexOf(anchor);
    return at !== -1 && REFERENCES.some((reference) => bytes.includes(reference, at + anchor.length));
  });
}

/** The same for UTF-16LE, which clamscan looks for without a byte order mark too. */
export function hasWideHtmlMark(window: Uint8Array): boolean {
  const bytes = asBuffer(window);
  return bytes.includes(0) && WIDE_TAGS.some((tag) => bytes.includes(tag));
}

const MAIL_MARKS = spellings('\nFrom: ', '\nReceived: ', '\nMIME-Version: ');

/**
 * Where a header stands that begins a mail within a text, as in one that came back; -1 where there is none. The type of
 * the file stays what it is, but the mail in it is looked into (observed).
 */
export function findMailMark(window: Uint8Array): number {
  const bytes = asBuffer(window);
  const found = MAIL_MARKS.map((mark) => bytes.indexOf(mark)).filter((at) => at !== -1);
  return found.length === 0 ? -1 : Math.min(...found) + 1;
}

const PE_GAP_MIN = 60;
const PE_GAP_MAX = 300;
const PE_SIGNATURE = Buffer.from('PE\0\0', 'latin1');

/** `MZ`, 60 to 300 bytes, `PE\0\0`: a PE file behind something else. */
export function findPe(window: Uint8Array): number {
  const bytes = asBuffer(window);
  let at = bytes.indexOf('MZ', 0, 'latin1');
  while (at !== -1) {
    const from = at + 2 + PE_GAP_MIN;
    const found = bytes.subarray(0, at + 2 + PE_GAP_MAX + PE_SIGNATURE.length).indexOf(PE_SIGNATURE, from);
    if (found !== -1) return at;
    at = bytes.indexOf('MZ', at + 1, 'latin1');
  }
  return -1;
}

interface EmbeddedMark {
  readonly bytes: Buffer;
  readonly type: FileType;
}

const mark = (type: FileType, hexBytes: string): EmbeddedMark => ({
  bytes: Buffer.from(hexBytes, 'hex'),
  type,
});

const EMBEDDED_MARKS: readonly EmbeddedMark[] = [
  mark('nsis', 'efbeadde4e756c6c736f6674496e7374'),
  mark('autoit', 'a3484bbe986c4aa9994c530a86d6487d4155332145413035'),
  mark('autoit', 'a3484bbe986c4aa9994c530a86d6487d4155332145413036'),
  mark('xdp', Buffer.from('<xdp:xdp').toString('hex')),
  mark('udf', '004245413031'),
];

/** The type of a mark that stands anywhere in the window and outranks text and HTML. */
export function findEmbeddedMark(window: Uint8Array): FileType | undefined {
  const bytes = asBuffer(window);
  return EMBEDDED_MARKS.find((candidate) => bytes.includes(candidate.bytes))?.type;
}

/** `%PDF-`, any byte, a dot: a PDF behind something else. */
export function hasPdfMark(window: Uint8Array): boolean {
  const bytes = asBuffer(window);
  let at = bytes.indexOf('%PDF-', 0, 'latin1');
  while (at !== -1) {
    if (bytes[at + 6] === 0x2e) return true;
    at = bytes.indexOf('%PDF-', at + 1, 'latin1');
  }
  return false;
}

function asBuffer(window: Uint8Array): Buffer {
  return Buffer.from(window.buffer, window.byteOffset, window.byteLength);
}
