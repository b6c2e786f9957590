import { assertNever } from '@portcullis/shared';
import { compilePcre } from '../engine/builtin/pcre/compile-pcre.js';
import { readCdbLine } from './containers/cdb-line.js';
import { databaseError, type DatabaseError } from './database-error.js';
import type { SignatureFormat } from './database-files.js';
import { LINE_MAX_BYTES } from './line-length.js';
import { LineReader } from './line-reader.js';
import type { LogicalSignature } from './model/logical-signature.js';
import { readLdbLine } from './readers/ldb-line.js';
import { readNdbLine } from './readers/ndb-line.js';
import type { MalformedLine, OtherLevelLine, UnsupportedLine } from './readers/signature-line.js';
import type { FileReader, SignatureSink } from './signature-sink.js';

/** What a file of signatures is read with. */
export interface SignatureFileContext {
  /** For messages: the file, and the entry where it is a container. */
  readonly path: string;
  /** Whether it came out of a signed container. */
  readonly isOfficial: boolean;
  /** Whether a signature is left out, by its name and the bytes of its line; undefined: none is. */
  readonly isIgnored: ((name: string, line: Uint8Array) => boolean) | undefined;
  /** The same for formats of which clamd looks at the name alone. */
  readonly isNameIgnored: ((name: string) => boolean) | undefined;
  readonly countUnsupported: (what: string, count: number) => void;
}

/** Who takes the content of a file of this format. */
export type OpenSignatureFile = (format: SignatureFormat, context: SignatureFileContext) => FileReader;

/** The buffer for logical signatures is four times as large as the other one (observed). */
const LOGICAL_LINE_MAX_BYTES = 32_767;
const NUMBER_SIGN = 0x23;
const LINE_TOO_LONG: MalformedLine = { kind: 'malformed', reason: 'line is too long' };

/** Reads files of signatures into `sink`. */
export function createSignatureFileOpener(sink: SignatureSink): OpenSignatureFile {
  return (format, context) => {
    if (format.kind === 'hash') return openHashFile(sink, format, context);
    return openLines(format, context, (line) => takeLine(sink, { format, context }, line));
  };
}

/** What became of a line, where it was not taken. */
type RejectedLine = MalformedLine | UnsupportedLine | OtherLevelLine;

/** Reads lines that are text. @param take takes one and says what is wrong with it */
export function openLines(
  format: Exclude<SignatureFormat, { kind: 'hash' }>,
  context: SignatureFileContext,
  take: (line: string) => RejectedLine | undefined,
): FileReader {
  const { path, isIgnored } = context;
  return new LineReader({
    lineMaxBytes: format.kind === 'logical' ? LOGICAL_LINE_MAX_BYTES : LINE_MAX_BYTES,
    takeLine: (bytes, number) => {
      if (bytes[0] === NUMBER_SIGN) return;
      const line = bytes.toString('latin1');
      if (isIgnored !== undefined && isIgnoredLine(format, context, { line, bytes })) return;
      const rejected = take(line);
      if (rejected?.kind === 'malformed') throw lineError(path, number, rejected);
      if (rejected?.kind === 'unsupported') context.countUnsupported(rejected.what, 1);
    },
    onTooLong: (number) => {
      throw lineError(path, number, LINE_TOO_LONG);
    },
    onEnd: (isEmpty) => {
      if (isEmpty) throw databaseError('DATABASE_MALFORMED', { path });
    },
  });
}

/** With the place in the file and ClamAV's sentence. */
export function lineError(path: string, line: number, problem: MalformedLine): DatabaseError {
  const code = problem.invalidHash === true ? 'DATABASE_INVALID_HASH' : 'DATABASE_MALFORMED';
  return databaseError(code, { path, line, reason: problem.reason });
}

function openHashFile(
  { hashes }: SignatureSink,
  { subject }: Extract<SignatureFormat, { kind: 'hash' }>,
  { path, isOfficial, isIgnored }: SignatureFileContext,
): FileReader {
  const reader = hashes.openFile(subject, {
    origin: isOfficial ? 'official' : 'unofficial',
    ...(isIgnored === undefined
      ? {}
      : { isIgnored: ({ name, line }: { name: string; line: Uint8Array }) => isIgnored(name, line) }),
    onMalformed: (line, problem) => {
      throw lineError(path, line, problem);
    },
  });
  let isEmpty = true;
  return {
    push: (piece) => {
      isEmpty &&= piece.length === 0;
      reader.push(piece);
    },
    end: () => {
      if (isEmpty) throw databaseError('DATABASE_MALFORMED', { path });
      reader.end();
    },
  };
}

function isIgnoredLine(
  { kind }: SignatureFormat,
  { isIgnored, isNameIgnored }: SignatureFileContext,
  { line, bytes }: { readonly line: string; readonly bytes: Uint8Array },
): boolean {
  const end = line.indexOf(kind === 'logical' ? ';' : kind === 'plainBody' ? '=' : ':');
  // What has no name is the reader's to judge.
  if (end === -1) return false;
  const name = line.slice(0, end);
  if (kind === 'containerMetadata') return isNameIgnored?.(name) ?? false;
  return isIgnored?.(name, bytes) ?? false;
}

function takeLine(
  sink: SignatureSink,
  file: {
    readonly format: Exclude<SignatureFormat, { kind: 'hash' }>;
    readonly context: SignatureFileContext;
  },
  line: string,
): RejectedLine | undefined {
  const signature = readLine(file.format, line);
  switch (signature.kind) {
    case 'extended':
      sink.addExtended(signature, file.context.isOfficial);
      return undefined;
    case 'logical': {
      const problem = checkExpressions(signature, file.context);
      if (problem === undefined) sink.addLogical(signature, file.context.isOfficial);
      return problem;
    }
    case 'containerMetadata':
      sink.addContainerMetadata(signature, file.context.isOfficial);
      return undefined;
    case 'malformed':
    case 'unsupported':
    case 'otherLevel':
      return signature;
    default:
      return assertNever(signature);
  }
}

/** A regular expression that does not compile makes the line malformed; one that we cannot run is counted. */
function checkExpressions(
  { conditions, subsignatures }: LogicalSignature,
  { countUnsupported }: SignatureFileContext,
): MalformedLine | undefined {
  if (conditions.needsIcon) countUnsupported('icon group', 1);
  for (const subsignature of subsignatures) {
    if (subsignature.kind === 'unsupported') countUnsupported(subsignature.what, 1);
    if (subsignature.kind === 'macro') countUnsupported('macro', 1);
    if (subsignature.kind !== 'pcre') continue;
    const compiled = compilePcre(subsignature.pattern, subsignature.flags);
    if (compiled.kind === 'malformed') return compiled;
    if (compiled.kind === 'unsupported') countUnsupported('regular expression', 1);
  }
  return undefined;
}

function readLine(format: Exclude<SignatureFormat, { kind: 'hash' }>, line: string) {
  switch (format.kind) {
    case 'extended':
      return readNdbLine(line);
    case 'plainBody':
      return readPlainBodyLine(line);
    case 'logical':
      return readLdbLine(line);
    case 'containerMetadata':
      return readCdbLine(line);
    default:
      return assertNever(format);
  }
}

/** `name=hex` of `.db`: an extended signature for any file and any place. */
function readPlainBodyLine(line: string) {
  const [name = '', body, ...rest] = line.split('=');
  if (body === undefined || rest.length > 0 || body.includes(':')) {
    return { kind: 'malformed', reason: 'not name=hex' } as const;
  }
  if (name === '') return { kind: 'malformed', reason: 'empty signature name' } as const;
  // The name may hold what separates fields elsewhere.
  const signature = readNdbLine(`x:0:*:${body}`);
  return signature.kind === 'extended' ? { ...signature, name } : signature;
}
