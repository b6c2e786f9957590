import { describe, expect, test } from '@jest/globals';
import { bytesInput, type ScanInput } from '../engine.js';
import { tarMember, tarOf, zipOf } from '../unpack/testing/containers.js';
import { namesOf, scanAll, testBudget, testEngine } from './testing/test-engine.js';

const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');
const UNREADABLE = { kind: 'failed', message: "Can't read file" };

/** An input that ends at `atBytes` once it was read to its end. */
function shrinkingInput(bytes: Uint8Array, atBytes: number): ScanInput {
  let current = bytes;
  return {
    sizeBytes: bytes.length,
    read: (inputOffset, lengthBytes) => {
      const view = current.subarray(inputOffset, inputOffset + lengthBytes);
      if (inputOffset + lengthBytes >= bytes.length) current = bytes.subarray(0, atBytes);
      return view;
    },
  };
}

describe('a file that becomes shorter while it is scanned', () => {
  const engine = testEngine({ ndb: [`Sig:0:*:${hex('MALICIOUS')}`] });
  const evil = Buffer.alloc(3 << 19);
  evil.write('MALICIOUS', 1 << 20);
  const containers: readonly (readonly [string, Uint8Array])[] = [
    ['tar', tarOf([tarMember('big', evil)])],
    ['stored zip', zipOf([{ name: 'big', content: evil, method: 0 }])],
    ['packed zip', zipOf([{ name: 'big', content: evil }])],
  ];

  test.each(containers)('is not clean: %s', (_, bytes) => {
    const other = testEngine({ ndb: [`Other:0:*:${hex('NOT IN IT')}`] });
    const { verdict } = scanAll(other, shrinkingInput(bytes, bytes.length >> 1));
    expect(verdict).toEqual(UNREADABLE);
  });

  test('has what was found before', () => {
    const bytes = zipOf([
      { name: 'one', content: Buffer.from('MALICIOUS') },
      { name: 'big', content: Buffer.alloc(3 << 19), method: 0 },
    ]);
    expect(namesOf(scanAll(engine, shrinkingInput(bytes, 4096)))).toEqual(['Sig']);
  });
});

/** Signatures as clamscan 1.4.6 was asked about them, and what it answered. */
describe('a signature with a HandlerType', () => {
  const handler = (type: string, target = 0): string =>
    `H.${type};Engine:81-255,Target:${String(target)},HandlerType:CL_TYPE_${type};0;${hex(`HANDLE_${type}`)}`;
  const engine = testEngine({
    ldb: [
      ...['PDF', 'GRAPHICS', 'HTML', 'MAIL', 'ZIP', 'TEXT_ASCII', 'BINARY_DATA', 'RTF'].map((type) =>
        handler(type),
      ),
      handler('ELF', 9),
      ...[0, 3, 4, 5, 7, 10].map(
        (target) => `T${String(target)};Engine:81-255,Target:${String(target)};0;${hex('target pattern')}`,
      ),
      `In;Engine:81-255,Target:0;0;${hex('content of zip')}`,
    ],
  });
  const scan = (text: string, allMatch = false): readonly string[] => {
    const bytes = Buffer.from(`\x01\x02\xff\xfe${text}`, 'latin1');
    return namesOf(engine.scan(bytesInput(bytes), { allMatch, budget: testBudget() }));
  };

  test.each([
    ['HANDLE_PDF target pattern', 'T10'],
    ['HANDLE_GRAPHICS target pattern', 'T5'],
    ['HANDLE_HTML Target  Pattern', 'T3'],
    ['HANDLE_MAIL target pattern', 'T4'],
    ['HANDLE_BINARY_DATA target pattern', 'H.BINARY_DATA'],
    ['HANDLE_RTF target pattern', 'H.RTF'],
    ['HANDLE_PDF', 'H.PDF'],
  ])('has the file scanned again as that: %j', (text, name) => {
    expect(scan(text)).toEqual([name]);
  });

  test('is no finding where it does not match what the file then is', () => {
    expect(scan('HANDLE_HTML and nothing more', true)).toEqual([]);
  });

  test('acts once on a file; another one is a finding', () => {
    expect([...scan('HANDLE_GRAPHICS HANDLE_PDF target pattern', true)].toSorted()).toEqual([
      'H.GRAPHICS',
      'H.PDF',
      'T0',
      'T10',
    ]);
  });

  test('has a file that was none unpacked', () => {
    const archive = zipOf([{ name: 'a', content: Buffer.from('content of zip') }]);
    expect(scan(`HANDLE_ZIP${archive.toString('latin1')}`, true)).toEqual(['H.ZIP', 'In']);
  });
});

/** clamscan 1.4.6 calls most of them UTF-16BE, and makes one form of all. */
test.each([
  ['a NUL before it', '\0First line  of text'],
  ['NULs in it', 'First\0 line\0 of text'],
  ['control characters', '\x01\x02First line of text\x03'],
  ['UTF-16 without a mark', Buffer.from('First line of text', 'utf16le').toString('latin1')],
])('signatures for text match a text with %s', (_, text) => {
  const engine = testEngine({ ldb: [`Text;Engine:81-255,Target:7;0;0:${hex('first line of text')}`] });
  expect(namesOf(scanAll(engine, text))).toEqual(['Text']);
});
