import { spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import type { WireText } from '@portcullis/shared';
import fc from 'fast-check';
import { buildEventCommand } from './event-command.js';

function textFor(command: string, signatureName: string): string | undefined {
  return buildEventCommand(command, { name: '/x', signatureName }).args.at(-1);
}

/** What a real shell makes of it. */
function run(command: string, name: WireText, signatureName: string): Buffer {
  const { program, args, environment } = buildEventCommand(command, { name, signatureName });
  const { stdout, stderr } = spawnSync(program, args, { env: environment });
  expect(stderr.toString()).toBe('');
  return stdout;
}

describe('buildEventCommand', () => {
  test('starts sh with clamd’s two variables and a PATH', () => {
    expect(buildEventCommand('mail root', { name: '/tmp/x', signatureName: 'Win.Test-1' })).toEqual({
      program: '/bin/sh',
      args: ['-c', 'mail root'],
      environment: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        CLAM_VIRUSEVENT_FILENAME: '/tmp/x',
        CLAM_VIRUSEVENT_VIRUSNAME: 'Win.Test-1',
      },
    });
  });

  test('puts the signature name where %v stands, and clamd’s sentence where %f stands', () => {
    expect(textFor('a %v "%v" %% %x', 'Eicar-Test.UNOFFICIAL')).toBe(
      'a Eicar-Test.UNOFFICIAL "Eicar-Test.UNOFFICIAL" %% %x',
    );
    expect(textFor('%f', 'A')).toBe(
      "The filename format character has been disabled due to security concerns, use the 'CLAM_VIRUSEVENT_FILENAME' environment variable instead.",
    );
  });

  test.each([
    ['{HEX}php.cmdshell.344', '_HEX_php.cmdshell.344'],
    ['$(touch /tmp/x)', '__touch__tmp_x_'],
    ['`id`;id|id&&id\nid', '_id__id_id__id_id'],
    ['../../etc/passwd', '.._.._etc_passwd'],
    ['-rf', '_rf'],
    ['a=b c\'d"e\\f*g?~', 'a_b_c_d_e_f_g__'],
    ['%f', '_f'],
    ['é', '_'],
  ])('%s is harmless in the command', (signatureName, shown) => {
    expect(textFor('%v', signatureName)).toBe(shown);
  });

  test('no name makes a word of its own or a second command, quoted or not', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (signatureName) => {
        expect(textFor('%v', signatureName)).toMatch(/^[A-Za-z0-9._:+@,][A-Za-z0-9._:+@,-]*$|^_/);
        expect(textFor('%v', signatureName)).not.toMatch(/[^A-Za-z0-9._:+@,-]/);
      }),
    );
  });

  test('the environment has the name as it is, without NUL', () => {
    const name = '$(id) `id` "x\'\n\0é';
    expect(run('printf %s "$CLAM_VIRUSEVENT_VIRUSNAME"', '/x', name).toString()).toBe(name.replace('\0', ''));
  });

  test('a file’s name arrives byte for byte, UTF-8 or not', () => {
    const names = [
      Buffer.from('/tmp/plain'),
      Buffer.from('/tmp/a b\n$(id)\\0101'),
      Buffer.from([0x2f, 0xff, 0x0a, 0x25, 0x62, 0x5c, 0x27, 0x22, 0x24, 0x31, 0xc3, 0x0a]),
      Buffer.from([...Array(255).keys()].map((n) => n + 1)),
    ];
    for (const name of names) {
      expect(run('printf %s "$CLAM_VIRUSEVENT_FILENAME"', name, 'A')).toEqual(name);
    }
  });

  test('the shell that runs the command has the arguments and the environment that clamd gives it', () => {
    const command = 'tr "\\0" "|" < /proc/$$/cmdline; tr "\\0" "\\n" < /proc/$$/environ | cut -d= -f1 | sort';
    for (const name of ['/x', Buffer.from([0xff])]) {
      const [argv, ...variables] = run(command, name, 'A')
        .toString()
        .trimEnd()
        .split('sh|-c|')
        .join('')
        .split('|');
      expect(argv).toBe(`/bin/${command.split('|')[0]}`);
      const names = variables
        .at(-1)
        ?.split('\n')
        .filter((line) => line !== '' && line !== 'PWD');
      expect(names).toEqual(['CLAM_VIRUSEVENT_FILENAME', 'CLAM_VIRUSEVENT_VIRUSNAME', 'PATH']);
    }
  });
});
