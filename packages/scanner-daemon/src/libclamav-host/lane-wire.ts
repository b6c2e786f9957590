import type { DetectedSample, LimitReason, ScanVerdict } from '@portcullis/shared';

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
/** What one recvmsg(2) of the daemon takes; what is beyond would be lost without a word. */
const REPLY_BYTES_MAX = 65_536;
/** Of a name or a message that fills a packet by itself. */
const TEXT_MAX_CHARACTERS = 1_000;

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

/** Names that are too many for one packet are left out from the end; a text that is too long is cut. */
export function encodeReply(reply: LaneReply): Buffer {
  let { verdict } = reply;
  for (;;) {
    const packet = Buffer.from(JSON.stringify({ jobId: reply.jobId, verdict }));
    if (packet.byteLength <= REPLY_BYTES_MAX) return packet;
    verdict = shorter(verdict);
  }
}

function shorter(verdict: ScanVerdict): ScanVerdict {
  if (verdict.kind === 'failed')
    return { kind: 'failed', message: verdict.message.slice(0, TEXT_MAX_CHARACTERS) };
  if (verdict.kind !== 'infected') throw new Error(`a verdict that is too long: ${verdict.kind}`);
  const [first, ...others] = verdict.signatureNames;
  if (others.length > 0) {
    return { ...verdict, signatureNames: [first, ...others.slice(0, Math.floor(others.length / 2))] };
  }
  return { ...verdict, signatureNames: [first.slice(0, TEXT_MAX_CHARACTERS)] };
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
      const [first, ...others] = namesOf(value['signatureNames']);
      if (first === undefined) throw new Error('a detection without a name');
      const sample = sampleOf(value['sample']);
      return {
        kind: 'infected',
        signatureNames: [first, ...others],
        ...(sample === undefined ? {} : { sample }),
      };
    }
    case 'incomplete': {
      const reason = LIMIT_REASONS.find((known) => known === value['reason']);
      if (reason === undefined) throw new Error('an incomplete scan without a reason');
      return { kind: 'incomplete', reason };
    }
    case 'failed':
      if (typeof value['message'] !== 'string') throw new Error('a failed scan without a message');
      return { kind: 'failed', message: value['message'] };
    default:
      throw new Error('a verdict of no kind');
  }
}

/** What libclamav's scans end with that do not get to the end: it tells an encrypted file by a name. */
const LIMIT_REASONS: readonly LimitReason[] = [
  'fileTooLarge',
  'scanTooLarge',
  'tooDeep',
  'tooManyFiles',
  'timeLimit',
  'cancelled',
];

function namesOf(value: unknown): readonly string[] {
  const names: readonly unknown[] = Array.isArray(value) ? value : [];
  return names.map((name) => {
    if (typeof name !== 'string') throw new Error('a name that is no text');
    return name;
  });
}

function sampleOf(value: unknown): DetectedSample | undefined {
  if (value === undefined) return undefined;
  if (!isRecord(value)) throw new Error('a sample of no kind');
  const { md5, sizeBytes } = value;
  if (typeof md5 !== 'string' || typeof sizeBytes !== 'number') throw new Error('a sample without a digest');
  return { md5, sizeBytes };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
