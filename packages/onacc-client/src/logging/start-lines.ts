import { sanitize } from '@portcullis/shared';
import { SHOWN_PATH_MAX_CHARACTERS, type TextSeverity } from './text-log.js';

/** What there is to say when protection is up. Paths as configured. */
export interface StartFacts {
  readonly mode: 'prevention' | 'notify-only';
  readonly isLocal: boolean;
  readonly transfer: 'descriptor' | 'stream';
  readonly strategy: 'directory' | 'mount' | 'filesystem';
  /** `single`: the directory alone (OnAccessDisableDDD). */
  readonly depth: 'tree' | 'single';
  readonly roots: readonly { readonly path: string; readonly state: 'protected' | 'missing' | 'partial' }[];
  readonly excluded: readonly string[];
  readonly extraScanning: boolean;
  /** OnAccessMaxFileSize; `Infinity` for no limit. */
  readonly maxFileBytes: number;
}

export interface StartLine {
  readonly severity: TextSeverity;
  readonly text: string;
}

/** What clamonacc calls no limit. */
const NO_LIMIT_BYTES = '9223372036854775807';

/** clamonacc's lines of a start (behaviour 4.8, and as seen with 1.4.6), as far as they are true of us. */
export function startLines(facts: StartFacts): StartLine[] {
  const { mode, isLocal, transfer, roots, excluded, extraScanning, maxFileBytes } = facts;
  const verbose = (text: string): StartLine => ({ severity: 'verbose', text });
  const plain = (text: string): StartLine => ({ severity: 'plain', text });
  const limit = Number.isFinite(maxFileBytes) ? String(maxFileBytes) : NO_LIMIT_BYTES;
  return [
    verbose(`ClamClient: client setup to scan via ${transfer === 'descriptor' ? 'fd passing' : 'streaming'}`),
    verbose(`Clamonacc: daemon is ${isLocal ? 'local' : 'remote'}`),
    verbose(
      mode === 'prevention'
        ? 'ClamFanotif: kernel-level blocking feature enabled ... preventing malicious files access attempts'
        : 'ClamFanotif: kernel-level blocking feature disabled ...',
    ),
    verbose(`ClamFanotif: max file size limited to ${limit} bytes`),
    ...roots.flatMap((root) => watchLines(root, facts)),
    ...excluded.map((path) => plain(`ClamInotif: excluding '${shown(path)}' (and all sub-directories)`)),
    ...(extraScanning ? [plain('ClamInotif: extra scanning on inotify events enabled')] : []),
  ];
}

function watchLines(root: StartFacts['roots'][number], { strategy, depth }: StartFacts): StartLine[] {
  const at = `'${shown(root.path)}'`;
  const warning = (text: string): StartLine => ({ severity: 'warning', text });
  if (root.state === 'missing')
    return [warning(`ClamInotif: ${at} does not exist yet: it is watched once it does`)];
  const watching: StartLine = { severity: 'plain', text: watchText(at, strategy, depth) };
  if (root.state === 'protected') return [watching];
  return [watching, warning(`ClamInotif: parts of ${at} are not watched: onacc-client status says which`)];
}

function watchText(at: string, strategy: StartFacts['strategy'], depth: StartFacts['depth']): string {
  if (depth === 'single') return `ClamFanotif: watching directory ${at} (non-recursively)`;
  switch (strategy) {
    case 'directory':
      return `ClamInotif: watching ${at} (and all sub-directories)`;
    case 'mount':
      return `ClamFanotif: recursively watching the mount point ${at}`;
    case 'filesystem':
      return `ClamFanotif: watching ${at} on its whole filesystem`;
  }
}

function shown(path: string): string {
  return sanitize(path, SHOWN_PATH_MAX_CHARACTERS);
}
