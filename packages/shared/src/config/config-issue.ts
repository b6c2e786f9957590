import { escapeCharacter } from '../logging/sanitize.js';

/** `error` stops the start, `warning` does not. */
export type ConfigSeverity = 'error' | 'warning';

/** Whose rule it is: `clamav` = the message is ClamAV's own text (behaviour 3.3), `portcullis` = a check of ours. */
export type ConfigIssueOrigin = 'clamav' | 'portcullis';

/** One thing that is wrong with a configuration. An outcome, not a thrown error. */
export interface ConfigIssue {
  readonly severity: ConfigSeverity;
  readonly origin: ConfigIssueOrigin;
  /** Without the `ERROR: ` / `WARNING: ` prefix. May hold text from the file, control characters included. */
  readonly message: string;
  /** Line of the file, from 1, as ClamAV counts (a piece of an over-long line is a line). */
  readonly line?: number;
}

/** The issue as ClamAV prints it on stderr, without the newline; control characters are shown as `\xNN`. */
export function formatConfigIssue(issue: ConfigIssue): string {
  return `${issue.severity === 'error' ? 'ERROR' : 'WARNING'}: ${cleanControlCharacters(issue.message)}`;
}

/** What ClamAV would have printed: the warnings up to the first error, and that error. */
export function issuesUpToFirstError(issues: readonly ConfigIssue[]): readonly ConfigIssue[] {
  const at = issues.findIndex((issue) => issue.severity === 'error');
  return at === -1 ? issues : issues.slice(0, at + 1);
}

/** Text that is safe on a terminal: C0, DEL, C1 and the Unicode line and direction controls become `\xNN` or `\uNNNN`. */
export function cleanControlCharacters(text: string): string {
  // Fewer than `sanitize` escapes: clamd's own message about a byte order mark shows it as it is.
  // eslint-disable-next-line no-control-regex -- control characters are what this function is about
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, escapeCharacter);
}

/** Message texts of behaviour 3.3, the one place where they are spelled. */
export const CONFIG_MESSAGES = {
  exampleFile: (file: string) => `Please edit the example config file ${file}`,
  missingArgument: (at: string) => `Missing argument for option at ${at}`,
  missingClosingQuote: (name: string, at: string) => `Missing closing parenthesis in option ${name} at ${at}`,
  emptyArgument: (name: string, at: string) => `Empty argument for option ${name} at ${at}`,
  unknownOption: (name: string, at: string) => `Parse error at ${at}: Unknown option ${name}`,
  incorrectFormat: (name: string) => `Incorrect argument format for option ${name}`,
  /** Of the command line alone. */
  emptyString: (name: string) => `Option ${name} requires a non-empty string argument`,
  unparsableNumber: (name: string) => `Can't parse numerical argument for option ${name}`,
  sizeTooHigh: (name: string) =>
    `Numerical value for option ${name} too high, resetting to 9223372036854775807`,
  deprecatedOption: (name: string, at: string) => `Ignoring deprecated option ${name} at ${at}`,
} as const;
