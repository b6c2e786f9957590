import { describe, expect, test } from '@jest/globals';
import { readLdbLine } from './ldb-line.js';

/** Target description blocks of a signature with one subsignature, as clamscan 1.4.6 takes them. */
const BLOCKS: readonly (readonly [string, string])[] = [
  ['Target:0', 'logical'],
  ['Target:', 'logical'],
  ['Target:0,Target:1', 'logical'],
  ['Target:14', 'logical'],
  ['Target:15', 'otherLevel'],
  ['target:0', 'otherLevel'],
  ['Target:0,Foo:1', 'otherLevel'],
  [':Engine:81-255,Target:1', 'otherLevel'],
  ['Engine:81-255,Target:1,::', 'otherLevel'],
  ['Target:0,Foo:1,Bar', 'otherLevel'],
  ['Target:0,Foo', 'malformed'],
  ['Target:0,', 'malformed'],
  ['Target:x', 'malformed'],
  ['Target:-1', 'malformed'],
  ['Target:0 ', 'malformed'],
  ['', 'malformed'],
  ['Engine:51-255', 'malformed'],
  ['Engine:51-255,Target:0', 'logical'],
  ['Engine:51-216,Target:0', 'logical'],
  ['Engine:51-215,Target:0', 'otherLevel'],
  ['Engine:51-,Target:0', 'otherLevel'],
  ['Engine:217-255', 'otherLevel'],
  ['Engine:217-255,Target:x', 'malformed'],
  ['Engine:51,Target:0', 'malformed'],
  ['Target:0,Engine:51-255', 'malformed'],
  ['Target:0,FileSize:1-2', 'malformed'],
  ['Engine:50-255,Target:0,FileSize:1-2', 'malformed'],
  ['Engine:51-255,Target:0,FileSize:1-2', 'logical'],
  ['Engine:51-255,Target:0,FileSize:2-1', 'logical'],
  ['Engine:51-255,Target:0,FileSize:1', 'malformed'],
  ['Engine:51-255,Target:6,EntryPoint:1-2', 'logical'],
  ['Engine:51-255,Target:0,EntryPoint:1-2', 'malformed'],
  ['Engine:51-255,NumberOfSections:1-2,Target:9', 'logical'],
  ['Engine:51-255,NumberOfSections:1-2,Target:2', 'malformed'],
  ['Engine:51-255,Target:0,Container:CL_TYPE_ZIP', 'logical'],
  ['Engine:51-255,Target:0,Container:ZIP', 'otherLevel'],
  ['Target:0,Container:ZIP', 'otherLevel'],
  ['Engine:51-255,Target:0,Intermediates:CL_TYPE_ZIP>CL_TYPE_ANY', 'logical'],
  ['Engine:51-255,Target:0,Intermediates:CL_TYPE_ZIP>', 'otherLevel'],
  ['Engine:51-255,Target:0,HandlerType:CL_TYPE_PDF', 'logical'],
  ['Engine:51-255,Target:1,IconGroup1:', 'logical'],
  ['Engine:51-255,Target:0,IconGroup1:A', 'malformed'],
];

/** The second subsignature behind `414243`, and what becomes of it. */
const SECOND: readonly (readonly [string, string])[] = [
  ['444546', 'body'],
  ['0:444546::i', 'body'],
  [':444546', 'body'],
  ['4445:46', 'malformed'],
  ['$1$:444546', 'malformed'],
  ['444546:0:i', 'body'],
  ['444546:zz:', 'body'],
  ['444546:0:x', 'malformed'],
  ['0:444546:', 'malformed'],
  ['5:444546:i', 'malformed'],
  ['6:444546:0:i', 'body'],
  ['6:444546:x:q', 'malformed'],
  ['444546:0:i:', 'malformed'],
  ['444546:0:i:5:6', 'body'],
  ['444546::x', 'malformed'],
  ['444546::I', 'malformed'],
  ['444546::x::i', 'body'],
  ['', 'malformed'],
  ['${6-7}12$', 'macro'],
  ['${-6--7}12$1$', 'macro'],
  ['${6-7}32$', 'malformed'],
  ['${6}12$', 'malformed'],
  ['${6-7}12', 'malformed'],
  ['0(>>5#hb2#>1)', 'byteCompare'],
  ['(<<0x5#eb0x2#>0x1f,<5)', 'byteCompare'],
  ['0(>>5#db21#>)', 'byteCompare'],
  ['0(>>5#dl2#>1)', 'malformed'],
  ['0(>>5#ib3#>1)', 'malformed'],
  ['0(>>5#hb19#>1)', 'malformed'],
  ['0(>>5#hb2#>1,<2,=3)', 'malformed'],
  ['0(5#hb2#>1)', 'malformed'],
  ['fuzzy_img#af2ad01ed42993c7#0', 'unsupported'],
  ['fuzzy_img#af2ad01ed42993c7#1', 'malformed'],
  ['0/abc/', 'pcre'],
  ['5,6:0/a:b/girsmxAEUe', 'pcre'],
  ['0/a;b/', 'pcre'],
  ['0/a/b/', 'pcre'],
  ['0,9/abc/::i', 'pcre'],
  // clamscan 1.4.6 takes it.
  [`${'('.repeat(65)}0${')'.repeat(65)}/abc/`, 'unsupported'],
  ['0/abc/z', 'malformed'],
  ['1/abc/', 'malformed'],
  ['/abc/', 'malformed'],
  ['0//', 'malformed'],
  ['x:0/abc/', 'malformed'],
];

describe('readLdbLine', () => {
  test.each(BLOCKS)('block %j is %s', (block, expected) => {
    expect(readLdbLine(`T;${block};0;41424344`).kind).toBe(expected);
  });
  test.each(SECOND)('subsignature %j is %s', (text, expected) => {
    const read = readLdbLine(`T;Target:0;0&1;414243;${text}`);
    expect(read.kind === 'logical' ? read.subsignatures[1]?.kind : read.kind).toBe(expected);
  });
  test.each([
    ['T;Target:0;0&1;414243', 'malformed'],
    ['T;Target:0;0;414243;444546', 'malformed'],
    ['T;Target:0;0;414243;', 'malformed'],
    ['T;Engine:217-255,Target:0;0&1;414243', 'malformed'],
    ['T;Engine:217-255,Target:0;zz;zz', 'malformed'],
    ['T;Engine:217-255,Target:0;0;zz', 'otherLevel'],
    [';Target:0;0;414243', 'malformed'],
    ['T', 'malformed'],
    ['T/x;Target:0;0;414243', 'logical'],
    // clamscan 1.4.6 takes it.
    [`T;Target:0;${'('.repeat(65)}0&1${')'.repeat(65)};414243;444546`, 'unsupported'],
  ])('%s is %s', (line, expected) => {
    expect(readLdbLine(line).kind).toBe(expected);
  });
  test('reads modifiers behind a field of which nothing is made, as behind two colons', () => {
    const line = (text: string): string => `T;Target:0;0&1;414243;${text}`;
    expect(readLdbLine(line('6:444546:x:i'))).toEqual(readLdbLine(line('6:444546::i')));
    expect(readLdbLine(line('444546:x:w'))).toEqual(readLdbLine(line('444546::w')));
  });
  test('takes a regular expression apart', () => {
    const read = readLdbLine('T;Target:1;1;414243;EP+3,4:0>1/a\\/;b/gi');
    expect(read).toMatchObject({
      subsignatures: [
        {},
        {
          offset: { kind: 'entryPoint', delta: 3, maxShift: 4 },
          trigger: { index: 0, count: { operator: '>', count: 1 } },
          pattern: 'a\\/;b',
          flags: 'gi',
        },
      ],
    });
  });
  test('takes a byte comparison apart', () => {
    expect(readLdbLine('T;Target:0;1;414243;0(<<0x10#hle4#=0xff,<5)')).toMatchObject({
      subsignatures: [
        {},
        {
          trigger: 0,
          relativeOffset: -16,
          base: 'hex',
          byteOrder: 'little',
          exact: true,
          lengthBytes: 4,
          comparisons: [
            { operator: '=', value: 255n },
            { operator: '<', value: 5n },
          ],
        },
      ],
    });
  });
});
