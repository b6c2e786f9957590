import { NameTableBuilder } from '../../names/name-table.js';
import type { NameTable, SignatureOrigin } from '../../names/name-table.js';
import { HashDatabaseBuilder } from '../hash-database-builder.js';
import type { HashFileOptions } from '../hash-file-reader.js';
import type { HashLineProblem } from '../hash-line.js';
import type { HashDatabase, HashSubject } from '../hash-table.js';

/** What {@link failOnMalformed} throws. */
export class MalformedHashLine extends Error {
  readonly lineNumber: number;
  readonly problem: HashLineProblem;

  constructor(lineNumber: number, problem: HashLineProblem) {
    super(`line ${lineNumber}: ${problem.reason}`);
    this.lineNumber = lineNumber;
    this.problem = problem;
  }
}

/** For {@link HashFileOptions.onMalformed}. */
export function failOnMalformed(lineNumber: number, problem: HashLineProblem): never {
  throw new MalformedHashLine(lineNumber, problem);
}

/** A small database. Lines are latin1. */
export function hashDatabase(
  files: Partial<Record<HashSubject, readonly string[]>>,
  origin: SignatureOrigin = 'official',
): { readonly hashes: HashDatabase; readonly names: NameTable } {
  const names = new NameTableBuilder();
  const builder = new HashDatabaseBuilder(names);
  const options: HashFileOptions = { origin, onMalformed: failOnMalformed };
  for (const subject of ['file', 'falsePositive', 'section', 'importList'] as const) {
    builder.addFile(subject, Buffer.from((files[subject] ?? []).join('\n'), 'latin1'), options);
  }
  return { hashes: builder.finish(), names: names.finish() };
}

/** How many signatures a file has, or what clamscan would call its error. */
export function acceptance(subject: HashSubject, content: string): number | 'malformed' | 'invalid hash' {
  const builder = new HashDatabaseBuilder(new NameTableBuilder());
  try {
    builder.addFile(subject, Buffer.from(content, 'latin1'), {
      origin: 'official',
      onMalformed: failOnMalformed,
    });
  } catch (error) {
    if (!(error instanceof MalformedHashLine)) throw error;
    return error.problem.invalidHash === true ? 'invalid hash' : 'malformed';
  }
  return builder.signatureCount;
}
