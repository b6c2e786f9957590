import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { unpackAll } from '../../../src/engine/unpack/testing/unpack-all.js';
import { compoundDocument } from '../../../src/testing/specimens/compound-document.js';
import { macroDocument, moduleList } from '../../../src/testing/specimens/macro-document.js';
import { projectDirectory } from '../../../src/testing/specimens/project-directory.js';
import type { DirectoryModule } from '../../../src/testing/specimens/project-directory.js';
import { compressVba } from '../../../src/testing/specimens/vba-compress.js';
import { wrapInContainer } from '../../../src/testing/specimens/wrap-container.js';
import { openOurEngine } from '../../parity/our-engine.js';
import type { OurScan } from '../../parity/our-engine.js';

const AT_START = '0:417474726962757465205642';
const SIGNATURES = [
  `Module.Target2;Engine:81-255,Target:2;0;${AT_START}`,
  `Module.Target0;Engine:81-255,Target:0;0;${AT_START}`,
  `Module.Target7;Engine:81-255,Target:7;0;${AT_START.toLowerCase()}`,
  `Module.InOle2;Engine:81-255,Container:CL_TYPE_MSOLE2,Target:2;0;${AT_START}`,
  `Module.InZip;Engine:81-255,Container:CL_TYPE_ZIP,Target:2;0;${AT_START}`,
  `Module.Second;Engine:81-255,Target:2;0;${hex('the second module')}`,
  `Module.Both;Engine:81-255,Target:2;0&1;${hex('the first module')};${hex('the second module')}`,
  `Project.Target0;Engine:81-255,Target:0;0;0:${hex('REM VBA project')}`,
  `Project.Target2;Engine:81-255,Target:2;0;${hex('REM VBA project')}`,
  `Project.Target7;Engine:81-255,Target:7;0;${hex('rem vba project')}`,
  `Project.InOle2;Engine:81-255,Container:CL_TYPE_MSOLE2,Target:0;0;0:${hex('REM VBA project')}`,
  `Project.End;Engine:81-255,Target:0;0;EOF-9:${hex('end sub\r\n')}`,
  `Long.End;Engine:81-255,Target:2;0&1;${AT_START};${hex('here it ends')}`,
  `Module.Shifted;Engine:81-255,Target:2;0;1:417474726962757465205642`,
];

function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}

function source(name: string, text: string): Buffer {
  return Buffer.from(`Attribute VB_Name = "${name}"\r\nSub AutoOpen()\r\n${text}\r\nEnd Sub\r\n`);
}

const first = { name: 'Module1', source: source('Module1', 'MsgBox "the first module"') };
const second = { name: 'ThisDocument', source: source('ThisDocument', 'MsgBox "the second module"') };

/** Some 12,000 bytes: three chunks of compressed source. */
function longSource(): Buffer {
  const lines = Array.from({ length: 700 }, (_, line) => `x = x + ${String(line * 7919)}\r\n`);
  return source('Long', lines.join('') + 'here it ends').subarray(0, -'\r\nEnd Sub\r\n'.length);
}

/** A document as Office writes it, with a directory of its modules; `module` may say what is not so. */
function withDirectory(
  module: Partial<DirectoryModule> = {},
  options: { readonly listName?: string; readonly codePage?: number } = {},
): Uint8Array {
  const text = 'X = "A  B" & _\r\n   "C"\r\n\' \xc9 Comment';
  const code = Buffer.from(source('Module1', text).toString('utf8'), 'latin1');
  const packed = compressVba(code) ?? Buffer.alloc(0);
  const dir = projectDirectory([{ name: 'Module1', sourceOffset: 4096, ...module }], options);
  // The directory is to be a stream of at least 4096 bytes, and may have anything behind its terminator.
  const content = compressVba(Buffer.concat([dir, noiseOf(5000)])) ?? Buffer.alloc(0);
  return compoundDocument([
    {
      name: 'VBA',
      content: [
        { name: options.listName ?? '_VBA_PROJECT', content: moduleList([first]) },
        { name: 'Module1', content: Buffer.concat([Buffer.alloc(4096), packed]) },
        { name: 'dir', content },
      ],
    },
  ]);
}

/** Bytes that compress so little that 5000 of them come to more than 4096. */
function noiseOf(lengthBytes: number): Uint8Array {
  let state = 1;
  const next = (index: number): number => {
    state = (state * 48271) % 0x7fffffff;
    return index % 16 < 6 ? 0 : state >> 8;
  };
  return Uint8Array.from({ length: lengthBytes }, (_, index) => next(index));
}

function documents(): Readonly<Record<string, Uint8Array | undefined>> {
  const both = macroDocument([first, second]);
  const packed = compressVba(first.source) ?? Buffer.alloc(0);
  const stream = { name: 'Module1', content: Buffer.concat([Buffer.alloc(4096), packed]) };
  const list = { name: '_VBA_PROJECT', content: moduleList([first]) };
  return {
    one: macroDocument([first]),
    both,
    zipped: both && wrapInContainer('CL_TYPE_ZIP', both),
    long: macroDocument([{ name: 'Long', source: longSource() }]),
    shifted: macroDocument([{ name: 'Module1', source: Buffer.from(`x${first.source.toString('latin1')}`) }]),
    'in-root': compoundDocument([list, stream]),
    'in-lower-case': compoundDocument([
      { ...list, name: '_vba_project' },
      { ...stream, name: 'MODULE1' },
    ]),
    deep: compoundDocument([{ name: 'A', content: [{ name: 'B', content: [list, stream] }] }]),
    directory: withDirectory(),
    'class-of-its-own': withDirectory({ isClass: true, isPrivate: true, isReadOnly: true }),
    'doc-string': withDirectory({ docString: 'What it does' }),
    'no-such-stream': withDirectory({ streamName: 'Nothing' }),
    'greek-directory': withDirectory({}, { codePage: 1253 }),
    'unknown-code-page': withDirectory({}, { codePage: 0 }),
    plain: compoundDocument([{ name: 'Plain', content: Buffer.alloc(5000, 'p') }]),
  };
}

/** Signatures of the texts that our engine makes of projects: clamscan finds them if it makes the same. */
function textHashes(bytes: Uint8Array): readonly string[] {
  return unpackAll('ole2', bytes)
    .entries.filter((entry) => entry.startsWith('=REM'))
    .map((entry) => Buffer.from(entry.slice(1), 'latin1'))
    .map((text) => `${createHash('md5').update(text).digest('hex')}:${text.length}:Project.Text`);
}

let directory = '';

function namesByClamscan(): ReadonlyMap<string, ReadonlySet<string>> {
  const { stdout } = spawnSync(
    'clamscan',
    ['-d', join(directory, 'db'), '--no-summary', '--allmatch', join(directory, 'files')],
    { encoding: 'latin1', timeout: 60_000 },
  );
  const found = new Map<string, Set<string>>();
  for (const [, path = '', name = ''] of stdout.matchAll(/^.*\/(\S+): (\S+) FOUND$/gm))
    found.set(path, (found.get(path) ?? new Set()).add(name));
  return found;
}

const missing =
  spawnSync('clamscan', ['--version']).error === undefined ? undefined : 'clamscan is not installed';

describeOrSkip('macros beside clamscan', missing, () => {
  let scan: OurScan | undefined;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'portcullis-macros-'));
    for (const name of ['db', 'files']) mkdirSync(join(directory, name));
    writeFileSync(join(directory, 'db', 'macros.ldb'), `${SIGNATURES.join('\n')}\n`);
    const hashes = new Set<string>();
    for (const [name, bytes = Buffer.alloc(0)] of Object.entries(documents())) {
      writeFileSync(join(directory, 'files', name), bytes);
      for (const line of textHashes(bytes)) hashes.add(line);
    }
    writeFileSync(join(directory, 'db', 'texts.hdb'), `${[...hashes].join('\n')}\n`);
    scan = await openOurEngine(join(directory, 'db'));
  });

  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  test('both find the same in documents with VBA projects', () => {
    const expected = namesByClamscan();
    expect([...(expected.get('zipped') ?? [])].map((name) => name.replace('.UNOFFICIAL', '')).sort()).toEqual(
      ['Module.InOle2', 'Module.Second', 'Module.Target0', 'Module.Target2'],
    );
    expect(expected.get('directory')).toContain('Project.Text.UNOFFICIAL');
    const files = readdirSync(join(directory, 'files'));
    const ours = files.map((name) => {
      const names = scan?.(readFileSync(join(directory, 'files', name))).names ?? [];
      return [name, [...names].sort()];
    });
    expect(ours).toEqual(files.map((name) => [name, [...(expected.get(name) ?? [])].sort()]));
  });

  test('a module that no list names is found by ours alone', () => {
    const file = withDirectory({}, { listName: 'something' });
    writeFileSync(join(directory, 'unlisted'), file);
    const { stdout } = spawnSync('clamscan', ['-d', join(directory, 'db'), join(directory, 'unlisted')]);
    expect(stdout.toString()).toContain('unlisted: OK');
    expect(scan?.(file).names).toContain('Module.Target2.UNOFFICIAL');
  });
});
