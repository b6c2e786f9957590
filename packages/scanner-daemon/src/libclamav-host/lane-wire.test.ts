import { describe, expect, test } from '@jest/globals';
import type { ScanVerdict } from '@portcullis/shared';
import fc from 'fast-check';
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
  LANE_READY,
  type LaneReply,
} from './lane-wire.js';

const PACKET_BYTES_MAX = 65_536;

const jobIds = fc.integer({ min: 1, max: 0x7fff_ffff });
const paths = fc
  .uint8Array({ minLength: 1, maxLength: 4095 })
  .map((bytes) => bytes.map((byte) => (byte === 0 ? 1 : byte)));
const samples = fc.record({ md5: fc.string(), sizeBytes: fc.nat() });
const verdicts: fc.Arbitrary<ScanVerdict> = fc.oneof(
  fc.constant<ScanVerdict>({ kind: 'clean' }),
  fc.string().map((message): ScanVerdict => ({ kind: 'failed', message })),
  fc
    .constantFrom('fileTooLarge', 'scanTooLarge', 'tooDeep', 'tooManyFiles', 'timeLimit', 'cancelled')
    .map((reason): ScanVerdict => ({ kind: 'incomplete', reason })),
  fc
    .tuple(fc.string({ unit: 'grapheme' }), fc.array(fc.string(), { maxLength: 50 }), fc.option(samples))
    .map(([first, others, sample]): ScanVerdict => {
      const signatureNames: [string, ...string[]] = [first, ...others];
      return sample === null
        ? { kind: 'infected', signatureNames }
        : { kind: 'infected', signatureNames, sample };
    }),
);

const decoded = (packet: Buffer): LaneReply | undefined => {
  try {
    return decodeReply(packet);
  } catch {
    return undefined;
  }
};

describe('requests', () => {
  test('come out as they went in', () => {
    fc.assert(
      fc.property(
        jobIds,
        fc.nat(),
        fc.boolean(),
        fc.option(paths),
        (jobId, generation, allMatch, optional) => {
          const path = optional ?? undefined;
          const packet = encodeRequest({ jobId, generation, allMatch, path });
          expect(packet).toBeDefined();
          const request = decodeRequest(packet ?? Buffer.alloc(0));
          expect(request).toMatchObject({ jobId, generation, allMatch });
          expect(request.path === undefined ? undefined : Buffer.from(request.path)).toEqual(
            path === undefined ? undefined : Buffer.from(path),
          );
        },
      ),
    );
  });

  test('a path that the kernel would not take makes none', () => {
    const request = { jobId: 1, generation: 1, allMatch: false };
    expect(encodeRequest({ ...request, path: Buffer.alloc(4095, 'a') })).toHaveLength(12 + 4095);
    expect(encodeRequest({ ...request, path: Buffer.alloc(4096, 'a') })).toBeUndefined();
    expect(encodeRequest({ ...request, path: Buffer.alloc(0) })).toBeUndefined();
  });

  test('a packet without a whole header is none', () => {
    for (let length = 0; length < 12; length += 1)
      expect(() => decodeRequest(Buffer.alloc(length))).toThrow('a request of');
  });
});

describe('replies', () => {
  test('come out as they went in', () => {
    fc.assert(
      fc.property(jobIds, verdicts, (jobId, verdict) => {
        expect(decodeReply(encodeReply({ jobId, verdict }))).toEqual({ jobId, verdict });
      }),
    );
    expect(decodeReply(encodeReply(LANE_READY))).toEqual(LANE_READY);
  });

  test('names that are too many for a packet are left out from the end', () => {
    const signatureNames: [string, ...string[]] = ['first', ...Array.from({ length: 24_000 }, () => '"')];
    const packet = encodeReply({ jobId: 7, verdict: { kind: 'infected', signatureNames } });
    expect(packet.byteLength).toBeLessThanOrEqual(PACKET_BYTES_MAX);
    const { verdict } = decodeReply(packet);
    if (verdict.kind !== 'infected') throw new Error(verdict.kind);
    expect(verdict.signatureNames.slice(0, 2)).toEqual(['first', '"']);
    expect(verdict.signatureNames.length).toBeGreaterThan(1000);
  });

  test.each<ScanVerdict>([
    { kind: 'infected', signatureNames: ['\u0001'.repeat(100_000)] },
    { kind: 'failed', message: 'x'.repeat(100_000) },
  ])('one text that fills a packet by itself is cut ($kind)', (verdict) => {
    const packet = encodeReply({ jobId: 7, verdict });
    expect(packet.byteLength).toBeLessThanOrEqual(PACKET_BYTES_MAX);
    expect(decodeReply(packet)).toMatchObject({ jobId: 7, verdict: { kind: verdict.kind } });
  });

  test('rubbish is never taken for a verdict', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decoded(Buffer.from(bytes))).toBeUndefined();
      }),
    );
  });

  test('values of any other shape are never taken for a clean verdict', () => {
    fc.assert(
      fc.property(fc.jsonValue(), jobIds, (value, jobId) => {
        expect(decoded(Buffer.from(JSON.stringify(value)))).toBeUndefined();
        expect(decoded(Buffer.from(JSON.stringify({ jobId, verdict: value })))).toBeUndefined();
        expect(decoded(Buffer.from(JSON.stringify({ jobId, verdict: { kind: value } })))).toBeUndefined();
      }),
    );
  });

  test('bytes that a crash has changed never make a detection or a failure clean', () => {
    const guilty = verdicts.filter(({ kind }) => kind !== 'clean');
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(jobIds, guilty, changes, (jobId, verdict, bytes) => {
        const packet = encodeReply({ jobId, verdict });
        for (const [at, byte] of bytes) packet[at % packet.byteLength] = byte;
        expect(decoded(packet)?.verdict.kind).not.toBe('clean');
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    { kind: 'infected' },
    { kind: 'infected', signatureNames: [] },
    { kind: 'infected', signatureNames: 'A' },
    { kind: 'infected', signatureNames: ['A', 1] },
    { kind: 'infected', signatureNames: ['A'], sample: null },
    { kind: 'infected', signatureNames: ['A'], sample: { md5: 'ab' } },
    { kind: 'incomplete' },
    { kind: 'incomplete', reason: 'other' },
    { kind: 'failed' },
    { kind: 'Clean' },
    {},
    null,
  ])('%j is no verdict', (verdict) => {
    expect(() => decodeReply(Buffer.from(JSON.stringify({ jobId: 1, verdict })))).toThrow();
  });

  test.each(['{"verdict":{"kind":"clean"}}', '{"jobId":"1","verdict":{"kind":"clean"}}', '[]', 'null', ''])(
    'a verdict without a job is none: %s',
    (text) => {
      expect(() => decodeReply(Buffer.from(text))).toThrow();
    },
  );
});
