import { encodeChunkHeader, encodeStreamEnd, InstreamDecoder } from '@portcullis/shared';
import { waysToCut } from '../cuts.js';
import { demand } from '../fuzz-error.js';
import { bytesOf, type DecoderTarget } from './target.js';

/** StreamMaxLength: unlimited, tiny, ordinary. */
const LIMITS = [0, 10, 5000];

function chunk(text: string): string {
  return encodeChunkHeader(text.length).toString('latin1') + text;
}

function decode(pieces: readonly Buffer[], limit: number): string {
  const decoder = new InstreamDecoder(limit);
  const body: string[] = [];
  let bodyBytes = 0;
  let ending = 'open';
  let rest = '';
  for (const piece of pieces) {
    if (ending === 'end') rest += piece.toString('latin1');
    for (const event of decoder.push(piece)) {
      demand(ending === 'open', 'nothing comes behind the end');
      if (event.kind === 'chunk') {
        demand(event.bytes.length > 0, 'no chunk is empty');
        bodyBytes += event.bytes.length;
        body.push(event.bytes.toString('latin1'));
      } else {
        ending = event.kind;
        if (event.kind === 'end') rest += event.rest.toString('latin1');
      }
    }
  }
  demand(limit === 0 || bodyBytes <= limit, 'no more than the limit is passed on');
  return [ending, rest, ...body].join('');
}

/** The chunk framing alone, at several limits. */
export function createInstreamTarget(): DecoderTarget {
  const end = encodeStreamEnd().toString('latin1');
  return {
    name: 'instream',
    corpus: bytesOf(
      end,
      chunk('abc') + end,
      chunk('a'.repeat(300)) + chunk('b') + end,
      `${chunk(end)}${end}zPING\0`,
    ),
    dictionary: bytesOf(end, '\0', '\0\0\0\x01a', '\0\0\0\x0a', '\xff\xff\xff\xff', chunk('xyz')),
    check(input) {
      for (const limit of LIMITS) {
        const [whole, ...others] = waysToCut(input).map((pieces) => decode(pieces, limit));
        for (const other of others) demand(other === whole, 'a stream is the same however it is cut');
      }
    },
  };
}
