import { formatConfigIssue, issuesUpToFirstError, readClamdConfig } from '@portcullis/shared';
import type { ClamdConfig } from '@portcullis/shared';
import { cannotParse, findConfigFile } from '../find-config-file.js';

/** What a question to the daemon needs of clamd.conf. */
export type ListenReading =
  | { readonly kind: 'read'; readonly config: Pick<ClamdConfig, 'listen' | 'onAccess'> }
  /** One line each, as ClamAV would print them. */
  | { readonly kind: 'refused'; readonly lines: readonly string[] };

/**
 * Reads clamd.conf for --version and --ping, which need no directory to protect.
 *
 * @param given - from the command line; undefined: looked for where distributions put it.
 */
export function readListen(given: string | undefined): ListenReading {
  const found = findConfigFile(given);
  if (found.kind === 'none') return { kind: 'refused', lines: [found.line] };
  const { config, issues } = readClamdConfig(found.bytes, found.path);
  if (config !== undefined) return { kind: 'read', config };
  const lines = issuesUpToFirstError(issues).map(formatConfigIssue);
  return { kind: 'refused', lines: [...lines, cannotParse(found.path)] };
}
