import { CLAMD_CONF_PATHS, formatConfigIssue, issuesUpToFirstError } from '@portcullis/shared';
import { readClamdConfig, readConfigFile } from '@portcullis/shared';
import type { ClamdConfig } from '@portcullis/shared';

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
  const candidates = given === undefined ? CLAMD_CONF_PATHS : [given];
  const refusal = `ERROR: Clamonacc: can't parse clamd configuration file ${candidates.join(', ')}`;
  for (const path of candidates) {
    const found = readConfigFile(path);
    if (found.kind !== 'read') continue;
    const { config, issues } = readClamdConfig(found.bytes, path);
    if (config !== undefined) return { kind: 'read', config };
    return { kind: 'refused', lines: [...issuesUpToFirstError(issues).map(formatConfigIssue), refusal] };
  }
  return { kind: 'refused', lines: [refusal] };
}
