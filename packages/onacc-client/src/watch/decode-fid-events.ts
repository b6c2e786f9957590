import type { FileHandle } from '@portcullis/shared/native';
import { constants } from '@portcullis/shared/native';

const { FANOTIFY_METADATA_VERSION, FAN_EVENT_METADATA_LEN, FAN_EVENT_INFO_TYPE_DFID_NAME } = constants;
const { FAN_ONDIR, FAN_Q_OVERFLOW } = constants;

const INFO_HEADER_BYTES = 4;
const FSID_BYTES = 8;
const HANDLE_HEADER_BYTES = 8;
/** MAX_HANDLE_SZ of name_to_handle_at(2). */
const HANDLE_MAX_BYTES = 128;

/** Something happened to one entry of a directory that we follow. */
export interface EntryChange {
  readonly kind: 'entry';
  /** The low half of the event mask, where every event bit lies. Merged events carry several bits. */
  readonly mask: number;
  /** Whether the entry is a directory (FAN_ONDIR). */
  readonly isDirectory: boolean;
  /** The directory that holds the entry; for FAN_DELETE_SELF and FAN_MOVE_SELF the directory itself. */
  readonly directory: FileHandle;
  /** The raw bytes of the name, `.` for the directory itself. A copy: it outlives the read buffer. */
  readonly name: Buffer;
}

/** One event of a group with FAN_REPORT_DFID_NAME, fanotify(7). */
export type FidEvent =
  | EntryChange
  /** The kernel's queue was full and events are lost. */
  | { readonly kind: 'overflow' }
  /** A valid event without a record that we asked for. */
  | { readonly kind: 'unnamed'; readonly mask: number };

/** What is wrong with the bytes of a read, and where. Everything from there on is unreadable. */
export interface MalformedFidEvents {
  readonly reason: 'truncated' | 'version' | 'eventLength' | 'recordLength' | 'handleLength' | 'name';
  readonly offsetBytes: number;
}

/** The events before the first malformed one, and that one's fault if there is one. */
export interface DecodedFidEvents {
  readonly events: readonly FidEvent[];
  readonly malformed: MalformedFidEvents | undefined;
}

/** Decodes what one read(2) of a FID group returned, fanotify(7). Never throws: every length is checked first. */
export function decodeFidEvents(bytes: Buffer): DecodedFidEvents {
  const events: FidEvent[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const fault = checkMetadata(bytes, offset);
    if (fault !== undefined) return { events, malformed: { reason: fault, offsetBytes: offset } };
    const end = offset + bytes.readUInt32LE(offset);
    const outcome = decodeEvent(bytes.subarray(offset, end));
    if (typeof outcome === 'string') return { events, malformed: { reason: outcome, offsetBytes: offset } };
    events.push(outcome);
    offset = end;
  }
  return { events, malformed: undefined };
}

type Fault = MalformedFidEvents['reason'];

function checkMetadata(bytes: Buffer, offset: number): Fault | undefined {
  if (bytes.length - offset < FAN_EVENT_METADATA_LEN) return 'truncated';
  if (bytes.readUInt8(offset + 4) !== FANOTIFY_METADATA_VERSION) return 'version';
  const eventLength = bytes.readUInt32LE(offset);
  const metadataLength = bytes.readUInt16LE(offset + 6);
  if (metadataLength < FAN_EVENT_METADATA_LEN || eventLength < metadataLength) return 'eventLength';
  return eventLength > bytes.length - offset ? 'truncated' : undefined;
}

/** @param event - exactly one event, its metadata already checked. */
function decodeEvent(event: Buffer): FidEvent | Fault {
  const mask = event.readUInt32LE(8);
  if ((mask & FAN_Q_OVERFLOW) !== 0) return { kind: 'overflow' };
  let offset = event.readUInt16LE(6);
  while (offset < event.length) {
    if (event.length - offset < INFO_HEADER_BYTES) return 'recordLength';
    const length = event.readUInt16LE(offset + 2);
    if (length < INFO_HEADER_BYTES || length > event.length - offset) return 'recordLength';
    if (event.readUInt8(offset) === FAN_EVENT_INFO_TYPE_DFID_NAME) {
      return decodeDirectoryAndName(event.subarray(offset, offset + length), mask);
    }
    offset += length;
  }
  return { kind: 'unnamed', mask };
}

/** struct fanotify_event_info_fid: header, fsid, struct file_handle, then the name and NULs up to a multiple of 4. */
function decodeDirectoryAndName(record: Buffer, mask: number): EntryChange | Fault {
  const handleAt = INFO_HEADER_BYTES + FSID_BYTES;
  const bytesAt = handleAt + HANDLE_HEADER_BYTES;
  if (record.length < bytesAt) return 'recordLength';
  const handleLength = record.readUInt32LE(handleAt);
  if (handleLength > HANDLE_MAX_BYTES || handleLength > record.length - bytesAt) return 'handleLength';
  const nameAt = bytesAt + handleLength;
  const nameEnd = record.indexOf(0, nameAt);
  if (nameEnd <= nameAt) return 'name';
  return {
    kind: 'entry',
    mask,
    isDirectory: (mask & FAN_ONDIR) !== 0,
    directory: {
      type: record.readInt32LE(handleAt + 4),
      bytes: Buffer.from(record.subarray(bytesAt, nameAt)),
    },
    name: Buffer.from(record.subarray(nameAt, nameEnd)),
  };
}
