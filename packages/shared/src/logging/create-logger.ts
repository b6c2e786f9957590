import { pino } from 'pino';
import type { DestinationStream, Level, Logger } from 'pino';
import { prettyFactory } from 'pino-pretty';

export type { Logger } from 'pino';

/** What {@link createLogger} needs. */
export interface LoggerOptions {
  /** The program: `scanner-daemon` or `onacc-client`. */
  readonly name: string;
  /** Nothing below it is written. */
  readonly level: Level | 'silent';
  /** Whether stdout is a terminal: then lines are made for people, otherwise they are JSON, one a line. */
  readonly stdoutIsTty: boolean;
  /** Where the lines go instead of stdout, for tests. */
  readonly destination?: DestinationStream;
}

/**
 * The root logger of a program; every module takes a `child` of it.
 *
 * Lines are written synchronously, pretty ones too: a transport would be a thread that opens files of its own, which
 * the on-access client cannot have once its marks are armed, and a crash would lose the last lines.
 */
export function createLogger(options: LoggerOptions): Logger {
  const destination = options.destination ?? pino.destination({ dest: 1, sync: true });
  const stream = options.stdoutIsTty ? prettyLines(destination) : destination;
  return pino(
    {
      name: options.name,
      level: options.level,
      // The level as a word: every log search understands it.
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    stream,
  );
}

function prettyLines(destination: DestinationStream): DestinationStream {
  const prettify = prettyFactory({ colorize: true, ignore: 'pid,hostname' });
  return {
    write(line) {
      destination.write(prettify(line));
    },
  };
}
