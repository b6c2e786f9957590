import { parseBool, readConfigFile, type ConfigIssue } from '@portcullis/shared';

/** How ClamAV complains of the option, which it ignores since 0.102 (behaviour 3.4). */
const IGNORED = 'Ignoring deprecated option ScanOnAccess at ';
/** Behaviour 3.1: a line of clamd.conf is read into 1024 bytes, the last of which is the terminator. */
const LINE_BYTES_MAX = 1023;

/** `unknown`: it stands there, and the file cannot be read a second time. */
export type ScanOnAccess = 'yes' | 'no' | 'unknown';

/**
 * What `ScanOnAccess` in clamd.conf says. The reader of the file knows the option as one without effect and tells the line;
 * the value is read from there, the first one counting.
 *
 * @param issues - what reading the file has brought up.
 */
export function readScanOnAccess(
  configFile: string | undefined,
  issues: readonly ConfigIssue[],
): ScanOnAccess {
  const issue = issues.find(({ message }) => message.startsWith(IGNORED));
  if (issue?.line === undefined || configFile === undefined) return 'no';
  const reading = readConfigFile(configFile);
  if (reading.kind !== 'read' || reading.isPipe) return 'unknown';
  return readValue(lineOf(reading.bytes, issue.line));
}

function readValue(line: string | undefined): ScanOnAccess {
  const value = /^[ \t]*ScanOnAccess[ \t]+"?([^"\n]*?)"?[ \t]*\n?$/.exec(line ?? '')?.[1];
  if (value === undefined) return 'unknown';
  const parsed = parseBool(value);
  return parsed.kind === 'value' && parsed.value === true ? 'yes' : 'no';
}

/** As the lexer counts them: a piece of an over-long line is a line. */
function lineOf(bytes: Buffer, wanted: number): string | undefined {
  let start = 0;
  for (let line = 1; start < bytes.length; line += 1) {
    const newline = bytes.indexOf(0x0a, start);
    const lineEnd = newline === -1 ? bytes.length : newline + 1;
    const end = Math.min(lineEnd, start + LINE_BYTES_MAX);
    if (line === wanted) return bytes.toString('latin1', start, end);
    start = end;
  }
  return undefined;
}
