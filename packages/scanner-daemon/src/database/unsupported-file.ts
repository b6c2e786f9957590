import { databaseError } from './database-error.js';
import type { DatabaseFileClass } from './database-files.js';
import { LineReader } from './line-reader.js';
import { lineError } from './open-signature-file.js';
import { malformed } from './readers/signature-line.js';
import type { FileReader } from './signature-sink.js';

const NUMBER_SIGN = 0x23;
/** Whatever clamd makes of long lines in them: they are not read, only counted. */
const LINE_MAX_BYTES = 16 * 1024 * 1024;
/** Where a bytecode has its logical signature; one without is run at other times, and clamd does not count it. */
const BYTECODE_TRIGGER_LINE = 2;
const YARA_RULE = /^\s*(?:(?:private|global)\s+)*rule\s+\w/;

interface UnsupportedFileContext {
  readonly path: string;
  readonly count: (what: string, count: number) => void;
}

/** Counts the signatures of a file that has no reader, and refuses it where clamd was seen to, as far as that is cheap. */
export function openUnsupportedFile(
  { what, rule }: Extract<DatabaseFileClass, { kind: 'unsupported' }>,
  { path, count }: UnsupportedFileContext,
): FileReader {
  let found = 0;
  return new LineReader({
    lineMaxBytes: LINE_MAX_BYTES,
    takeLine: (bytes, number) => {
      if (rule === 'bytecode') {
        if (number === BYTECODE_TRIGGER_LINE && bytes.includes(';')) found = 1;
      } else if (rule === 'yaraRules') {
        if (YARA_RULE.test(bytes.toString('latin1'))) found++;
      } else if (bytes[0] !== NUMBER_SIGN && bytes.length > 0) {
        if (rule === 'linesWithColon' && !bytes.includes(':'))
          throw lineError(path, number, malformed('no colon'));
        found++;
      }
    },
    onTooLong: (number) => {
      throw lineError(path, number, malformed('line is too long'));
    },
    onEnd: (isEmpty) => {
      if (isEmpty && rule === 'linesNotEmpty') throw databaseError('DATABASE_MALFORMED', { path });
      if (found > 0) count(what, found);
    },
  });
}
