import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ScanVerdict } from '@portcullis/shared';
import { openNative } from '@portcullis/shared/native';
import fc from 'fast-check';
import type { Engine, ScanInput } from '../engine/engine.js';
import { openFileInput, ReadScratch } from './scan-input.js';
import { createSourceScanner, type SourceScannerOptions } from './scan-source.js';

const { files } = openNative();
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'scan-source-test-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** Reports what it could read, so that a test sees what reached the engine. */
const echo: Engine = {
  scan(input) {
    const bytes = input.read(0, input.sizeBytes);
    return {
      verdict: { kind: 'infected', signatureNames: [Buffer.from(bytes).toString()] },
      bytesScanned: bytes.length,
    };
  },
};

function scan(
  source: Parameters<ReturnType<typeof createSourceScanner>>[1],
  options: Partial<SourceScannerOptions> & { engine?: Engine } = {},
): ScanVerdict {
  const scanSource = createSourceScanner({
    files,
    limits: { fileMaxBytes: Infinity, scanMaxBytes: Infinity, scanTimeMaxMs: Infinity },
    followFileSymlinks: false,
    nowMs: () => performance.now(),
    ...options,
  });
  return scanSource(options.engine ?? echo, source, { allMatch: false });
}

function put(name: string, content: string | Buffer): string {
  writeFileSync(join(directory, name), content);
  return join(directory, name);
}

function path(text: string): { kind: 'path'; path: Buffer } {
  return { kind: 'path', path: Buffer.from(text) };
}

function found(text: string): ScanVerdict {
  return { kind: 'infected', signatureNames: [text] };
}

describe('createSourceScanner', () => {
  test('reads paths, descriptors and memory', () => {
    const file = put('file', 'content');
    expect(scan(path(file))).toEqual(found('content'));
    const fd = openSync(file, 'r');
    expect(scan({ kind: 'fd', fd, sizeBytes: 7 })).toEqual(found('content'));
    closeSync(fd);
    const bytes = new SharedArrayBuffer(16);
    new Uint8Array(bytes).set(Buffer.from('content'));
    expect(scan({ kind: 'memory', bytes, sizeBytes: 7 })).toEqual(found('content'));
  });

  test('answers empty sources without the engine', () => {
    expect(scan(path(put('empty', '')))).toEqual({ kind: 'clean' });
    expect(scan({ kind: 'memory', bytes: new SharedArrayBuffer(0), sizeBytes: 0 })).toEqual({
      kind: 'clean',
    });
  });

  test('closes what it opened, also when the engine has a bug', () => {
    const file = put('file', 'content');
    const openFds = (): number => readdirSync('/proc/self/fd').length;
    const before = openFds();
    scan(path(file));
    const broken: Engine = {
      scan() {
        throw new Error('a bug');
      },
    };
    expect(() => scan(path(file), { engine: broken })).toThrow('a bug');
    expect(openFds()).toBe(before);
  });

  test('follows a final link only when told to', () => {
    put('file', 'content');
    symlinkSync('file', join(directory, 'link'));
    const link = path(join(directory, 'link'));
    expect(scan(link)).toEqual({ kind: 'failed', message: "Can't open file or directory" });
    expect(scan(link, { followFileSymlinks: true })).toEqual(found('content'));
  });

  test('neither waits for a FIFO nor scans what is no regular file', () => {
    execFileSync('mkfifo', [join(directory, 'fifo')]);
    const refused = { kind: 'failed', message: "Can't open file or directory" };
    expect(scan(path(join(directory, 'fifo')))).toEqual(refused);
    expect(scan(path(directory))).toEqual(refused);
    expect(scan(path(join(directory, 'missing')))).toEqual(refused);
  });

  const asRoot = process.geteuid?.() === 0 ? test : test.skip;
  asRoot('says Access denied. for a file it may not open', () => {
    const file = put('secret', 'content');
    chmodSync(directory, 0o755);
    chmodSync(file, 0o600);
    process.seteuid?.(65534);
    try {
      expect(scan(path(file))).toEqual({ kind: 'failed', message: 'Access denied.' });
    } finally {
      process.seteuid?.(0);
    }
  });

  test('a failing read is no exception, and never reads as clean', () => {
    const broken = {
      readAt: () => {
        throw new Error('EIO');
      },
    };
    const clean: Engine = {
      scan: (input) => {
        expect(input.read(0, 7)).toHaveLength(0);
        return { verdict: { kind: 'clean' }, bytesScanned: 0 };
      },
    };
    const source = { kind: 'fd', fd: 0, sizeBytes: 7 } as const;
    const failed = { kind: 'failed', message: "Can't read file" };
    expect(scan(source, { files: broken, engine: clean })).toEqual(failed);
    expect(scan(source, { files: broken })).toEqual(found(''));
  });

  describe('with ExtendedDetectionInfo', () => {
    const content = Buffer.from(Array.from({ length: 1_400_000 }, (_, n) => (n * 31 + (n >> 8)) & 0xff));
    const sample = { md5: createHash('md5').update(content).digest('hex'), sizeBytes: content.length };
    const says = (verdict: ScanVerdict): Engine => ({ scan: () => ({ verdict, bytesScanned: 0 }) });

    test('a detection carries MD5 and size, of a file and of memory', () => {
      const bytes = new SharedArrayBuffer(content.length + 100);
      new Uint8Array(bytes).set(content);
      const memory = { kind: 'memory', bytes, sizeBytes: content.length } as const;
      const engine = says({ kind: 'infected', signatureNames: ['A', 'B'] });
      for (const source of [path(put('large', content)), memory]) {
        expect(scan(source, { engine, sampleDetections: true })).toEqual({
          kind: 'infected',
          signatureNames: ['A', 'B'],
          sample,
        });
        expect(scan(source, { engine })).not.toHaveProperty('sample');
      }
    });

    test('so does an encrypted container, but neither a limit nor a clean file', () => {
      const file = path(put('large', content));
      const container = { format: 'Zip', kind: 'archive' } as const;
      const encrypted: ScanVerdict = { kind: 'incomplete', reason: 'encrypted', container };
      expect(scan(file, { engine: says(encrypted), sampleDetections: true })).toEqual({
        ...encrypted,
        sample,
      });
      for (const verdict of [{ kind: 'clean' }, { kind: 'incomplete', reason: 'tooDeep' }] as const) {
        expect(scan(file, { engine: says(verdict), sampleDetections: true })).toEqual(verdict);
      }
    });

    test('a detection stands without it when no time is left', () => {
      let nowMs = 0;
      const slow: Engine = {
        scan: () => {
          nowMs = 1000;
          return { verdict: { kind: 'infected', signatureNames: ['A'] }, bytesScanned: 0 };
        },
      };
      const limits = { fileMaxBytes: Infinity, scanMaxBytes: Infinity, scanTimeMaxMs: 500 };
      expect(
        scan(path(put('large', content)), {
          engine: slow,
          sampleDetections: true,
          nowMs: () => nowMs,
          limits,
        }),
      ).toEqual(found('A'));
    });
  });

  test('passes the limits on, and 0 stays no limit', () => {
    const limited: Engine = {
      scan: (_input, { budget }) => {
        budget.admitFile(7);
        return {
          verdict:
            budget.exceeded === undefined
              ? { kind: 'clean' }
              : { kind: 'incomplete', reason: budget.exceeded },
          bytesScanned: 0,
        };
      },
    };
    const file = path(put('file', 'content'));
    const limits = { fileMaxBytes: 6, scanMaxBytes: Infinity, scanTimeMaxMs: Infinity };
    expect(scan(file, { engine: limited, limits })).toEqual({ kind: 'incomplete', reason: 'fileTooLarge' });
    expect(scan(file, { engine: limited, limits: { ...limits, fileMaxBytes: Infinity } })).toEqual({
      kind: 'clean',
    });
  });
});

describe('openFileInput', () => {
  test('gives the bytes that were asked for, at any place of a large file, and stops where the file shrank', () => {
    const bytes = Buffer.from(Array.from({ length: 1_500_000 }, (_, n) => (n * 31 + (n >> 8)) & 0xff));
    const fd = openSync(put('large', bytes), 'r');
    const sizeBytes = bytes.length + 1000;
    const input: ScanInput = openFileInput(files, fd, sizeBytes, new ReadScratch());
    fc.assert(
      fc.property(
        fc.nat(sizeBytes - 1),
        fc.integer({ min: 1, max: 1_200_000 }),
        (inputOffset, lengthBytes) => {
          const length = Math.min(lengthBytes, sizeBytes - inputOffset);
          const wanted = bytes.subarray(inputOffset, inputOffset + length);
          expect(wanted.equals(input.read(inputOffset, length))).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
    closeSync(fd);
  });

  describe('on a file of 8 MiB', () => {
    const sizeBytes = 8 << 20;

    /** What pread was asked for while `use` read from the file. */
    const readBytes = (use: (input: ScanInput) => void): { calls: number; bytes: number } => {
      const fd = openSync(put('large', Buffer.alloc(sizeBytes)), 'r');
      const read = { calls: 0, bytes: 0 };
      const counted: typeof files.readAt = (...request) => {
        const got = files.readAt(...request);
        read.calls += 1;
        read.bytes += got;
        return got;
      };
      use(openFileInput({ readAt: counted }, fd, sizeBytes, new ReadScratch()));
      closeSync(fd);
      return read;
    };

    test('reads little for headers here and there', () => {
      const { bytes } = readBytes((input) => {
        for (let entry = 0; entry < 1000; entry += 1) {
          input.read(sizeBytes - 100_000 + 80 * entry, 80);
          input.read(5000 * entry, 30);
          input.read(5000 * entry + 30, 4000);
        }
      });
      expect(bytes).toBeLessThan(20_000_000);
    });

    test('reads ahead where reads follow each other', () => {
      const { calls, bytes } = readBytes((input) => {
        input.read(sizeBytes - 22, 22);
        for (let offset = 0; offset < sizeBytes; offset += 512) input.read(offset, 512);
      });
      expect(calls).toBeLessThan(50);
      expect(bytes).toBeLessThan(sizeBytes + 10_000);
    });
  });
});
