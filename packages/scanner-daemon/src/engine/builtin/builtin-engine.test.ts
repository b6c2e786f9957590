import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { bytesInput, type ScanInput } from '../engine.js';
import { buildPe } from '../executables/testing/pe-builder.js';
import { namesOf, scanAll, testBudget, testEngine } from './testing/test-engine.js';

const digest = (algorithm: string, content: Uint8Array): string =>
  createHash(algorithm).update(content).digest('hex');
const content = Buffer.from('..ABCDEFGH..');
const md5 = digest('md5', content);
const sha1 = digest('sha1', content);
const sha256 = digest('sha256', content);
const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');
const BODIES = [`Body1:0:*:${hex('ABCD')}`, `Body2:0:*:${hex('EFGH')}`];
const HASHES = [
  `${md5}:12:Md`,
  `${md5}:*:MdAny:73`,
  `${sha256}:12:S256`,
  `${sha1}:12:S1`,
  `${sha1}:*:S1any:73`,
];

describe('BuiltinEngine hashes', () => {
  test('reports bodies first, then MD5, SHA1, SHA256, each with its size before any size, as clamd does', () => {
    const engine = testEngine({ ndb: BODIES, hashes: HASHES });
    expect(namesOf(scanAll(engine, content))).toEqual([
      'Body1',
      'Body2',
      'Md',
      'MdAny',
      'S1',
      'S1any',
      'S256',
    ]);
    const one = engine.scan(bytesInput(content), { allMatch: false, budget: testBudget() });
    expect(namesOf(one)).toEqual(['Body1']);
  });

  test('needs the size to be right', () => {
    expect(namesOf(scanAll(testEngine({ hashes: [`${md5}:13:Sig`] }), content))).toEqual([]);
    expect(namesOf(scanAll(testEngine({ hashes: [`${sha256}:11:Sig`] }), content))).toEqual([]);
  });

  test('lets the later of two equal hashes name the file, as clamd does', () => {
    const engine = testEngine({ hashes: [`${md5}:12:One`, `${md5}:12:Two`] });
    expect(namesOf(scanAll(engine, content))).toEqual(['Two']);
  });

  test('tells neighbours apart that share all bytes of the hash but one', () => {
    const flip = (at: number): string => {
      const bytes = Buffer.from(md5, 'hex');
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      return bytes.toString('hex');
    };
    const others = Array.from({ length: 16 }, (_none, at) => `${flip(at)}:12:Other${at}`);
    expect(namesOf(scanAll(testEngine({ hashes: others }), content))).toEqual([]);
    expect(namesOf(scanAll(testEngine({ hashes: [...others, `${md5}:12:Right`] }), content))).toEqual([
      'Right',
    ]);
  });

  test('hashes a file of several windows whole', () => {
    const big = Buffer.alloc(3 * (1 << 20) + 17, 'x');
    const engine = testEngine({ hashes: [`${digest('sha1', big)}:${big.length}:Big`] });
    expect(namesOf(scanAll(engine, big))).toEqual(['Big']);
  });
});

describe('BuiltinEngine false positives', () => {
  test.each([`${md5}:12:fp`, `${md5}:*:fp:73`, `${sha1}:12:fp`, `${sha256}:12:fp`, `${sha256}:*:fp:73`])(
    'makes a detected file clean: %s',
    (line) => {
      const engine = testEngine({ ndb: BODIES, hashes: HASHES, falsePositives: [line] });
      expect(scanAll(engine, content).verdict).toEqual({ kind: 'clean' });
      const one = engine.scan(bytesInput(content), { allMatch: false, budget: testBudget() });
      expect(one.verdict).toEqual({ kind: 'clean' });
    },
  );

  test('leaves other files alone', () => {
    const engine = testEngine({ ndb: BODIES, falsePositives: [`${md5}:13:fp`, `${'0'.repeat(32)}:12:fp`] });
    expect(namesOf(scanAll(engine, content))).toEqual(['Body1', 'Body2']);
  });
});

describe('BuiltinEngine order and targets', () => {
  test('reports a signature for the file type before one for any type', () => {
    const engine = testEngine({
      ndb: [`Any:0:*:${hex('ABCD')}`, `Pe:1:*:${hex('EFGH')}`, `Elf:6:*:${hex('EFGH')}`],
    });
    const pe = Buffer.from('MZ..ABCD..EFGH');
    expect(namesOf(scanAll(engine, pe))).toEqual(['Pe', 'Any']);
    expect(namesOf(engine.scan(bytesInput(pe), { allMatch: false, budget: testBudget() }))).toEqual(['Pe']);
    expect(namesOf(scanAll(engine, content))).toEqual(['Any']);
    const onlyAny = engine.scan(bytesInput(Buffer.from('MZ..ABCD..')), {
      allMatch: false,
      budget: testBudget(),
    });
    expect(namesOf(onlyAny)).toEqual(['Any']);
  });

  test('keeps no state from one scan to the next', () => {
    const engine = testEngine({ ndb: [`Sig:0:*:${hex('ABCDEFG')}*${hex('XYZ')}`] });
    for (let round = 0; round < 3; round++) {
      expect(namesOf(scanAll(engine, 'ABCDEFG..XYZ'))).toEqual(['Sig']);
      expect(namesOf(scanAll(engine, 'XYZ..ABCDEFG'))).toEqual([]);
    }
  });
});

describe('BuiltinEngine limits', () => {
  const engine = testEngine({ ndb: [`Sig:0:0:${hex('ABCDEF')}`] });
  const infected = Buffer.from('ABCDEF and more');

  test('does not look at files of up to five bytes, as clamd does not', () => {
    const tiny = testEngine({ ndb: [`Sig:0:0:${hex('ABC')}`] });
    expect(scanAll(tiny, 'ABCDE')).toEqual({ verdict: { kind: 'clean' }, bytesScanned: 0 });
    expect(scanAll(tiny, '').verdict).toEqual({ kind: 'clean' });
    expect(namesOf(scanAll(tiny, 'ABCDEF'))).toEqual(['Sig']);
  });

  test('skips a file over MaxFileSize or MaxScanSize, and says which', () => {
    const scan = (limits: object): object =>
      engine.scan(bytesInput(infected), { allMatch: false, budget: testBudget(limits) });
    expect(scan({ maxFileSizeBytes: 14 })).toEqual({
      verdict: { kind: 'incomplete', reason: 'fileTooLarge' },
      bytesScanned: 0,
    });
    expect(scan({ maxScanSizeBytes: 14 })).toMatchObject({
      verdict: { kind: 'incomplete', reason: 'scanTooLarge' },
    });
    expect(scan({ maxFileSizeBytes: 15, maxScanSizeBytes: 15 })).toMatchObject({
      verdict: { kind: 'infected' },
    });
  });

  test('says timeLimit when the deadline passes between two windows, unless something was found before', () => {
    let nowMs = 0;
    const scan = (head: string): object => {
      nowMs = 0;
      const budget = testBudget({ deadlineAtMs: 2 }, () => nowMs++);
      const bytes = Buffer.concat([Buffer.from(head), Buffer.alloc(8 << 20)]);
      return engine.scan(bytesInput(bytes), { allMatch: true, budget });
    };
    expect(scan('nothing')).toEqual({
      verdict: { kind: 'incomplete', reason: 'timeLimit' },
      bytesScanned: 2 << 20,
    });
    expect(scan('ABCDEF')).toMatchObject({ verdict: { kind: 'infected', signatureNames: ['Sig'] } });
  });

  test('fails when the input turns out shorter than it said', () => {
    const input = { sizeBytes: 100, read: () => new Uint8Array(50) };
    expect(scanAll(engine, input).verdict).toEqual({ kind: 'failed', message: "Can't read file" });
  });
});

describe('BuiltinEngine on files larger than a window', () => {
  test('reads the headers of an executable before it passes over the bytes that share their memory', () => {
    const sections = [{ bytes: Buffer.alloc(3 << 20, 'x') }];
    const file = buildPe({ sections, entryPoint: 0x1000 });
    // Where the entry point offset is asked about, the window is that at the end.
    const at = file.length - 64;
    file.set(Buffer.from('ABCDEFGHIJKLMNOP'), at);
    const md5 = digest('md5', file);
    const engine = testEngine({
      ndb: [`Wrong:1:EP+0:${hex('ABCDEFGHIJKLMNOP')}`, `Right:1:*:${hex('DEFGHIJKLMNOP')}`],
      hashes: [`${md5}:${file.length}:Whole`],
    });
    expect(namesOf(scanAll(engine, sharedMemoryInput(file)))).toEqual(['Right', 'Whole']);
  });

  test('reads its version information before, too', () => {
    const sections = [{ bytes: Buffer.alloc(3 << 20, 'x') }];
    const totalBytes = (3 << 20) + (1 << 19);
    const file = buildPe({ sections, versionStrings: [['CompanyName', 'Acme']], totalBytes });
    const key = Buffer.from('CompanyName', 'utf16le').toString('hex');
    const engine = testEngine({
      ndb: [`Version:1:VI:${key}`],
      hashes: [`${digest('md5', file)}:${file.length}:Whole`],
    });
    expect(namesOf(scanAll(engine, sharedMemoryInput(file)))).toEqual(['Version', 'Whole']);
  });
});

/** As a descriptor is read: into the same memory each time, and more than was asked for. */
function sharedMemoryInput(file: Uint8Array): ScanInput {
  const scratch = new Uint8Array((1 << 20) + (1 << 15));
  return {
    sizeBytes: file.length,
    read: (inputOffset, lengthBytes) => {
      scratch.set(file.subarray(inputOffset, inputOffset + Math.max(lengthBytes, 1 << 18)));
      return scratch.subarray(0, lengthBytes);
    },
  };
}
