import { ReplyDecoder } from '@portcullis/shared';
import { waysToCut } from '../cuts.js';
import { demand } from '../fuzz-error.js';
import { bytesOf, type DecoderTarget } from './target.js';

const LINE_MAX_BYTES = 5120;

function decode(pieces: readonly Buffer[], terminator: '\0' | '\n'): string {
  const decoder = new ReplyDecoder({ terminator });
  const decoded: unknown[] = [];
  for (const piece of pieces) {
    for (const reply of decoder.push(piece)) decoded.push(reply);
    demand(decoder.pendingBytes <= LINE_MAX_BYTES, 'no more than one line is held');
  }
  return JSON.stringify(decoded);
}

/** What a client of any daemon must be able to read. */
export function createRepliesTarget(): DecoderTarget {
  const lines = [
    '1: fd[14]: OK',
    'stream: Some.Sig.UNOFFICIAL FOUND',
    '/a b: c: Access denied. ERROR',
    'INSTREAM size limit exceeded. ERROR',
    '3: POOLS: 1\n\nSTATE: VALID PRIMARY\nEND',
    'ClamAV 1.4.6/27123/Sat Nov 21 20:44:46 2026',
    'PONG',
  ];
  return {
    name: 'replies',
    corpus: bytesOf(
      ...lines.flatMap((line) => [`${line}\0`, `${line}\n`]),
      `${lines.join('\0')}\0`,
      `${lines.join('\n')}\n`,
      'COMMAND READ TIMED OUT\n',
      `${'a'.repeat(LINE_MAX_BYTES)}\0`,
    ),
    dictionary: bytesOf(
      '\0',
      '\n',
      ': ',
      'OK',
      ' FOUND',
      ' ERROR',
      'fd[',
      ']',
      '9',
      '1: ',
      'COMMAND READ TIMED OUT\n',
    ),
    check(input) {
      for (const terminator of ['\0', '\n'] as const) {
        const [whole, ...others] = waysToCut(input).map((pieces) => decode(pieces, terminator));
        for (const other of others) demand(other === whole, 'replies are the same however they are cut');
      }
    },
  };
}
