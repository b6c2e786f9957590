import { describe, expect, test } from '@jest/globals';
import { readLdbLine } from '../../database/readers/ldb-line.js';
import { readNdbLine } from '../../database/readers/ndb-line.js';
import type { ExtendedSignature, LogicalSignature } from '../../database/model/logical-signature.js';
import { bytesInput } from '../../engine/engine.js';
import { readExecutable } from '../../engine/executables/read-executable.js';
import { unpackAll } from '../../engine/unpack/testing/unpack-all.js';
import { crc32 } from './crc32.js';
import { buildSpecimens } from './specimen-set.js';
import type { SpecimenKind } from './specimen-set.js';

function signatureOf(line: string): LogicalSignature | ExtendedSignature {
  const read = line.includes(';') ? readLdbLine(line) : readNdbLine(line);
  if (read.kind === 'logical' || read.kind === 'extended') return read;
  throw new Error(read.kind);
}

function build(line: string): Partial<Record<SpecimenKind, Buffer>> {
  const set = buildSpecimens(signatureOf(line), true);
  if (set.kind === 'unbuilt') throw new Error(set.reason);
  return Object.fromEntries(set.files.map(({ kind, bytes }) => [kind, Buffer.from(bytes)]));
}

function unbuiltReason(line: string): string | undefined {
  const set = buildSpecimens(signatureOf(line), false);
  return set.kind === 'unbuilt' ? set.reason : undefined;
}

describe('files for signatures', () => {
  test('have a pattern at its place, and once not', () => {
    const { match, shifted, changed } = build('X:0:10:616263646566');
    expect(match?.indexOf('abcdef')).toBe(10);
    expect(shifted?.indexOf('abcdef')).toBe(11);
    expect(changed?.includes('abcdef')).toBe(false);
  });

  test('have a pattern so far from their end', () => {
    const { match } = build('X:0:EOF-20:616263646566');
    expect(match?.indexOf('abcdef')).toBe((match?.length ?? 0) - 20);
  });

  test('keep the least gap', () => {
    expect(build('X:0:0:6162{3-9}6364').match?.subarray(0, 7).toString('latin1')).toMatch(/^ab...cd$/s);
  });

  test('count', () => {
    const { match, tooFew } = build('X;Engine:51-255,Target:0;0>2&1;6162636465;7172737475');
    const occurrences = (bytes: Buffer | undefined): number =>
      (bytes?.toString('latin1').split('abcde').length ?? 0) - 1;
    expect([occurrences(match), occurrences(tooFew)]).toEqual([3, 2]);
  });

  test('put words between what ends them', () => {
    expect(build('X;Engine:51-255,Target:0;0;6162636465::f').match?.toString('latin1')).toMatch(
      /[^a-z]abcde[^a-z]/,
    );
  });

  test.each([
    ['1', 'MZ'],
    ['6', '\x7fELF'],
    ['9', '\xfe\xed\xfa\xce'],
    ['10', '%PDF-'],
    ['11', 'FWS'],
    ['2', '\xd0\xcf\x11\xe0'],
  ])('of target %s begin with %j', (target, start) => {
    const { match } = build(`X:${target}:*:616263646566`);
    expect(match?.subarray(0, start.length).toString('latin1')).toBe(start);
  });

  test.each(['EP+5', 'EP-9', 'S1+3', 'SL+7', 'SE0'])('hold a pattern at %s of an executable', (offset) => {
    expect(build(`X:1:${offset}:616263646566`).match?.includes('abcdef')).toBe(true);
  });

  test('have the size and the numbers that are asked for', () => {
    const { match } = build('X;Engine:81-255,FileSize:5000-5100,Target:0;0&1;6162636465;0(>>9#hb4#=258)');
    expect(match?.length).toBe(5000);
    const at = match?.indexOf('abcde') ?? 0;
    expect([...(match?.subarray(at + 9, at + 13) ?? [])].length).toBe(4);
  });

  test('are put into a zip', () => {
    const { match } = build('X;Engine:81-255,Container:CL_TYPE_ZIP,Target:0;0;6162636465');
    expect(match?.subarray(0, 4).toString('latin1')).toBe('PK\x03\x04');
  });

  test.each([
    ['CL_TYPE_OOXML_WORD', 'PK\x03\x04'],
    ['CL_TYPE_MSOLE2', '\xd0\xcf\x11\xe0'],
    ['CL_TYPE_ANY', '\xc1\xd3\xc8'],
  ])('are put into %s', (container, start) => {
    const { match } = build(`X;Engine:81-255,Container:${container},Target:0;0;6162636465`);
    expect(match?.subarray(0, start.length).toString('latin1')).toBe(start);
  });

  test('are documents whose macro has the pattern, where it must lie at the beginning', () => {
    const { match, shifted } = build('X;Engine:81-255,Target:2;0;0:4174747269627574652056425f');
    const modules = [match, shifted].map((bytes) =>
      unpackAll('ole2', bytes ?? Buffer.alloc(0)).entries.at(-1),
    );
    expect(modules[0]).toMatch(/^Module1=Attribute VB_/);
    expect(modules[1]).toMatch(/^Module1=qAttribute VB_/);
  });

  test.each([
    ['0:89504e47', '\x89PNG\r\n'],
    ['0:ffd8ff', '\xff\xd8\xff\xe0'],
    ['0:49492a00', 'II*\0'],
  ])('are another image where %s is wanted', (pattern, start) => {
    const { match } = build(`X:5:${pattern}`);
    expect(match?.subarray(0, start.length).toString('latin1')).toBe(start);
  });

  test.each(['0', '200', '500'])(
    'have a pattern at %s of an executable out of the way of its headers',
    (at) => {
      const { match } = build(`X;Engine:81-255,Target:1;0&1;${at}:4d5a90000300;EP+0:616263646566`);
      expect(match?.subarray(Number(at), Number(at) + 4).toString('hex')).toBe('4d5a9000');
      const layout = readExecutable(bytesInput(match ?? Buffer.alloc(0)), 'pe');
      expect(match?.indexOf('abcdef')).toBe(layout?.entryPointOffset);
    },
  );

  test('have two patterns with gaps at one place', () => {
    const { match } = build('X;Engine:81-255,Target:0;0&1;0:6162{-20}63646566;0:6162{-20}6768696a');
    expect(match?.toString('latin1')).toMatch(/^ab.{0,20}cdef/s);
    expect(match?.toString('latin1')).toMatch(/^ab.{0,20}ghij/s);
  });

  test('are not built for what is not supported', () => {
    expect(unbuiltReason('X;Engine:81-255,Target:1,IconGroup1:A;0;6162636465')).toBe('icon group');
    expect(unbuiltReason('X;Engine:81-255,Target:0;0&1;0:6162636465;0:7172737475')).toBe(
      'no room at absolute',
    );
  });
});

test('the checksum of zip', () => {
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
});
