import { constants } from '@portcullis/shared/native';

/** One fanotify_event_metadata record (fanotify(7)); the fd in it is the reader's to close. */
export type FanotifyEvent =
  /** Somebody waits for an answer. */
  | { readonly kind: 'permission'; readonly fd: number; readonly pid: number }
  /** Somebody opened a file and does not wait. `afterWrite`: the same process has closed it after writing, too. */
  | { readonly kind: 'opened'; readonly fd: number; readonly pid: number; readonly afterWrite: boolean }
  /** A file that was open for writing is closed. */
  | { readonly kind: 'closedAfterWrite'; readonly fd: number; readonly pid: number }
  /** The kernel could not make a descriptor for the event, and has denied the opener by itself. */
  | { readonly kind: 'noDescriptor'; readonly errno: number; readonly pid: number }
  /** Events were lost. */
  | { readonly kind: 'overflow' }
  /** Not what this kernel interface promises: a bug or another ABI. `fd` is to be closed where it is not negative. */
  | { readonly kind: 'malformed'; readonly reason: string; readonly fd: number };

const VERSION_AT = 4;
const MASK_LOW_AT = 8;
const FD_AT = 16;
const PID_AT = 20;

/**
 * Decodes the one event at the start of `record`.
 *
 * @param record - what one read(2) of the group returned, cut to the bytes read
 */
export function decodeEvent(record: Buffer): FanotifyEvent {
  if (record.length < constants.FAN_EVENT_METADATA_LEN) return malformed('short record', constants.FAN_NOFD);
  const fd = record.readInt32LE(FD_AT);
  if (record[VERSION_AT] !== constants.FANOTIFY_METADATA_VERSION)
    return malformed('unknown metadata version', fd);
  if (record.readUInt32LE(0) !== record.length) return malformed('event length', fd);
  const mask = record.readUInt32LE(MASK_LOW_AT);
  const pid = record.readInt32LE(PID_AT);
  if ((mask & constants.FAN_Q_OVERFLOW) !== 0) return { kind: 'overflow' };
  if (fd < 0) return { kind: 'noDescriptor', errno: -fd, pid };
  if ((mask & (constants.FAN_OPEN_PERM | constants.FAN_OPEN_EXEC_PERM)) !== 0)
    return { kind: 'permission', fd, pid };
  // The kernel merges what one process did to one file, unless somebody waits for an answer.
  const afterWrite = (mask & constants.FAN_CLOSE_WRITE) !== 0;
  if ((mask & constants.FAN_OPEN) !== 0) return { kind: 'opened', fd, pid, afterWrite };
  if (afterWrite) return { kind: 'closedAfterWrite', fd, pid };
  return malformed(`mask 0x${mask.toString(16)}`, fd);
}

function malformed(reason: string, fd: number): FanotifyEvent {
  return { kind: 'malformed', reason, fd };
}
