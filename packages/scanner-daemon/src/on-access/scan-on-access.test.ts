import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readClamdConfig } from '@portcullis/shared';
import { makeTempDir, type TempDir } from '@portcullis/shared/testing';
import { readScanOnAccess, type ScanOnAccess } from './scan-on-access.js';

let directory: TempDir;

beforeEach(() => {
  directory = makeTempDir('conf-');
});

afterEach(() => {
  directory.remove();
});

function read(text: string): ScanOnAccess {
  const path = `${directory.path}/clamd.conf`;
  writeFileSync(path, text);
  return readScanOnAccess(path, readClamdConfig(text, path).issues);
}

describe('readScanOnAccess', () => {
  test.each([
    ['ScanOnAccess yes\n', 'yes'],
    ['ScanOnAccess true', 'yes'],
    ['  ScanOnAccess\t1 \n', 'yes'],
    ['ScanOnAccess "Yes"\n', 'yes'],
    ['ScanOnAccess yes # on\n', 'yes'],
    ['ScanOnAccess no\n', 'no'],
    ['ScanOnAccess maybe\n', 'no'],
    ['#ScanOnAccess yes\n', 'no'],
    ['LocalSocket /x\n', 'no'],
    ['LocalSocket /x\n\n# a\nScanOnAccess yes\nTCPSocket 3310\n', 'yes'],
    ['ScanOnAccess no\nScanOnAccess yes\n', 'no'],
    [`# ${'x'.repeat(3_000)}\nScanOnAccess yes\n`, 'yes'],
  ] as const)('%j is %s', (text, value) => {
    expect(read(text)).toBe(value);
  });

  test('a file that is gone by now says nothing', () => {
    const { issues } = readClamdConfig('ScanOnAccess yes\n', 'f');
    expect(readScanOnAccess(`${directory.path}/gone`, issues)).toBe('unknown');
  });

  test('without a file it is off', () => {
    expect(readScanOnAccess(undefined, [])).toBe('no');
  });
});
