import { mkdtempSync, readdirSync, readFileSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ScanSource } from '../scheduler/scan-job.js';
import type { StreamSpool } from '../server/scan-side.js';
import { createStreamSpools } from './stream-spool.js';

const MEMORY_MAX_BYTES = 8192;
let directory: string;
let failures: unknown[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spool-test-'));
  failures = [];
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function openSpool(
  options: { directory?: string; onReady?: () => void; leaveFiles?: boolean } = {},
): StreamSpool {
  const open = createStreamSpools({
    memoryMaxBytes: MEMORY_MAX_BYTES,
    directory: options.directory ?? directory,
    onFailure: (cause) => failures.push(cause),
    leaveFiles: options.leaveFiles ?? false,
  });
  return open(options.onReady ?? (() => undefined));
}

function finish(spool: StreamSpool): Promise<ScanSource | undefined> {
  return new Promise((resolve) => {
    spool.finish(resolve);
  });
}

function contentOf(source: ScanSource | undefined): Buffer {
  if (source?.kind === 'memory') return Buffer.from(new Uint8Array(source.bytes, 0, source.sizeBytes));
  if (source?.kind !== 'fd') throw new Error('nothing to read');
  const content = Buffer.alloc(source.sizeBytes + 1);
  const got = readSync(source.fd.borrow(), content, 0, content.length, 0);
  source.fd.close();
  return content.subarray(0, got);
}

function pattern(sizeBytes: number): Buffer {
  return Buffer.from(Array.from({ length: sizeBytes }, (_, n) => (n * 31 + (n >> 8)) & 0xff));
}

describe('createStreamSpools', () => {
  test('keeps every byte in order, in memory and on disk, whatever the cuts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 3 * MEMORY_MAX_BYTES }),
        fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 8 }),
        async (sizeBytes, cuts) => {
          const bytes = pattern(sizeBytes);
          const spool = openSpool();
          // One buffer for all chunks, as a transport has.
          const chunk = Buffer.alloc(5000);
          for (let at = 0, n = 0; at < bytes.length; n += 1) {
            const cut = Math.min(cuts[n % cuts.length]!, bytes.length - at);
            bytes.copy(chunk, 0, at, at + cut);
            spool.write(chunk.subarray(0, cut));
            chunk.fill(0xee);
            at += cut;
          }
          const source = await finish(spool);
          expect(source?.kind).toBe(sizeBytes <= MEMORY_MAX_BYTES ? 'memory' : 'fd');
          expect(contentOf(source).equals(bytes)).toBe(true);
          expect(readdirSync(directory)).toEqual([]);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('answers a stream that fits in memory at once', () => {
    const spool = openSpool();
    expect(spool.write(pattern(MEMORY_MAX_BYTES))).toBe('accepted');
    let source: ScanSource | undefined;
    spool.finish((finished) => {
      source = finished;
    });
    expect(source).toMatchObject({ kind: 'memory', sizeBytes: MEMORY_MAX_BYTES });
  });

  test('makes a fast sender wait and calls it back', async () => {
    const block = pattern(64 * 1024);
    const spool = await new Promise<StreamSpool>((resolve) => {
      const slow = openSpool({
        onReady: () => {
          resolve(slow);
        },
      });
      const answers = Array.from({ length: 10 }, () => slow.write(block));
      expect(answers).toEqual([...Array.from({ length: 8 }, () => 'accepted'), 'wait', 'wait']);
    });
    expect(spool.write(block)).toBe('accepted');
    const expected = Buffer.concat(Array.from({ length: 11 }, () => block));
    expect(contentOf(await finish(spool)).equals(expected)).toBe(true);
  });

  test('says so when the directory is not there, and keeps nothing', async () => {
    const spool = openSpool({ directory: join(directory, 'missing') });
    spool.write(pattern(MEMORY_MAX_BYTES + 1));
    expect(await finish(spool)).toBeUndefined();
    expect(failures).toMatchObject([{ code: 'ENOENT' }]);
    expect(spool.write(pattern(1))).toBe('failed');
  });

  test('wakes a waiting sender when the disk fails, whose next write is refused', async () => {
    const outcome = await new Promise<string>((resolve) => {
      const spool = openSpool({
        directory: join(directory, 'missing'),
        onReady: () => {
          resolve(spool.write(pattern(1)));
        },
      });
      expect(spool.write(pattern(600 * 1024))).toBe('wait');
    });
    expect(outcome).toBe('failed');
  });

  test('discard lets go at every stage and may come twice', async () => {
    for (const sizeBytes of [0, 100, MEMORY_MAX_BYTES + 1]) {
      const spool = openSpool();
      spool.write(pattern(sizeBytes));
      spool.discard();
      spool.discard();
      expect(spool.write(pattern(1))).toBe('failed');
    }
    const onDisk = openSpool();
    onDisk.write(pattern(MEMORY_MAX_BYTES + 1));
    await new Promise((resolve) => setTimeout(resolve, 50));
    onDisk.discard();
    expect(readdirSync(directory)).toEqual([]);
  });

  describe('with LeaveTemporaryFiles', () => {
    test('a stream of any size stays behind under a name of clamd', async () => {
      for (const sizeBytes of [5, 3 * MEMORY_MAX_BYTES]) {
        const spool = openSpool({ leaveFiles: true });
        spool.write(pattern(sizeBytes));
        expect(contentOf(await finish(spool)).equals(pattern(sizeBytes))).toBe(true);
        const [name, ...others] = readdirSync(directory);
        expect(others).toEqual([]);
        expect(name).toMatch(/^clamav-[0-9a-f]{32}\.tmp$/);
        const path = join(directory, name ?? '');
        expect(readFileSync(path).equals(pattern(sizeBytes))).toBe(true);
        expect(statSync(path).mode & 0o777).toBe(0o600);
        rmSync(path);
      }
    });

    test('a stream that is given up leaves nothing', async () => {
      const late = openSpool({ leaveFiles: true });
      late.write(pattern(5));
      await untilNames(1);
      late.discard();
      await untilNames(0);
      const early = openSpool({ leaveFiles: true });
      early.write(pattern(5));
      early.discard();
      // Its file is still being made.
      await new Promise((resolve) => setTimeout(resolve, 50));
      await untilNames(0);
    });
  });

  async function untilNames(count: number): Promise<void> {
    for (let tries = 0; readdirSync(directory).length !== count && tries < 1000; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(readdirSync(directory)).toHaveLength(count);
  }
});
