import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { clientOutput } from './client-output.js';

interface Said {
  readonly severity: string;
  readonly text: string;
  readonly fields: unknown;
}

function listen(): { said: Said[]; write: (bytes: Buffer) => void } {
  const said: Said[] = [];
  const write = clientOutput({ say: (severity, text, fields) => said.push({ severity, text, fields }) });
  return { said, write };
}

describe('clientOutput', () => {
  test('a detection reads as clamd wrote it, with the facts for the JSON log', () => {
    const { said, write } = listen();
    write(Buffer.from('{"level":"warn","event":"found","path":"/a","msg":"/a: Eicar FOUND"}\n'));
    expect(said).toEqual([
      {
        severity: 'info',
        text: 'ScanOnAccess: /a: Eicar FOUND',
        fields: { event: 'onAccess', client: { event: 'found', path: '/a' } },
      },
    ]);
  });

  test.each([
    ['{"level":"error","msg":"away"}', 'error', 'ScanOnAccess: away'],
    ['{"level":"fatal","msg":"gone"}', 'error', 'ScanOnAccess: gone'],
    ['{"level":"debug","msg":"ready"}', 'verbose', 'ScanOnAccess: ready'],
    ['ERROR: Clamonacc: no', 'error', 'ScanOnAccess: Clamonacc: no'],
    ['WARNING: odd', 'warning', 'ScanOnAccess: odd'],
    ['{"no":"message"}', 'info', 'ScanOnAccess: {"no":"message"}'],
    ['{broken', 'info', 'ScanOnAccess: {broken'],
  ])('%s', (line, severity, text) => {
    const { said, write } = listen();
    write(Buffer.from(`${line}\n`));
    expect(said).toMatchObject([{ severity, text }]);
  });

  test('does not say of ScanOnAccess that it is ignored', () => {
    const { said, write } = listen();
    write(Buffer.from('{"level":"warn","msg":"WARNING: Ignoring deprecated option ScanOnAccess at f:1"}\n'));
    expect(said).toEqual([]);
  });

  test('lines come whole, however they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-zäß☃😀]{1,20}$/u), { maxLength: 6 }),
        fc.integer({ min: 1, max: 9 }),
        (lines, cut) => {
          const { said, write } = listen();
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          for (let at = 0; at < bytes.length; at += cut) write(bytes.subarray(at, at + cut));
          expect(said.map(({ text }) => text)).toEqual(lines.map((line) => `ScanOnAccess: ${line}`));
        },
      ),
    );
  });

  test('a line without end is cut and held in bounded memory', () => {
    const { said, write } = listen();
    for (let times = 0; times < 50; times += 1) write(Buffer.alloc(10_000, 'x'));
    write(Buffer.from('\nnext\n'));
    expect(said.map(({ text }) => text.length)).toEqual([16_384 + 14, 18]);
  });
});
