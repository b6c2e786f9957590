import { Buffer } from 'node:buffer';
import { COMMAND_MAX_BYTES, COMMAND_VERBS, takesPath, type PathVerb, type PlainVerb } from './command.js';
import { ProtocolError } from './protocol-error.js';

/**
 * The byte behind FILDES that carries the descriptor. clamd ignores its value (behaviour 1.7); with this one, our own daemon
 * knows a client that understands notices (docs/decisions/0005).
 */
export const FILDES_NOTICE_BYTE = 0x50;

/** Longest chunk that four length bytes can announce. */
const CHUNK_MAX_BYTES = 0xffff_ffff;

const PLAIN_COMMANDS = new Map(
  COMMAND_VERBS.filter((verb) => !takesPath(verb)).map((verb) => [verb, Buffer.from(`z${verb}\0`, 'latin1')]),
);
const STREAM_END = Buffer.alloc(4);

/**
 * `zVERB\0`, for example `zIDSESSION\0`. The descriptor byte of FILDES and the chunks of INSTREAM are sent behind it.
 *
 * @returns bytes shared by all callers, not to be written to
 */
export function encodeCommand(verb: PlainVerb): Buffer {
  const bytes = PLAIN_COMMANDS.get(verb);
  if (bytes === undefined) throw new Error(`not a command without argument: ${verb}`);
  return bytes;
}

/**
 * `zVERB PATH\0`.
 *
 * @param path - raw bytes; a relative one is relative to the daemon's working directory (behaviour 1.10)
 * @throws ProtocolError `PATH_HAS_NUL`, or `COMMAND_TOO_LONG` past {@link COMMAND_MAX_BYTES}, which clamd would drop
 */
export function encodePathCommand(verb: PathVerb, path: Buffer): Buffer {
  if (path.includes(0)) throw new ProtocolError('PATH_HAS_NUL', 'a path cannot hold a NUL byte');
  const bytes = Buffer.concat([Buffer.from(`z${verb} `, 'latin1'), path, Buffer.of(0)]);
  if (bytes.length > COMMAND_MAX_BYTES) {
    throw new ProtocolError('COMMAND_TOO_LONG', 'the path is longer than a command may be', {
      context: { commandBytes: bytes.length, commandMaxBytes: COMMAND_MAX_BYTES },
    });
  }
  return bytes;
}

/**
 * The four bytes before a chunk of INSTREAM.
 *
 * @param lengthBytes - 1 to 4294967295; zero would end the stream, see {@link encodeStreamEnd}
 */
export function encodeChunkHeader(lengthBytes: number): Buffer {
  if (!Number.isInteger(lengthBytes) || lengthBytes < 1 || lengthBytes > CHUNK_MAX_BYTES) {
    throw new RangeError(`not the length of a chunk: ${lengthBytes}`);
  }
  const header = Buffer.allocUnsafe(4);
  header.writeUInt32BE(lengthBytes);
  return header;
}

/**
 * The chunk of length zero that ends an INSTREAM upload.
 *
 * @returns bytes shared by all callers, not to be written to
 */
export function encodeStreamEnd(): Buffer {
  return STREAM_END;
}
