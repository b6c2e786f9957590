import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { moduleList } from '../../../testing/specimens/macro-document.js';
import { listedModules } from './vba-module-list.js';

function namesIn(stream: Uint8Array): readonly string[] {
  return listedModules(Buffer.from(stream)).map(({ name }) => name.toString('utf16le'));
}

describe('the modules that a _VBA_PROJECT stream lists', () => {
  test('come in its order, with the place of their source', () => {
    const stream = Buffer.from(moduleList([{ name: 'ThisDocument' }, { name: 'Module1' }]));
    expect(listedModules(stream)).toEqual([
      { name: Buffer.from('ThisDocument', 'utf16le'), sourceOffset: 4096 },
      { name: Buffer.from('Module1', 'utf16le'), sourceOffset: 4096 },
    ]);
  });

  test('are read as Office 97 writes them, too', () => {
    const stream = Buffer.alloc(0x1e + 6 + 0x64);
    stream.fill(0xff, 0x1e, 0x24);
    const record = Buffer.from(
      '0600' +
        '4d006f006400' +
        '0a00' +
        '33333964336339623800' +
        '0300' +
        '2a4401' +
        '1502ffff16130000' +
        '0000' +
        '0100' +
        '1111111111111111' +
        '0002000000' +
        '1f030000' +
        'ffff',
      'hex',
    );
    const list = Buffer.concat([stream, Buffer.from('0100', 'hex'), record]);
    expect(listedModules(list)).toEqual([{ name: Buffer.from('Mod', 'utf16le'), sourceOffset: 799 }]);
  });

  test('end where the stream ends', () => {
    const stream = moduleList([{ name: 'One' }, { name: 'Two' }]);
    const second = Buffer.from(stream).indexOf(Buffer.from('Two', 'utf16le'));
    expect(namesIn(stream.subarray(0, second + 20))).toEqual(['One']);
    expect(namesIn(new Uint8Array())).toEqual([]);
  });

  test('never throws, whatever the stream holds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(300), (noise, at) => {
        const stream = Buffer.from(moduleList([{ name: 'Module1' }]));
        stream.set(noise.subarray(0, stream.length - at), at);
        expect(listedModules(stream).length).toBeLessThan(stream.length);
      }),
    );
  });
});
