/** What a line begins with; `plain` lines have no word for it, and `verbose` ones exist only with --verbose (behaviour 4.8). */
export type TextSeverity = 'plain' | 'verbose' | 'warning' | 'error';

/** clamonacc's own log lines, for those who read them by script: --log FILE. */
export interface TextLog {
  /** One line, without its severity. Names in it have been through `sanitize`. Never throws and never waits. */
  write(severity: TextSeverity, text: string): void;
}

const PREFIXES: Readonly<Record<TextSeverity, string>> = {
  plain: '',
  verbose: '',
  warning: 'WARNING: ',
  error: 'ERROR: ',
};

/** Room for the longest path (PATH_MAX) and its escapes: clamonacc writes paths whole. */
export const SHOWN_PATH_MAX_CHARACTERS = 8_192;

/** The line as it is written, with the severity's word and without a line end. */
export function textLine(severity: TextSeverity, text: string): string {
  return `${PREFIXES[severity]}${text}`;
}
