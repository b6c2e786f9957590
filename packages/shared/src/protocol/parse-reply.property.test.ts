import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseReply } from './parse-reply.js';
import { ReplyDecoder } from './reply-decoder.js';
import { encodeDetection, encodePathMessage, encodePathWord } from './reply-encoder.js';

const word = fc.constantFrom(
  '1: ',
  '0',
  ': ',
  'OK',
  ': OK',
  ' FOUND',
  ' ERROR',
  'fd[3]',
  'stream',
  '/a',
  ' ',
  '\n',
  'Excluded',
);
const line = fc.oneof(
  fc.array(word, { maxLength: 12 }).map((words) => words.join('')),
  fc.string({ unit: 'binary', maxLength: 80 }),
);

describe('parseReply', () => {
  test('calls nothing clean, infected or an error that does not end so, and never throws', () => {
    fc.assert(
      fc.property(line, (text) => {
        const { reply } = parseReply(text);
        if (reply.kind === 'clean') expect(text).toMatch(/(^|: )OK$/);
        if (reply.kind === 'infected') expect(text.endsWith(' FOUND')).toBe(true);
        if (reply.kind === 'error') expect(text.endsWith(' ERROR')).toBe(true);
        // What ends like a verdict on a name is never taken for less.
        if (/^\/[^:]*: [^:]+ FOUND$/.test(text)) expect(reply.kind).toBe('infected');
      }),
      { numRuns: 1000 },
    );
  });

  test('no name makes a detection or an error read as clean', () => {
    const name = fc.array(word, { minLength: 1, maxLength: 8 }).map((words) => `/${words.join('')}`);
    fc.assert(
      fc.property(name, fc.option(fc.maxSafeNat(), { nil: undefined }), (path, sessionId) => {
        const frame = { terminator: '\0' as const, sessionId };
        const decoder = new ReplyDecoder({ terminator: '\0' });
        const decoded = decoder.push(
          Buffer.concat([
            encodeDetection(path, 'Some.Signature', frame),
            encodePathMessage(path, 'Access denied.', frame),
            encodePathWord(path, 'OK', frame),
          ]),
        );
        expect(decoded).toMatchObject([
          { reply: { kind: 'infected', name: path, signatureName: 'Some.Signature' } },
          { reply: { kind: 'error', name: path, message: 'Access denied.' } },
          { reply: { kind: 'clean', name: path } },
        ]);
      }),
      { numRuns: 500 },
    );
  });
});
