import { CLAMD_CONF_PATHS, readConfigFile } from '@portcullis/shared';

/** clamd.conf, or what clamonacc says where there is none. */
export type FoundConfigFile =
  | { readonly kind: 'found'; readonly path: string; readonly bytes: Buffer }
  /** `reason`: of the last path that was tried. */
  | { readonly kind: 'none'; readonly line: string; readonly reason: string };

/**
 * The first that can be read.
 *
 * @param given - from the command line; undefined: where distributions put it.
 */
export function findConfigFile(given: string | undefined): FoundConfigFile {
  const candidates = given === undefined ? CLAMD_CONF_PATHS : [given];
  let reason = '';
  for (const path of candidates) {
    const reading = readConfigFile(path);
    if (reading.kind === 'read') return { kind: 'found', path, bytes: reading.bytes };
    reason = reading.kind === 'missing' ? 'No such file or directory' : reading.reason;
  }
  return { kind: 'none', line: cannotParse(candidates.join(', ')), reason };
}

/** In clamonacc's words. */
export function cannotParse(path: string): string {
  return `ERROR: Clamonacc: can't parse clamd configuration file ${path}`;
}
