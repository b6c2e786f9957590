import { deflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { compoundFileOf } from '../testing/containers.js';
import { unpackAll } from '../testing/unpack-all.js';

const plain = { name: 'Plain', content: Buffer.alloc(5000, 'p') };

/** [MS-OVBA], 2.4.1, with literals alone: no compressor is needed to write it. */
function compressVba(source: string): Buffer {
  const tokens: number[] = [];
  for (let at = 0; at < source.length; at += 8) tokens.push(0, ...Buffer.from(source.slice(at, at + 8)));
  const header = Buffer.alloc(3);
  header.writeUInt8(1, 0);
  header.writeUInt16LE(0xb000 | (tokens.length - 1), 1);
  return Buffer.concat([header, Buffer.from(tokens)]);
}

describe('OLE2', () => {
  test('gives its streams', () => {
    const file = compoundFileOf([plain, { name: 'Other', content: Buffer.alloc(4096, 'o') }]);
    expect(unpackAll('ole2', file)).toMatchObject({
      outcome: { kind: 'done' },
      entries: [`Plain=${'p'.repeat(5000)}`, `Other=${'o'.repeat(4096)}`],
    });
  });

  test('gives what is left of a truncated one', () => {
    const file = compoundFileOf([plain]);
    const { outcome, sizeBytes } = unpackAll('ole2', file.subarray(0, file.length - 1000));
    expect(outcome).toEqual({ kind: 'damaged' });
    expect(sizeBytes).toBe(5120 - 1000);
  });

  test('ends where a chain of sectors bites its tail', () => {
    const file = compoundFileOf([plain]);
    file.writeUInt32LE(2, 512 + 4 * 2);
    expect(unpackAll('ole2', file).outcome).toEqual({ kind: 'damaged' });
  });

  test('gives the source of a VBA module', () => {
    const source = 'Attribute VB_Name = "Module1"\r\nSub AutoOpen()\r\nEnd Sub\r\n';
    const stream = Buffer.concat([Buffer.alloc(5000, 7), compressVba(source)]);
    const { entries } = unpackAll('ole2', compoundFileOf([{ name: 'Module1', content: stream }]));
    expect(entries[1]).toBe(`Module1=${source}`);
  });

  test('gives the file that an Ole10Native stream holds', () => {
    const content = Buffer.alloc(5000, 'n');
    const sized = (bytes: Buffer): Buffer => {
      const size = Buffer.alloc(4);
      size.writeUInt32LE(bytes.length);
      return Buffer.concat([size, bytes]);
    };
    const text = (value: string): Buffer => Buffer.from(`${value}\0`);
    const header = [
      Buffer.alloc(6),
      text('label'),
      text('C:\\path'),
      Buffer.alloc(4),
      sized(text('C:\\tmp')),
    ];
    const stream = Buffer.concat([...header, sized(content), Buffer.alloc(10)]);
    const { entries } = unpackAll('ole2', compoundFileOf([{ name: '\u0001Ole10Native', content: stream }]));
    expect(entries[1]).toBe(`\u0001Ole10Native=${'n'.repeat(5000)}`);
  });

  test('gives the packed objects of a presentation', () => {
    const packed = deflateSync('an object of its own');
    const record = Buffer.from([0x10, 0, 0x11, 0x10, packed.length + 4, 0, 0, 0, 20, 0, 0, 0]);
    const stream = Buffer.concat([Buffer.alloc(5000), record, packed]);
    const file = compoundFileOf([{ name: 'PowerPoint Document', content: stream }]);
    expect(unpackAll('ole2', file).entries[1]).toBe('PowerPoint Document=an object of its own');
  });

  test('anything else is damaged', () => {
    expect(unpackAll('ole2', Buffer.alloc(4096)).outcome).toEqual({ kind: 'damaged' });
  });
});
