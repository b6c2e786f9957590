import { describe, expect, test } from '@jest/globals';
import { readCdbLine } from '../../database/containers/cdb-line.js';
import { createContainerMetadataMatcher, type EntryMetadata } from './container-metadata.js';

function entry(fileName: string, rest: Partial<EntryMetadata> = {}): EntryMetadata {
  return {
    containerType: 'CL_TYPE_ZIP',
    containerSizeBytes: 132,
    fileName: Buffer.from(fileName, 'latin1'),
    compressedSizeBytes: 22,
    realSizeBytes: 5000,
    isEncrypted: false,
    position: 1,
    ...rest,
  };
}

/** The entries that clamscan 1.4.6 was shown: `a.zip` with two, `b.zip` with one, `c.tar` with one. */
const A1 = entry('dir/FooBar.txt', { containerSizeBytes: 522, compressedSizeBytes: 100, realSizeBytes: 100 });
const A2 = entry('second.exe', {
  ...{ containerSizeBytes: 522, compressedSizeBytes: 200, realSizeBytes: 200, position: 2 },
});
const B = entry('foobar');
const TAR = { containerType: 'CL_TYPE_POSIX_TAR', containerSizeBytes: 10240 };
const C = entry('foobar', { ...TAR, compressedSizeBytes: 10, realSizeBytes: 10 });
const ARCHIVES = { a: [A1, A2], b: [B], c: [C] };

function archivesMatching(fields: string): string {
  const signature = readCdbLine(`N:${fields}:*:*`);
  if (signature.kind !== 'containerMetadata') return signature.kind;
  const match = createContainerMetadataMatcher([signature]);
  return Object.entries(ARCHIVES)
    .filter(([, entries]) => entries.some((each) => match(each).length > 0))
    .map(([name]) => name)
    .join('');
}

describe('createContainerMetadataMatcher', () => {
  test.each([
    ['*:*:foobar:*:*:*:*', 'bc'],
    ['CL_TYPE_ZIP:*:*:*:*:*:*', 'ab'],
    ['CL_TYPE_POSIX_TAR:*:*:*:*:*:*', 'c'],
    ['CL_TYPE_MSEXE:*:*:*:*:*:*', ''],
    ['CL_TYPE_ANY:*:*:*:*:*:*', 'abc'],
    ['CL_TYPE_ZIP:132:*:*:*:*:*', 'b'],
    ['CL_TYPE_ZIP:1-132:*:*:*:*:*', 'b'],
    ['*:*:*:5000:*:*:*', ''],
    ['*:*:*:*:5000:*:*', 'b'],
    ['*:*:*:22:*:*:*', 'b'],
    ['*:*:*:*:200:*:*', 'a'],
    ['*:*:*:*:201:*:*', ''],
    ['*:*:*:*:*:0:*', 'abc'],
    ['*:*:*:*:*:1:*', ''],
    ['*:*:*:*:*:*:0', ''],
    ['*:*:*:*:*:*:1', 'abc'],
    ['*:*:*:*:*:*:2', 'a'],
    ['*:*:*:*:*:*:1-2', 'abc'],
    ['*:*:*:*:200-10:*:*', ''],
    ['*:*:*:*:0:*:*', ''],
    ['*::*:*:*:*:*', ''],
    ['*:*:*:*:10-20-300:*:*', 'c'],
    ['*:*:*:*:5000-0:*:*', 'b'],
    ['*:*:*:*:0-4294967295:*:*', 'abc'],
    ['*:*:*:*:1-99999999999999999999:*:*', 'abc'],
    ['*:*:*:*:1-100x:*:*', 'ac'],
    ['*:*:*:*:1-100)0:*:*', 'ac'],
    ['*:*:*:* +1- 100:*:*', 'malformed'],
    ['*:*:*:*: +1- +100:*:*', 'ac'],
    ['*:*:*:*:0144-0x:*:*', ''],
    ['*:*:*:*:1-0xff:*:*', ''],
    ['*:*:*:*:1--5:*:*', 'abc'],
    ['*:*:*:*:-1-5:*:*', 'abc'],
    ['*:*:*:*:-5-0:*:*', ''],
    ['*:*:*:*:4294967295:*:*', 'abc'],
    ['*:*:*:*:4294967396:*:*', 'a'],
    ['*:*:*:*:1-4294967396:*:*', 'ac'],
  ])('%s matches in %j, as in clamscan', (fields, archives) => {
    expect(archivesMatching(fields)).toBe(archives);
  });

  test('tells all names in the order of the database, and compares bytes as they are', () => {
    const lines = ['One:*:*:\xff$:*:*:*:*:*:*', 'Two:*:*:a:*:*:*:*:*:*', 'Three:*:*:*:*:*:*:*:*:*'];
    const signatures = lines.map(readCdbLine).filter((line) => line.kind === 'containerMetadata');
    expect(createContainerMetadataMatcher(signatures)(entry('b\xff'))).toEqual(['One', 'Three']);
    expect(createContainerMetadataMatcher([])(entry('x'))).toEqual([]);
  });

  test('a name made for a slow expression takes no time to speak of', () => {
    const signature = readCdbLine('N:*:*:(a+)+$:*:*:*:*:*:*');
    if (signature.kind !== 'containerMetadata') throw new Error(signature.kind);
    const startedMs = performance.now();
    expect(createContainerMetadataMatcher([signature])(entry(`${'a'.repeat(1000)}!`))).toEqual([]);
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });
});
