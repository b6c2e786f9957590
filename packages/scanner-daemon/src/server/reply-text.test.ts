import { describe, expect, test } from '@jest/globals';
import type { ScanVerdict } from '@portcullis/shared';
import {
  descriptorName,
  READ_TIMED_OUT_REPLY,
  replyToProblem,
  replyToVerdict,
  verdictFace,
} from './reply-text.js';

const frame = { terminator: '\0', sessionId: 7 } as const;
const path = Buffer.from('/p');

describe('replyToVerdict', () => {
  const table: readonly (readonly [ScanVerdict, string, string])[] = [
    [{ kind: 'clean' }, 'ok', '7: x: OK\0'],
    [{ kind: 'infected', signatureNames: ['A', 'B'] }, 'found', '7: x: A FOUND\0'],
    [{ kind: 'failed', message: 'Access denied.' }, 'error', '7: x: Access denied. ERROR\0'],
    ...(['fileTooLarge', 'scanTooLarge', 'tooDeep', 'tooManyFiles'] as const).map(
      (reason) => [{ kind: 'incomplete', reason } as const, 'ok', '7: x: OK\0'] as const,
    ),
    [
      { kind: 'incomplete', reason: 'encrypted', container: { format: 'Zip', kind: 'archive' } },
      'ok',
      '7: x: OK\0',
    ],
    [{ kind: 'incomplete', reason: 'timeLimit' }, 'error', '7: x: Exceeded time limit ERROR\0'],
    [{ kind: 'incomplete', reason: 'cancelled' }, 'error', '7: x: Process aborted ERROR\0'],
  ];

  test.each(table)('%j shows as %s', (verdict, face, reply) => {
    expect(verdictFace(verdict)).toBe(face);
    expect(replyToVerdict('x', verdict, { frame, allMatch: false }).toString()).toBe(reply);
  });

  test.each([
    ['fileTooLarge', '7: x: Incomplete scan (MaxFileSize) ERROR\0'],
    ['timeLimit', '7: x: Incomplete scan (MaxScanTime) ERROR\0'],
    ['cancelled', '7: x: Process aborted ERROR\0'],
  ] as const)('tells a client that asks for it of %s', (reason, reply) => {
    const options = { frame, allMatch: false, tellsIncomplete: true };
    expect(replyToVerdict('x', { kind: 'incomplete', reason }, options).toString()).toBe(reply);
  });

  test('what is encrypted, and what is whole, reads the same to that client', () => {
    for (const [verdict, , reply] of table) {
      if (verdict.kind === 'incomplete' && verdict.reason !== 'encrypted') continue;
      expect(replyToVerdict('x', verdict, { frame, allMatch: false, tellsIncomplete: true }).toString()).toBe(
        reply,
      );
    }
  });

  test('numbers of a session go on beyond 2^31', () => {
    const far = { terminator: '\0', sessionId: 2 ** 32 + 5 } as const;
    expect(replyToVerdict('x', { kind: 'clean' }, { frame: far, allMatch: false }).toString()).toBe(
      '4294967301: x: OK\0',
    );
  });

  test('prints every signature for ALLMATCHSCAN', () => {
    const verdict: ScanVerdict = { kind: 'infected', signatureNames: ['A', 'B'] };
    expect(replyToVerdict('x', verdict, { frame: { terminator: '\n' }, allMatch: true }).toString()).toBe(
      'x: A FOUND\nx: B FOUND\n',
    );
  });
});

describe('replyToProblem', () => {
  test.each([
    [{ kind: 'excluded', path } as const, '/p: Excluded'],
    [{ kind: 'otherFilesystem', path } as const, '/p: Excluded (another filesystem)'],
    [{ kind: 'notSupported', path } as const, '/p: Not supported file type ERROR'],
    [{ kind: 'accessDenied', path } as const, '/p: Access denied. ERROR'],
    [
      { kind: 'checkFailed', path, strerror: 'No such file or directory' } as const,
      '/p: File path check failure: No such file or directory. ERROR',
    ],
  ])('%j', (problem, line) => {
    expect(replyToProblem(problem, { terminator: '\n' }).toString()).toBe(`${line}\n`);
  });
});

test('the timeout ends in LF and has no number, whatever the client uses', () => {
  expect(READ_TIMED_OUT_REPLY.toString()).toBe('COMMAND READ TIMED OUT\n');
});

test('a descriptor is named by its number', () => {
  expect(descriptorName(12)).toBe('fd[12]');
});
