import { describe, expect, test } from '@jest/globals';
import { incompleteText, LIMIT_OPTIONS, limitOfIncompleteText } from './incomplete-reply.js';
import type { ScanLimit } from './incomplete-reply.js';
import { parseReply } from './parse-reply.js';
import { encodePathMessage } from './reply-encoder.js';

const limits = Object.keys(LIMIT_OPTIONS) as ScanLimit[]; // its keys are its type's

describe('the reply to an incomplete scan', () => {
  test.each(limits)('%s is read as it was written, behind the name of a descriptor', (limit) => {
    const line = encodePathMessage('fd[10]', incompleteText(limit), { terminator: '\0', sessionId: 4 });
    const { reply, sessionId } = parseReply(line.toString().slice(0, -1));
    expect(sessionId).toBe(4);
    expect(reply.kind === 'error' ? limitOfIncompleteText(reply.message) : undefined).toBe(limit);
  });

  test('reads so', () => {
    expect(encodePathMessage('fd[10]', incompleteText('fileTooLarge'), { terminator: '\0' }).toString()).toBe(
      'fd[10]: Incomplete scan (MaxFileSize) ERROR\0',
    );
  });

  test.each(['Exceeded time limit', "Can't read file", 'Incomplete scan (Max)', 'toString', ''])(
    'no other error is one: %s',
    (message) => {
      expect(limitOfIncompleteText(message)).toBeUndefined();
    },
  );
});
