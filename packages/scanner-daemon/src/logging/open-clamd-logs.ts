import type { ClamdConfig } from '@portcullis/shared';
import type { NativeApi } from '@portcullis/shared/native';
import { openClamdLogFile, type ClamdLogFile } from './clamd-log-file.js';
import { createFanOut, type ClamdLog } from './clamd-log.js';
import { openSyslog } from './syslog.js';

/** clamd's logs of one daemon. */
export interface ClamdLogs {
  /** LogFile alone: the first line, `+++ Started at`, goes nowhere else (observed with clamd 1.4.6). */
  readonly file: ClamdLogFile | undefined;
  /** LogFile and syslog, whichever there is. */
  readonly all: ClamdLog | undefined;
}

/**
 * Opens what LogFile and LogSyslog ask for, in the process that will go on writing.
 *
 * @param deps.onFailure told when a log begins to lose lines; it must not write to these logs
 * @throws LogFileError, SyslogError: the daemon refuses to start. NativeError.
 */
export function openClamdLogs(
  config: Pick<ClamdConfig, 'logging' | 'process'>,
  deps: { native: NativeApi; pid: number; onFailure: (error: unknown) => void },
): ClamdLogs {
  const { logging } = config;
  const { native, pid, onFailure } = deps;
  const { cleanFiles, timestamps, fileMaxBytes, rotate } = logging;
  const verbose = logging.verbose || config.process.debug;
  const shared = { cleanFiles, verbose, onFailure };
  const file =
    logging.filePath === undefined
      ? undefined
      : openClamdLogFile({
          ...shared,
          path: logging.filePath,
          locks: logging.fileUnlocked ? undefined : native.files,
          ...{ timestamps, fileMaxBytes, rotate },
        });
  if (!logging.syslog) return { file, all: file };
  const syslog = openSyslog({
    ...shared,
    sockets: native.sockets,
    files: native.files,
    facility: logging.syslogFacility,
    pid,
  });
  return { file, all: createFanOut(file === undefined ? [syslog] : [file, syslog]) };
}
