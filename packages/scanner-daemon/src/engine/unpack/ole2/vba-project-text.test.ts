import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { projectDirectory } from '../../../testing/specimens/project-directory.js';
import { composeProjectText, type ProjectText } from './vba-project-text.js';

const SOURCES = {
  limitBytes: 10_000,
  mayContinue: () => true,
  sourceOf: (name: Buffer, offset: number): Uint8Array =>
    Buffer.from(`Sub ${name.toString('utf16le')}() ' ${offset}\r\n`),
};

function textOf(text: ProjectText): readonly string[] {
  return text.kind === 'text' ? text.bytes.toString().split('\n') : [text.kind];
}

describe('the text of a VBA project', () => {
  test('is what clamscan makes of it', () => {
    const dir = projectDirectory([
      { name: 'ThisDocument', sourceOffset: 0x32d, isClass: true },
      { name: 'Mod', streamName: 'Strm', sourceOffset: 7, isPrivate: true, isReadOnly: true, docString: 'd' },
    ]);
    expect(textOf(composeProjectText(dir, SOURCES))).toEqual([
      'REM VBA project extracted from Microsoft Office document',
      '',
      'REM PROJECTSYSKIND: Windows 32 bit',
      'REM PROJECTLCID: 0x00000409',
      'REM PROJECTLCIDINVOKE: 0x00000409',
      'REM PROJECTCODEPAGE: 0x04e4',
      'REM PROJECTNAME: VBAProject',
      'REM PROJECTDOCSTRING: ',
      'REM PROJECTDOCSTRINGUNICODE: ',
      'REM PROJECTHELPFILEPATH: ',
      'REM PROJECTHELPFILEPATH2: ',
      'REM PROJECTHELPCONTEXT: 0x0000',
      'REM PROJECTLIBFLAGS: 0x0000',
      'REM PROJECTVERSION: 1382489937.32',
      'REM PROJECTMODULES: 2',
      'REM PROJECTCOOKIE: 0xffff',
      '',
      '',
      'REM MODULENAME: ThisDocument',
      'REM MODULENAMEUNICODE: ThisDocument',
      'REM MODULESTREAMNAME: ThisDocument',
      'REM MODULESTREAMNAMEUNICODE: ThisDocument',
      'REM MODULEDOCSTRING: ',
      'REM MODULEDOCSTRINGUNICODE: ',
      'REM MODULEOFFSET: 0x0000032d',
      'REM MODULEHELPCONTEXT: 0x00000000',
      'REM MODULECOOKIE: 0xffff',
      'REM MODULETYPE: Class',
      'REM ##################################################',
      "sub thisdocument() ' 813\r",
      '',
      '',
      'REM MODULENAME: Mod',
      'REM MODULENAMEUNICODE: Mod',
      'REM MODULESTREAMNAME: Strm',
      'REM MODULESTREAMNAMEUNICODE: Strm',
      'REM MODULEDOCSTRING: d',
      'REM MODULEDOCSTRINGUNICODE: d',
      'REM MODULEOFFSET: 0x00000007',
      'REM MODULEHELPCONTEXT: 0x00000000',
      'REM MODULECOOKIE: 0xffff',
      'REM MODULETYPE: Procedural',
      'REM MODULEREADONLY',
      'REM MODULEPRIVATE',
      'REM ##################################################',
      "sub strm() ' 7\r",
      '',
    ]);
  });

  test('says so where the code page is not known', () => {
    const dir = projectDirectory([{ name: 'Mod', sourceOffset: 0 }], { codePage: 0 });
    const lines = textOf(composeProjectText(dir, SOURCES));
    expect(lines).toContain('REM MODULENAME: <error decoding string>');
    expect(lines).toContain('REM MODULEDOCSTRING: ');
    expect(lines.slice(-3)).toEqual(['', '<Error decoding module data>', '']);
  });

  test('is none where a record of a module is missing, or one is cut off', () => {
    const dir = projectDirectory([{ name: 'Mod', sourceOffset: 0 }]);
    const withoutUnicode = Buffer.from(dir);
    withoutUnicode.writeUInt16LE(0x77, dir.indexOf(Buffer.from('Mod')) + 3);
    expect(composeProjectText(withoutUnicode, SOURCES)).toEqual({ kind: 'damaged' });
    expect(composeProjectText(dir.subarray(0, 7), SOURCES)).toEqual({ kind: 'damaged' });
  });

  test('is not longer than allowed', () => {
    const dir = projectDirectory([{ name: 'Mod', sourceOffset: 0 }]);
    expect(composeProjectText(dir, { ...SOURCES, limitBytes: 400 })).toEqual({ kind: 'overLimit' });
  });

  test('never throws, whatever the directory holds', () => {
    const dir = projectDirectory([{ name: 'Mod', sourceOffset: 0 }]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), fc.nat(dir.length - 12), (noise, at) => {
        const changed = Buffer.from(dir);
        changed.set(noise, at);
        expect(['text', 'damaged', 'overLimit']).toContain(composeProjectText(changed, SOURCES).kind);
      }),
    );
  });
});
