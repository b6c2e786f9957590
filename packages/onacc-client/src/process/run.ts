import type { Environment } from '@portcullis/shared';
import type { Launched } from '@portcullis/shared/launch';
import type { ClientFlags } from '../command-line.js';
import type { LogFile } from '../logging/log-file.js';
import type { Streams, Voice } from '../logging/voice.js';

/** clamonacc's exit codes (behaviour 4.2). */
export const EXIT = { done: 0, error: 2, noLogFile: 3, noAnswer: 21 } as const;

/** How long a hung disk may keep the last lines of the log. */
export const LAST_LINES_MAX_MS = 300;

/** What a run is made of, once its log file is open. */
export interface Run {
  readonly flags: ClientFlags;
  readonly env: Environment;
  /** `isTty`: standard output is a terminal. */
  readonly streams: Streams & { readonly isTty: boolean };
  /** For what there is to say before the configuration is known. */
  readonly voice: Voice;
  readonly logFile: LogFile | undefined;
  /** Undefined: in the foreground. */
  readonly launched: Launched | undefined;
}

/** Says lines that have their severity in front already, as ClamAV's do. */
export function sayLines(voice: Voice, lines: readonly string[]): void {
  for (const line of lines) {
    const [, word, text] = /^(ERROR|WARNING): ([^]*)$/.exec(line) ?? [];
    if (word === 'ERROR') voice.say('error', text ?? '', { event: 'configError' });
    else voice.say('warning', text ?? line, { event: 'configWarning' });
  }
}
