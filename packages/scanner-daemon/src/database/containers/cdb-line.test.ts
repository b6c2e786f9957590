import { describe, expect, test } from '@jest/globals';
import { readCdbLine } from './cdb-line.js';

/** A line of these fields behind the name, with nothing in the reserved ones. */
const line = (fields: string): string => `N:${fields}:*:*`;

/** Each was shown to clamscan 1.4.6. */
describe('readCdbLine', () => {
  test('reads all fields', () => {
    expect(readCdbLine('N:CL_TYPE_ZIP:10-20:\\.exe$:5:6-7:1:3:*:*:51:255')).toEqual({
      kind: 'containerMetadata',
      name: 'N',
      containerType: 'CL_TYPE_ZIP',
      containerSize: { min: 10, max: 20 },
      fileNamePattern: '\\.exe(?:$)',
      ignoresCase: false,
      compressedSize: { min: 5, max: 5 },
      realSize: { min: 6, max: 7 },
      isEncrypted: true,
      position: { min: 3, max: 3 },
    });
  });

  test.each([
    line('CL_TYPE_ZIP:*:foo:*:*:*:*'),
    line('*:*:foo:*:*:*:*'),
    line('CL_TYPE_ANY:*:foo:*:*:*:*'),
    line('CL_TYPE_ZIP:20-10:foo:*:*:*:*'),
    line('CL_TYPE_ZIP::foo:*:*:*:*'),
    line('CL_TYPE_ZIP:99999999999999999999:foo:*:*:*:*'),
    line('CL_TYPE_ZIP:10-20-30:foo:*:*:*:*'),
    line('CL_TYPE_ZIP:10--20:foo:*:*:*:*'),
    line('CL_TYPE_ZIP:*:*:*:*:*:*'),
    line('CL_TYPE_ZIP:*:foo:*:*:0:*'),
    line('CL_TYPE_ZIP:*:foo:*:*:*:'),
    'N:CL_TYPE_ZIP:*:foo:*:*:*:*:x:0x12ab',
    'N:CL_TYPE_ZIP:*:foo:*:*:*:*:*:*:',
    'N:CL_TYPE_ZIP:*:foo:*:*:*:*:*:*:51',
  ])('takes %s', (text) => {
    expect(readCdbLine(text).kind).toBe('containerMetadata');
  });

  test.each([':51:', ':300', ':51:60', ':300:x'])('skips a signature of the levels %s', (levels) => {
    expect(readCdbLine(`N:CL_TYPE_ZIP:*:foo:*:*:*:*:*:*${levels}`).kind).toBe('otherLevel');
  });

  test.each([
    '',
    line('ZIP:*:foo:*:*:*:*'),
    line('CL_TYPE_FOO:*:foo:*:*:*:*'),
    line('cl_type_zip:*:foo:*:*:*:*'),
    line(':*:foo:*:*:*:*'),
    'N:CL_TYPE_ZIP:*:foo:*:*:*:*:*',
    'N:CL_TYPE_ZIP:*:foo:*:*:*:*:*:*:x',
    'N:CL_TYPE_ZIP:*:foo:*:*:*:*:*:*:-1',
    'N:CL_TYPE_ZIP:*:foo:*:*:*:*:*:*:51:x',
    'N:CL_TYPE_ZIP:*:foo:*:*:*:*:*:*:51:255:9',
    line('CL_TYPE_ZIP:-10:foo:*:*:*:*'),
    line('CL_TYPE_ZIP:10-:foo:*:*:*:*'),
    line('CL_TYPE_ZIP:x:foo:*:*:*:*'),
    line('CL_TYPE_ZIP:10x:foo:*:*:*:*'),
    line('CL_TYPE_ZIP:0x10:foo:*:*:*:*'),
    line('CL_TYPE_ZIP: 10:foo:*:*:*:*'),
    line('CL_TYPE_ZIP:+10:foo:*:*:*:*'),
    line('CL_TYPE_ZIP:**:foo:*:*:*:*'),
    line('CL_TYPE_ZIP:*-20:foo:*:*:*:*'),
    line('CL_TYPE_ZIP:*::*:*:*:*'),
    line('CL_TYPE_ZIP:*:(:*:*:*:*'),
    line('CL_TYPE_ZIP:*:foo:x:*:*:*'),
    line('CL_TYPE_ZIP:*:foo:*:x:*:*'),
    line('CL_TYPE_ZIP:*:foo:*:*:2:*'),
    line('CL_TYPE_ZIP:*:foo:*:*::*'),
    line('CL_TYPE_ZIP:*:foo:*:*:*:x'),
    ':CL_TYPE_ZIP:*:foo:*:*:*:*:*:*',
  ])('refuses %s', (text) => {
    expect(readCdbLine(text).kind).toBe('malformed');
  });

  test('counts an expression that is too large for us as not supported', () => {
    const repeated = '((((a{255}){255}){255}){255}){255}';
    expect(readCdbLine(line(`CL_TYPE_ZIP:*:${repeated}:*:*:*:*`)).kind).toBe('unsupported');
  });
});
