import { COMMAND_VERBS } from '@portcullis/shared';
import type { Seeds } from '../mutate.js';
import { bytesOf } from './target.js';

/**
 * What clients send: every command in every framing, sessions, uploads.
 *
 * @param path - an absolute path without NUL or line feed
 */
export function transcripts(path: string): Seeds {
  const upload = '\0\0\0\x05abcde\0\0\0\x01f\0\0\0\0';
  return {
    corpus: bytesOf(
      ...COMMAND_VERBS.flatMap((verb) => [`z${verb}\0`, `n${verb}\n`, `${verb}\n`]),
      ...['SCAN', 'CONTSCAN', 'MULTISCAN', 'ALLMATCHSCAN'].flatMap((verb) => [
        `z${verb} ${path}\0`,
        `n${verb} ${path}\r\n`,
      ]),
      `zINSTREAM\0${upload}`,
      `nINSTREAM\n${upload}`,
      'zFILDES\0\0',
      `zIDSESSION\0zPING\0nVERSION\nzSCAN ${path}\0zINSTREAM\0${upload}zSTATS\0zEND\0`,
      `nIDSESSION\n${'nPING\n'.repeat(50)}nEND\n`,
      `zIDSESSION\0zFILDES\0\0zFILDES\0zzINSTREAM\0${upload}zINSTREAM\0${upload}`,
      `zSCAN /${'a'.repeat(4090)}\0`,
    ),
    dictionary: bytesOf(
      ...COMMAND_VERBS,
      ...['z', 'n', '\0', '\n', '\r\n', ' ', '/', path, 'a', '\xff', upload, '\0\0\0\0', '\xff\xff\xff\xff'],
      ...['zIDSESSION\0', 'zPING\0', 'nPING\n', 'zINSTREAM\0', 'zFILDES\0', 'zEND\0'],
    ),
  };
}
