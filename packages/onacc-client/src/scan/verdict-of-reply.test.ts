import { expect, test } from '@jest/globals';
import { ReplyDecoder } from '@portcullis/shared';
import { isStreamTooLarge, verdictOfReply } from './verdict-of-reply.js';

// What a daemon may say about a file (behaviour 1.11, 4.4), and what it says about the file.
const REPLIES = [
  ['fd[12]: OK', 'clean'],
  ['stream: OK', 'clean'],
  ['fd[12]: Some.Sig-1.UNOFFICIAL FOUND', 'infected'],
  ['stream: Sig FOUND', 'infected'],
  ['fd[12]: a name: with OK FOUND', 'infected'],
  ['fd[12]:  FOUND', 'infected'],
  ['/srv/x: No such file or directory. ERROR', 'failed'],
  ["/srv/x: Can't open file or directory ERROR", 'failed'],
  ['/srv/x: Access denied. ERROR', 'failed'],
  ["/srv/x: Can't access file ERROR", 'failed'],
  ['/srv/x: lstat() failed: Permission denied. ERROR', 'failed'],
  ['/srv/x: File path check failure: OK. ERROR', 'failed'],
  ['fd[12]: Not a regular file ERROR', 'failed'],
  ['fd[12]: Exceeded time limit ERROR', 'failed'],
  ['fd[12]: Incomplete scan (MaxFileSize) ERROR', 'incomplete'],
  ['fd[12]: Incomplete scan (OfAnotherKind) ERROR', 'failed'],
  ['stream: Error writing to temporary file ERROR', 'failed'],
  ['INSTREAM size limit exceeded. ERROR', 'failed'],
  ['No file descriptor received. ERROR', 'failed'],
  ['UNKNOWN COMMAND', 'failed'],
  ['COMMAND UNAVAILABLE', 'failed'],
  ['/srv/x: Excluded', 'failed'],
  ['/srv/x: Excluded (another filesystem)', 'failed'],
  ['fd[12]: OK ', 'failed'],
  ['fd[12]: ok', 'failed'],
  ['OK', 'failed'],
  ['', 'failed'],
] as const;

test.each(REPLIES)('verdictOfReply: %j is %s', (line, kind) => {
  const decoded = new ReplyDecoder({ terminator: '\0' }).push(Buffer.from(`7: ${line}\0`))[0];
  if (decoded?.kind !== 'reply') throw new Error('not a reply');
  const verdict = verdictOfReply(decoded.reply);
  expect(verdict.kind).toBe(kind);
  if (verdict.kind === 'infected') expect(verdict.signatureNames[0]).not.toBe('');
  expect(isStreamTooLarge(decoded.reply)).toBe(line.startsWith('INSTREAM'));
});
