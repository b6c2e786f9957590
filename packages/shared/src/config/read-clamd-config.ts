import type { ConfigIssue } from './config-issue.js';
import { createOptionReader } from './option-reader.js';
import type { OptionName } from './option-table.js';
import type { ClamdConfig } from './resolve.js';
import { resolveClamdConfig } from './resolve.js';
import type { ClamdSettings, GivenSettings } from './settings.js';
import { readSettings } from './settings.js';

/** What came of a clamd.conf. */
export interface ClamdConfigReading {
  /** Absent when an issue is an error. */
  readonly config?: ClamdConfig;
  /** In the order of the file; the first error is the line at which ClamAV stops. */
  readonly issues: readonly ConfigIssue[];
  /** What the file itself says, for describeConfig; whole only when there is no error. */
  readonly settings: ClamdSettings;
}

/**
 * Reads a clamd.conf by ClamAV HEAD's grammar and option set (behaviour 3.1 to 3.4). Never throws on any text.
 *
 * @param text - the file; bytes are exact, a string is read as its UTF-8 bytes. At most 1 MiB.
 * @param fileName - as given by the user: it is part of the messages.
 * @param commandLine - what was given there; it wins over the file.
 *
 * @example
 * ```ts
 * const { config, issues } = readClamdConfig('LocalSocket /run/clamd.sock\n', 'clamd.conf');
 * ```
 */
export function readClamdConfig(
  text: string | Uint8Array,
  fileName: string,
  commandLine?: GivenSettings,
): ClamdConfigReading {
  const { settings, issues } = readSettings(text, fileName, commandLine);
  issues.push(...oldNameWarnings(settings));
  if (issues.some((issue) => issue.severity === 'error')) return { issues, settings };
  return { config: resolveClamdConfig(createOptionReader(settings)), issues, settings };
}

/** Old names that work with a log warning (behaviour 3.4); the wording is ours. */
const OLD_NAMES: readonly (readonly [OptionName, OptionName])[] = [
  ['AlgorithmicDetection', 'HeuristicAlerts'],
  ['BlockMax', 'AlertExceedsMax'],
  ['ArchiveBlockEncrypted', 'AlertEncrypted'],
];

function oldNameWarnings(settings: ClamdSettings): ConfigIssue[] {
  return OLD_NAMES.flatMap(([oldName, newName]): ConfigIssue[] => {
    const [given] = settings.byName.get(oldName) ?? [];
    if (given === undefined) return [];
    return [
      {
        severity: 'warning',
        origin: 'portcullis',
        message: `Option ${oldName} is now named ${newName}`,
        ...(given.line === undefined ? {} : { line: given.line }),
      },
    ];
  });
}
