/** What a line in clamd's log begins with; `verbose` lines exist only with LogVerbose. */
export type ClamdLogSeverity = 'info' | 'warning' | 'error' | 'verbose';

/** One line of clamd's log, without time and severity prefix. */
export interface LogLine {
  readonly severity: ClamdLogSeverity;
  readonly text: string;
}

/** clamd's own log, for those who read it by script: a file, syslog, or both. */
export interface ClamdLog {
  /** LogClean: also write `PATH: OK` lines. */
  readonly cleanFiles: boolean;
  /** One line. Names in it have been through `sanitize`; a control character left in it is made visible. Never throws. */
  write(severity: ClamdLogSeverity, text: string): void;
  /** SIGHUP: the next line goes to a new file, if the old one is no longer the one at that path (behaviour 2.6). */
  reopen(): void;
  /** What is written afterwards is dropped. */
  close(): void;
}

/** One log in front of several. @returns undefined when there is none. */
export function createFanOut(sinks: readonly ClamdLog[]): ClamdLog | undefined {
  const [only] = sinks;
  if (sinks.length < 2) return only;
  return {
    cleanFiles: sinks.some((sink) => sink.cleanFiles),
    write(severity, text) {
      for (const sink of sinks) sink.write(severity, text);
    },
    reopen() {
      for (const sink of sinks) sink.reopen();
    },
    close() {
      for (const sink of sinks) sink.close();
    },
  };
}
