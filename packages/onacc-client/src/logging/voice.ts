import type { Logger } from '@portcullis/shared';
import type { TextLog, TextSeverity } from './text-log.js';
import { textLine } from './text-log.js';

/** Says what the operator should know, on the console and in the file of --log. */
export interface Voice {
  /** One line. @param facts - for whoever searches the JSON log; `event` is its name. */
  say(severity: TextSeverity, text: string, facts?: Readonly<Record<string, unknown>>): void;
}

/** Where a line goes besides the file of --log. */
export type ConsoleSink = (
  severity: TextSeverity,
  text: string,
  facts: Readonly<Record<string, unknown>>,
) => void;

/** Where plain text can be printed. */
export interface Streams {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
}

const LEVELS = { plain: 'info', verbose: 'debug', warning: 'warn', error: 'error' } as const;

/** @param textLog - the file of --log; undefined: there is none. */
export function createVoice(console: ConsoleSink, textLog: TextLog | undefined): Voice {
  return {
    say(severity, text, facts = {}) {
      textLog?.write(severity, text);
      console(severity, text, facts);
    },
  };
}

/** As clamonacc prints: errors and warnings on standard error, the rest on standard output. */
export function printedText({ stdout, stderr }: Streams, verbose: boolean): ConsoleSink {
  return (severity, text) => {
    if (severity === 'verbose' && !verbose) return;
    const print = severity === 'plain' || severity === 'verbose' ? stdout : stderr;
    print(`${textLine(severity, text)}\n`);
  };
}

/** On the way to the background only what is amiss is printed: whoever waits reads it in the terminal. */
export function complaintsOnly({ stderr }: Streams): ConsoleSink {
  return (severity, text) => {
    if (severity === 'warning' || severity === 'error') stderr(`${textLine(severity, text)}\n`);
  };
}

/** In the foreground everything goes through the logger, as JSON or made for people. */
export function loggedLines(logger: Logger): ConsoleSink {
  return (severity, text, facts) => {
    logger[LEVELS[severity]]({ event: 'client', ...facts }, text);
  };
}
