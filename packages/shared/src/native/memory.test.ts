import { readFileSync, readlinkSync, writeSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import koffi from 'koffi';
import { codeOf } from '../testing/native-under-test.js';
import { emptyFileStatus } from './files.js';
import { bindLibc } from './libc.js';
import { openNative } from './open-native.js';

const O_CLOEXEC = 0o2000000;
/** Below glibc's M_MMAP_THRESHOLD, so that they lie in its heap. */
const BLOCK_BYTES = 65_536;
const BLOCKS = 1_024;

describe('createMemoryFile', () => {
  test('what is written at a position is read at it, and the file is as long as that', () => {
    const { files } = openNative();
    const fd = files.createMemoryFile('round trip');
    expect([writeSync(fd, 'tail', 4_000_000), writeSync(fd, 'head', 0)]).toEqual([4, 4]);
    const into = Buffer.alloc(4);
    expect([files.readAt(fd, into, 0), into.toString()]).toEqual([4, 'head']);
    expect([files.readAt(fd, into, 4_000_000), into.toString()]).toEqual([4, 'tail']);
    const status = emptyFileStatus();
    files.status(fd, status);
    expect(status.sizeBytes).toBe(4_000_004);
    expect(files.accessMode(fd)).toBe('readWrite');
    files.close(fd);
  });

  test('it is close-on-exec and has the name it was given', () => {
    const { files } = openNative();
    const fd = files.createMemoryFile('given');
    const flags = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
    expect(Number.parseInt(flags, 8) & O_CLOEXEC).toBe(O_CLOEXEC);
    expect(readlinkSync(`/proc/self/fd/${fd}`)).toBe('/memfd:given (deleted)');
    files.close(fd);
  });

  test('where the kernel knows files that cannot be executed, it is one', () => {
    const { files } = openNative();
    const probe = bindLibc().memfdCreate(Buffer.from('probe\0'), 8);
    if (probe < 0) {
      process.stderr.write('SKIPPED createMemoryFile: no MFD_NOEXEC_SEAL before Linux 6.3\n');
      return;
    }
    files.close(probe);
    const fd = files.createMemoryFile('data');
    const status = emptyFileStatus();
    files.status(fd, status);
    expect(status.mode & 0o111).toBe(0);
    files.close(fd);
  });

  test('a name that is too long, or holds a NUL, is EINVAL', () => {
    const { files } = openNative();
    files.close(files.createMemoryFile('x'.repeat(249)));
    expect(codeOf(() => files.createMemoryFile('x'.repeat(250)))).toBe('EINVAL');
    expect(codeOf(() => files.createMemoryFile('a\0b'))).toBe('EINVAL');
  });
});

describe('trimHeap', () => {
  test('gives back what the heap kept below a block still in use', () => {
    const { limits } = openNative();
    const libc = koffi.load(null);
    if (bindLibc().mallocTrim === undefined) {
      limits.trimHeap();
      process.stderr.write('SKIPPED trimHeap: this C library has no malloc_trim\n');
      return;
    }
    const malloc = libc.func('intptr_t malloc(size_t)') as (bytes: number) => number;
    const memset = libc.func('void memset(intptr_t, int, size_t)') as (...args: number[]) => void;
    const free = libc.func('void free(intptr_t)') as (address: number) => void;
    const blocks = Array.from({ length: BLOCKS }, () => malloc(BLOCK_BYTES));
    for (const block of blocks) memset(block, 1, BLOCK_BYTES);
    const last = blocks.pop()!;
    for (const block of blocks) free(block);
    const residentBytes = (): number => process.memoryUsage.rss();
    const before = residentBytes();
    limits.trimHeap();
    // Half of it: the rest is room for what Jest allocates meanwhile.
    expect(before - residentBytes()).toBeGreaterThan((BLOCKS * BLOCK_BYTES) / 2);
    free(last);
  });
});
