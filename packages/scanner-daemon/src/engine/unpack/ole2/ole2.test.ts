import { deflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { compoundDocument } from '../../../testing/specimens/compound-document.js';
import { macroDocument, moduleList } from '../../../testing/specimens/macro-document.js';
import { projectDirectory } from '../../../testing/specimens/project-directory.js';
import { compressVba } from '../../../testing/specimens/vba-compress.js';
import { compoundFileOf } from '../testing/containers.js';
import { unpackAll } from '../testing/unpack-all.js';

const plain = { name: 'Plain', content: Buffer.alloc(5000, 'p') };

function packed(source: string): Uint8Array {
  return compressVba(Buffer.from(source)) ?? Buffer.alloc(0);
}

/** A project whose directory has one module so many times. */
function projectOf(times: number): Buffer {
  const source = Buffer.concat([Buffer.alloc(4096), packed('Attribute VB_Name = "Module1"\r\n')]);
  const modules = Array.from({ length: times }, () => ({ name: 'Module1', sourceOffset: 4096 }));
  const directory = compressVba(projectDirectory(modules)) ?? Buffer.alloc(0);
  return Buffer.from(
    compoundDocument([
      { name: '_VBA_PROJECT', content: moduleList([]) },
      { name: 'Module1', content: source },
      { name: 'dir', content: Buffer.concat([directory, Buffer.alloc(4096)]) },
    ]),
  );
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
    const stream = Buffer.concat([Buffer.alloc(5000, 7), packed(source)]);
    const { entries } = unpackAll('ole2', compoundFileOf([{ name: 'Module1', content: stream }]));
    expect(entries[1]).toBe(`Module1=${source}`);
  });

  test('gives the modules that a VBA project lists, whatever they begin with', () => {
    const modules = [
      { name: 'Module1', source: Buffer.from('Sub One()\r\nEnd Sub\r\n') },
      { name: 'Tabelle1', source: Buffer.from('x'.repeat(10_000)) },
    ];
    const { outcome, entries } = unpackAll('ole2', macroDocument(modules) ?? Buffer.alloc(0));
    expect(outcome).toEqual({ kind: 'done' });
    expect(entries.slice(1).filter((_, index) => index % 2 === 1)).toEqual([
      'Module1=Sub One()\r\nEnd Sub\r\n',
      `Tabelle1=${'x'.repeat(10_000)}`,
    ]);
  });

  test('gives the module that lies elsewhere than its project says, too', () => {
    const source = 'Attribute VB_Name = "Module1"\r\n';
    const stream = Buffer.concat([Buffer.alloc(5000, 7), packed(source)]);
    const list = { name: '_VBA_PROJECT', content: moduleList([{ name: 'Module1' }]) };
    const file = compoundDocument([list, { name: 'Module1', content: stream }]);
    expect(unpackAll('ole2', file).entries).toContain(`Module1=${source}`);
  });

  test('gives a project as a text', () => {
    const { outcome, entries } = unpackAll('ole2', projectOf(1));
    expect(outcome).toEqual({ kind: 'done' });
    expect(entries[0]).toMatch(/^=REM VBA project extracted[^]*\nattribute vb_name = "Module1"\r\n$/);
  });

  test('gives no text of a project that lists a module again and again', () => {
    const { outcome, entries } = unpackAll('ole2', projectOf(20_000));
    expect(outcome).toEqual({ kind: 'damaged' });
    expect(entries[0]).toMatch(/^_VBA_PROJECT=/);
  });

  test('ends where the storages of a file hang on each other in a ring', () => {
    const file = Buffer.from(macroDocument([{ name: 'Module1', source: Buffer.from('Sub One()') }]) ?? []);
    const directoryAt = 512 * (1 + file.readUInt32LE(48));
    file.writeUInt32LE(1, directoryAt + 3 * 128 + 72);
    expect(unpackAll('ole2', file).entries).toContain('Module1=Sub One()');
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
