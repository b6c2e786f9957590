import type { ScanVerdict } from '@portcullis/shared';

/**
 * The packets between the daemon and a scan thread: one request, one reply, and never a second request before. A
 * descriptor travels beside its request (unix(7), SCM_RIGHTS); without one the thread opens the path.
 */
export interface LaneRequest {
  /** 1 to 2^31 - 1. */
  readonly jobId: number;
  /** The database to scan with. */
  readonly generation: number;
  readonly allMatch: boolean;
  /** Raw bytes, without a NUL; undefined where a descriptor comes along. */
  readonly path: Uint8Array | undefined;
}

export interface LaneReply {
  readonly jobId: number;
  readonly verdict: ScanVerdict;
}

/** A scan thread says so when it serves. */
export const LANE_READY: LaneReply = { jobId: 0, verdict: { kind: 'clean' } };

const HEADER_BYTES = 12;
const FLAG_ALL_MATCH = 1;
const FLAG_PATH = 2;
/** PATH_MAX (limits.h), less its NUL. */
const PATH_BYTES_MAX = 4095;
/** All matches of one scan that cross; what is more than that is left out. */
export const NAMES_BYTES_MAX = 48 * 1024;

/** @returns undefined for a path that the kernel would not take either. */
export function encodeRequest({ jobId, generation, allMatch, path }: LaneRequest): Buffer | undefined {
  if (path !== undefined && (path.byteLength === 0 || path.byteLength > PATH_BYTES_MAX)) return undefined;
  const packet = Buffer.alloc(HEADER_BYTES + (path?.byteLength ?? 0));
  packet.writeUInt32LE(jobId, 0);
  packet.writeUInt32LE(generation, 4);
  packet.writeUInt32LE((allMatch ? FLAG_ALL_MATCH : 0) | (path === undefined ? 0 : FLAG_PATH), 8);
  if (path !== undefined) packet.set(path, HEADER_BYTES);
  return packet;
}

/** The path is a view of the packet. @throws Error for what is no request: it comes from our own daemon. */
export function decodeRequest(packet: Buffer): LaneRequest {
  if (packet.byteLength < HEADER_BYTES) throw new Error(`a request of ${packet.byteLength} bytes`);
  const flags = packet.readUInt32LE(8);
  return {
    jobId: packet.readUInt32LE(0),
    generation: packet.readUInt32LE(4),
    allMatch: (flags & FLAG_ALL_MATCH) !== 0,
    path: (flags & FLAG_PATH) === 0 ? undefined : packet.subarray(HEADER_BYTES),
  };
}

export function encodeReply(reply: LaneReply): Buffer {
  return Buffer.from(JSON.stringify(reply));
}

/**
 * @throws Error for what is no reply. A process whose memory a crash is about to end may send anything: nothing that
 * is not plainly a verdict is taken for one.
 */
export function decodeReply(packet: Buffer): LaneReply {
  const reply: unknown = JSON.parse(packet.toString());
  if (!isRecord(reply) || !Number.isSafeInteger(reply['jobId'])) throw new Error('a reply without a job');
  return { jobId: Number(reply['jobId']), verdict: verdictOf(reply['verdict']) };
}

function verdictOf(value: unknown): ScanVerdict {
  if (!isRecord(value)) throw new Error('a reply without a verdict');
  switch (value['kind']) {
    case 'clean':
      return { kind: 'clean' };
    case 'infected': {
      const names = value['signatureNames'];
      if (!Array.isArray(names) || names.length === 0 || !names.every((name) => typeof name === 'string')) {
        throw new Error('a detection without a name');
      }
      break;
    }
    case 'incomplete':
      if (typeof value['reason'] !== 'string') throw new Error('an incomplete scan without a reason');
      break;
    case 'failed':
      if (typeof value['message'] !== 'string') throw new Error('a failed scan without a message');
      break;
    default:
      throw new Error('a verdict of no kind');
  }
  // What makes the kinds differ was looked at above; the rest is our own lane-scan.ts, of the same version.
  return value as ScanVerdict;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
