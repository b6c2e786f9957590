import { describe, expect, test } from '@jest/globals';
import { mailOf, UUENCODED } from '../testing/mails.js';
import { budgetOf, unpackAll } from '../testing/unpack-all.js';

const HEADER = 'From: a@b\nMIME-Version: 1.0\n';
const TEXT_PART = 'Content-Type: text/plain\n\ntext part\n';
const FILE_PART =
  'Content-Type: application/x; name=n\nContent-Transfer-Encoding: base64\n' +
  'Content-Disposition: attachment; filename="f.bin"\n\nYXR0YWNobWVudA==\n';

function multipart(
  parts: readonly string[],
  { subtype = 'mixed', boundary = 'B', epilogue = '' } = {},
): string {
  const body = parts.map((part) => `--${boundary}\n${part}\n`).join('');
  return `Content-Type: multipart/${subtype}; boundary="${boundary}"\n\npreamble\n${body}--${boundary}--\n${epilogue}`;
}

function entriesOf(text: string): readonly string[] {
  return unpackAll('mail', Buffer.from(text, 'latin1')).entries;
}

function bodyOf(encoding: string, body: string): readonly string[] {
  return entriesOf(`${HEADER}Content-Type: text/plain\nContent-Transfer-Encoding: ${encoding}\n\n${body}`);
}

describe('what clamscan 1.4.6 takes out of a mail', () => {
  test('the text behind the headers, with LF at each line and without NUL', () => {
    expect(entriesOf('From: a\r\n\r\none\r\ntwo\0\rthree')).toEqual(['=one\ntwo\nthree\n']);
  });

  test('each part of a multipart and what follows the last boundary, not what precedes the first', () => {
    expect(entriesOf(HEADER + multipart([TEXT_PART, FILE_PART], { epilogue: 'epilogue\n' }))).toEqual([
      '=text part\n\n',
      'f.bin=attachment',
      '=epilogue\n',
    ]);
  });

  test('multiparts within multiparts, 18 levels of them', () => {
    const nested = (levels: number): string => {
      let part = TEXT_PART;
      for (let level = 0; level < levels; level += 1)
        part = multipart([part], { boundary: `b${String(level)}_` });
      return HEADER + part;
    };
    expect(entriesOf(nested(18))).toEqual(['=text part\n\n']);
    expect(unpackAll('mail', Buffer.from(nested(19)))).toMatchObject({
      outcome: { kind: 'incomplete', reason: 'tooDeep' },
      entries: [],
    });
  });

  test('the messages of a mailbox', () => {
    const mailbox = `From a\n${HEADER}\nfirst\n\nFrom b\n${HEADER}${multipart([FILE_PART])}`;
    expect(entriesOf(mailbox)).toEqual(['=first\n\n', 'f.bin=attachment']);
  });

  test('a message in a multipart as a file of its own', () => {
    const message = `Content-Type: message/rfc822\n\n${HEADER}\nwithin`;
    expect(entriesOf(HEADER + multipart([message]))).toEqual([`=${HEADER}\nwithin\n`]);
    expect(entriesOf(HEADER + message)).toEqual(['=within\n']);
  });

  test('uuencoded blocks before the text around them', () => {
    expect(entriesOf(`${HEADER}\nbefore\n${UUENCODED}after\n`)).toEqual([
      'uu.bin=some content to scan',
      '=before\nend\nafter\n',
    ]);
  });

  test('a mail that came back within the text of another one', () => {
    const [, bounced] = entriesOf(`${HEADER}\nSorry:\n\nTo: x\n${multipart([FILE_PART])}`);
    expect(unpackAll('mail', Buffer.from(bounced?.slice(1) ?? '', 'latin1')).entries).toEqual([
      'f.bin=attachment',
    ]);
  });

  test('a mail behind something else', () => {
    expect(entriesOf(`Your mail\n\nReceived: x\n${FILE_PART}`)).toEqual(['f.bin=attachment']);
  });
});

describe('what clamscan 1.4.6 leaves out, and is scanned here', () => {
  test('all but one part of multipart/signed', () => {
    const entries = entriesOf(HEADER + multipart([TEXT_PART, FILE_PART], { subtype: 'signed' }));
    expect(entries).toEqual(['=text part\n\n', 'f.bin=attachment']);
  });

  test('what is in a message that does not begin as a mail', () => {
    const message = `Content-Type: message/rfc822\n\nX-Header: x\n${FILE_PART}`;
    expect(entriesOf(HEADER + multipart([message]))).toContain('f.bin=attachment');
  });
});

describe('boundaries', () => {
  test.each([
    ['folded', 'Content-Type: multipart/mixed;\n\tboundary="B"', '--B'],
    ['in other case', 'CONTENT-TYPE: Multipart/MIXED; BOUNDARY=b', '--B'],
    ['with a comment', 'Content-Type: multipart/mixed (c); boundary=B (x)', '--B'],
    ['with white space', 'Content-Type: multipart/mixed; boundary = B; x=y', '--B \t'],
  ])('are found when %s', (_, header, line) => {
    expect(entriesOf(`${HEADER}${header}\n\n${line}\n\n${TEXT_PART}--B--\n`)).toEqual(['=text part\n']);
  });

  test.each([['--Bx'], [' --B'], ['x--B']])('%j is none', (line) => {
    const part = `Content-Type: text/plain\n\none\n${line}\ntwo`;
    expect(entriesOf(HEADER + multipart([part]))).toEqual([`=one\n${line}\ntwo\n`]);
  });

  test('without any, the body is text', () => {
    expect(entriesOf(`${HEADER}Content-Type: multipart/mixed; boundary=C\n\n--B\n`)).toEqual(['=--B\n']);
  });
});

describe('encodings', () => {
  test.each([
    ['across lines and through what is no digit', 'YXR0!YW\nNo@bWVudA==\n', 'attachment'],
    ['without padding', 'YXR0YWNobWVudA\n', 'attachment'],
    ['= ends its line only', 'YWJjZA==xx\nZWZnaA==\n', 'abcd\x06Vfv\x80'],
    ['bits left over that say something are a byte', 'end\n', 'zw@'],
  ])('base64: %s', (_, body, content) => {
    expect(bodyOf('base64', body)).toEqual([`=${content}`]);
  });

  test.each([
    ['a=3Db=c3=A9', 'a=b\xc3\xa9\n'],
    ['a=\r\nb\r\n', 'ab\n'],
    ['a=\n', 'a'],
    ['a=ZZ =3\n', 'a=ZZ \x03\n'],
    ['a= \nb  \n', 'a=\nb  \n'],
    ['a=00=0A', 'a\0\n\n'],
  ])('quoted-printable: %j', (body, content) => {
    const found = unpackAll(
      'mail',
      Buffer.from(`${HEADER}Content-Transfer-Encoding: quoted-printable\n\n${body}`, 'latin1'),
    );
    expect(found.sizeBytes).toBe(content.length);
    expect(found.entries).toEqual([`=${content}`]);
  });

  test('a body with an encoding that is unknown is taken for base64 and for text', () => {
    expect(bodyOf('x-foo', 'YXR0YWNobWVudA==\n')).toEqual(['=attachment', '=YXR0YWNobWVudA==\n']);
  });

  test('and so is one that says 7bit, but not one that says 8bit', () => {
    expect(bodyOf('7bit', 'YXR0YWNobWVudA==\n')).toEqual(['=YXR0YWNobWVudA==\n', '=attachment']);
    expect(bodyOf('8bit', 'YXR0YWNobWVudA==\n')).toEqual(['=YXR0YWNobWVudA==\n']);
  });
});

describe('limits', () => {
  const mail = mailOf(['a', 'b', 'c'].map((name) => ({ name, content: Buffer.alloc(1000, name) })));

  test('MaxFiles ends it', () => {
    const { outcome, entries } = unpackAll('mail', mail, { budget: budgetOf({ maxFiles: 2 }) });
    expect(outcome).toEqual({ kind: 'incomplete', reason: 'tooManyFiles' });
    expect(entries.map((entry) => entry.slice(0, 3))).toEqual(['=te', 'a=a', 'b=(']);
  });

  test('MaxFileSize leaves one part out', () => {
    const { entries } = unpackAll('mail', mail, { budget: budgetOf({ maxFileSizeBytes: 999 }) });
    expect(entries).toEqual(['=text\n', 'a=(refused)', 'b=(refused)', 'c=(refused)']);
  });

  test.each([
    ['line ends', '\r'.repeat(2_000_000)],
    ['boundaries', '--B\n'.repeat(200_000)],
    ['blocks', 'begin 644 a\n'.repeat(100_000)],
    ['mails', '\n\nFrom a\n'.repeat(100_000)],
  ])('time grows with the size: %s', (_, body) => {
    const text = `From a\n${HEADER}Content-Type: multipart/mixed; boundary=B\n\n${body}`;
    const startedAtMs = performance.now();
    unpackAll('mail', Buffer.from(text), { budget: budgetOf({ maxFiles: 10_000 }) });
    expect(performance.now() - startedAtMs).toBeLessThan(5000);
  });
});
