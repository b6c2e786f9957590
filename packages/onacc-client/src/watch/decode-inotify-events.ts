/** One record of an inotify instance, inotify(7). */
export interface InotifyEvent {
  /** The watch descriptor; -1 for a queue overflow. */
  readonly watch: number;
  readonly mask: number;
  /** The raw bytes of the name, empty where the event is about the directory itself. A copy. */
  readonly name: Buffer;
}

/** The records before the first one that runs over the end, and where that begins. */
export interface DecodedInotifyEvents {
  readonly events: readonly InotifyEvent[];
  readonly truncatedAtBytes: number | undefined;
}

/** struct inotify_event: i32 wd, u32 mask, u32 cookie, u32 length of the name with its NULs. */
const HEADER_BYTES = 16;

/** Decodes what one read(2) of an inotify instance returned. Never throws: every length is checked first. */
export function decodeInotifyEvents(bytes: Buffer): DecodedInotifyEvents {
  const events: InotifyEvent[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (bytes.length - offset < HEADER_BYTES) return { events, truncatedAtBytes: offset };
    const end = offset + HEADER_BYTES + bytes.readUInt32LE(offset + 12);
    if (end > bytes.length) return { events, truncatedAtBytes: offset };
    const field = bytes.subarray(offset + HEADER_BYTES, end);
    const nul = field.indexOf(0);
    events.push({
      watch: bytes.readInt32LE(offset),
      mask: bytes.readUInt32LE(offset + 4),
      name: Buffer.from(nul < 0 ? field : field.subarray(0, nul)),
    });
    offset = end;
  }
  return { events, truncatedAtBytes: undefined };
}
