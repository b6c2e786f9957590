import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { splitCommand } from './split-command.js';

describe('splitCommand', () => {
  test.each([
    ['/bin/mail root', '/bin/mail', ['root']],
    ['  a \t b\nc ', 'a', ['b', 'c']],
    [`mail -s 'Virus found' "it's here"`, 'mail', ['-s', 'Virus found', "it's here"]],
    [`'/opt/my tool'/run --name="a b"c`, '/opt/my tool/run', ['--name=a bc']],
    [`a '' ""`, 'a', ['', '']],
    ['sh -c "echo $PORTCULLIS_PATH"', 'sh', ['-c', 'echo $PORTCULLIS_PATH']],
    ['a \\"b\\" * ~ ; | &', 'a', ['\\b\\', '*', '~', ';', '|', '&']],
  ])('%s', (text, program, args) => {
    expect(splitCommand(text)).toEqual({ program, args });
  });

  test.each(['', '   ', "''", `a 'b`, 'a "b', 'a\0b'])('refuses %j', (text) => {
    expect(() => splitCommand(text)).toThrow(expect.objectContaining({ code: 'BAD_COMMAND' }));
  });

  test('any words come back when each is quoted', () => {
    const word = fc.string({ minLength: 1 }).filter((text) => !/['\0]/.test(text));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), (words) => {
        const { program, args } = splitCommand(words.map((text) => `'${text}'`).join(' '));
        expect([program, ...args]).toEqual(words);
      }),
    );
  });
});
