import { Buffer } from 'node:buffer';
import { expect, test } from '@jest/globals';
import {
  encodeBareError,
  encodeBareWord,
  encodeDetection,
  encodePathMessage,
  encodePathWord,
} from './reply-encoder.js';

const alone = { terminator: '\n' } as const;
const inSession = { terminator: '\0', sessionId: 7 } as const;

test.each([
  [encodePathWord('/srv/x', 'OK', alone), '/srv/x: OK\n'],
  [encodePathWord('fd[12]', 'OK', inSession), '7: fd[12]: OK\0'],
  [encodePathMessage('/srv/x', 'Access denied.', alone), '/srv/x: Access denied. ERROR\n'],
  [encodePathMessage('stream', 'Exceeded time limit', inSession), '7: stream: Exceeded time limit ERROR\0'],
  [encodeDetection('/srv/x', 'Sig.UNOFFICIAL', alone), '/srv/x: Sig.UNOFFICIAL FOUND\n'],
  [encodeDetection('stream', 'Sig', inSession), '7: stream: Sig FOUND\0'],
  [encodeBareError('Error processing command.', inSession), '7: Error processing command. ERROR\0'],
  [encodeBareWord('PONG', alone), 'PONG\n'],
  [
    encodeBareWord('PONG', { terminator: '\0', sessionId: Number.MAX_SAFE_INTEGER }),
    '9007199254740991: PONG\0',
  ],
])('reply encoder: %#', (encoded, expected) => {
  expect(encoded.toString()).toBe(expected);
});

test('reply encoder: a path that is not UTF-8 is echoed byte for byte', () => {
  const path = Buffer.from('/srv/\xff\xfe', 'latin1');
  expect(encodePathWord(path, 'OK', inSession)).toEqual(Buffer.from('7: /srv/\xff\xfe: OK\0', 'latin1'));
});

test('reply encoder: text goes out as UTF-8, next to bytes too', () => {
  expect(encodePathWord('/srv/é', 'OK', alone)).toEqual(Buffer.from('/srv/é: OK\n', 'utf8'));
  expect(encodeDetection(Buffer.from('/x'), 'é', alone)).toEqual(Buffer.from('/x: é FOUND\n', 'utf8'));
});
