const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** More of a header is not looked at; what matters stands in the first few hundred bytes. */
const FIELD_MAX_BYTES = 64 * 1024;

/** What the headers of a mail, or of a part of one, say about its body. */
export interface MimeHeaders {
  /** Main type, a slash and the subtype in lower case; empty where there is none. */
  readonly contentType: string;
  readonly boundary: string | undefined;
  /** `filename=` or `name=`, as it is spelled. */
  readonly fileName: string;
  /** There is a `name=` in Content-Type. */
  readonly hasTypeName: boolean;
  readonly hasDisposition: boolean;
  /** What Content-Transfer-Encoding says, in lower case, one for each word of each such header. */
  readonly encodings: readonly string[];
  /** Where the body begins. */
  readonly bodyStart: number;
}

/** Where the line that begins at `start` ends, without its line end, and where the next one begins. */
export interface Line {
  readonly end: number;
  readonly next: number;
}

/** LF, CRLF and a CR alone end a line (observed). */
export function lineAt(bytes: Buffer, start: number, end: number): Line {
  let at = start;
  while (at < end && bytes[at] !== LINE_FEED && bytes[at] !== CARRIAGE_RETURN) at += 1;
  const isCrLf = bytes[at] === CARRIAGE_RETURN && bytes[at + 1] === LINE_FEED;
  return { end: at, next: Math.min(at + (isCrLf ? 2 : 1), end) };
}

/** Reads headers up to the first empty line. Lines that are no header are skipped. */
export function readHeaders(bytes: Buffer, start: number, end: number): MimeHeaders {
  const fields = new HeaderFields();
  let at = start;
  while (at < end) {
    const line = lineAt(bytes, at, end);
    const text = bytes.toString('latin1', at, Math.min(line.end, at + FIELD_MAX_BYTES));
    const isEmpty = line.end === at;
    at = line.next;
    if (isEmpty) break;
    fields.addLine(text);
  }
  return { ...fields.finish(), bodyStart: at };
}

/** Collects the few headers that matter, unfolded. */
class HeaderFields {
  #contentType = '';
  #disposition: string | undefined;
  readonly #encodings: string[] = [];
  #name = '';
  #value = '';

  addLine(line: string): void {
    if (line.startsWith(' ') || line.startsWith('\t')) {
      if (this.#value.length + line.length <= FIELD_MAX_BYTES) this.#value += ` ${line.trim()}`;
      return;
    }
    this.#endField();
    const colon = line.indexOf(':');
    this.#name = colon === -1 ? '' : line.slice(0, colon).toLowerCase();
    this.#value = line.slice(colon + 1).trim();
  }

  finish(): Omit<MimeHeaders, 'bodyStart'> {
    this.#endField();
    const { value, parameters } = readParameters(this.#contentType);
    const disposition =
      this.#disposition === undefined ? undefined : readParameters(this.#disposition).parameters;
    return {
      contentType: value.toLowerCase(),
      boundary: parameters.get('boundary'),
      fileName: disposition?.get('filename') ?? parameters.get('name') ?? parameters.get('filename') ?? '',
      hasTypeName: parameters.has('name'),
      hasDisposition: disposition !== undefined,
      encodings: this.#encodings,
    };
  }

  #endField(): void {
    if (this.#name === 'content-type') this.#contentType = this.#value;
    if (this.#name === 'content-disposition') this.#disposition = this.#value;
    if (this.#name === 'content-transfer-encoding' && this.#encodings.length < ENCODINGS_MAX)
      this.#encodings.push(...readEncodings(this.#value));
    this.#name = '';
    this.#value = '';
  }
}

/** About so many words count: nobody needs more. */
const ENCODINGS_MAX = 4;

function readEncodings(value: string): readonly string[] {
  const words = withoutComments(value)
    .toLowerCase()
    .split(/[\s,;"]+/)
    .filter((word) => word !== '');
  return words.slice(0, ENCODINGS_MAX);
}

function readParameters(field: string): {
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
} {
  const text = withoutComments(field.slice(0, PARAMETERS_MAX_CHARACTERS));
  const semicolon = text.indexOf(';');
  const parameters = new Map<string, string>();
  if (semicolon === -1) return { value: text.trim(), parameters };
  let at = semicolon + 1;
  while (at < text.length) {
    at += matchAt(BLANKS, text, at).length;
    const name = matchAt(NAME, text, at);
    at += name.length;
    at += matchAt(BLANKS, text, at).length;
    if (text.charAt(at) !== '=' || name === '') {
      // Whatever else stands here parts one parameter from the next.
      if (text.charAt(at) === '' || matchAt(NAME, text, at) === '') at += 1;
      continue;
    }
    at += 1;
    at += matchAt(BLANKS, text, at).length;
    const value = text.charAt(at) === '"' ? matchAt(QUOTED, text, at) : matchAt(PLAIN, text, at);
    at += value.length;
    const key = name.toLowerCase();
    if (!parameters.has(key)) parameters.set(key, unquote(value));
  }
  return { value: text.slice(0, semicolon).trim(), parameters };
}

/** What is behind names nothing that a part needs. */
const PARAMETERS_MAX_CHARACTERS = 8192;

/** A parameter: its name, `=`, and a value in quotes or without. Each looks at a character once. */
const NAME = /[^\s;="]*/y;
const BLANKS = /\s*/y;
const QUOTED = /"(?:[^"\\]|\\.)*"?/y;
const PLAIN = /[^\s;]*/y;

function matchAt(expression: RegExp, text: string, at: number): string {
  expression.lastIndex = at;
  return expression.exec(text)?.[0] ?? '';
}

function unquote(value: string): string {
  if (!value.startsWith('"')) return value;
  const end = value.length > 1 && value.endsWith('"') && !value.endsWith('\\"') ? -1 : undefined;
  return value.slice(1, end).replace(/\\(.)/g, '$1');
}

/** Without what stands in parentheses, unless within quotes (RFC 5322, section 3.2.2). */
function withoutComments(field: string): string {
  if (!field.includes('(')) return field;
  let text = '';
  let depth = 0;
  let isQuoted = false;
  for (const character of field) {
    if (character === '"' && depth === 0) isQuoted = !isQuoted;
    if (character === '(' && !isQuoted) depth += 1;
    if (depth === 0) text += character;
    if (character === ')' && depth > 0) depth -= 1;
  }
  return text;
}
