import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import fc from 'fast-check';
import type { HashSubject } from '../../../src/database/hashes/hash-table.js';
import { acceptance, hashDatabase } from '../../../src/database/hashes/testing/read-lines.js';
import { nameOf } from '../../../src/database/names/name-table.js';
import { findImportHashes } from '../../../src/engine/builtin/hashes/import-hashes.js';
import { lookUpDigests, wantedAlgorithms } from '../../../src/engine/builtin/hashes/hash-lookup.js';
import { InputDigests } from '../../../src/engine/builtin/hashes/input-digests.js';
import { findSectionHashes } from '../../../src/engine/builtin/hashes/section-hashes.js';
import { bytesInput } from '../../../src/engine/engine.js';
import { ScanBudget } from '../../../src/engine/scan-budget.js';

const PROGRAM = '/usr/share/clamav-testfiles/clam.exe';
const IMPORTS = Buffer.from('kernel32.exitprocess,user32.messageboxa');
/** The one section of {@link PROGRAM}. */
const SECTION = { offset: 0, sizeBytes: 512 };
const RUNS = 60;

const skipReason =
  spawnSync('clamscan', ['--version']).status !== 0
    ? 'no clamscan'
    : existsSync(PROGRAM)
      ? undefined
      : 'no clamav-testfiles';
const directory = mkdtempSync(join(tmpdir(), 'portcullis-hash-lines-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const EXTENSIONS: Readonly<Record<HashSubject, string>> = {
  file: 'hdb',
  falsePositive: 'fp',
  section: 'mdb',
  importList: 'imp',
};

function clamscan(files: Readonly<Record<string, string>>, options: readonly string[]): string {
  const database = mkdtempSync(join(directory, 'db-'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(database, name), content, 'latin1');
  const { stdout, stderr } = spawnSync('clamscan', ['-d', database, ...options, PROGRAM], {
    encoding: 'latin1',
    timeout: 30_000,
  });
  return stdout + stderr;
}

/** Our word for what clamscan makes of a database file. */
function theirAcceptance(subject: HashSubject, content: string): ReturnType<typeof acceptance> {
  const other = `${'0'.repeat(32)}:1:Other\n`;
  const output = clamscan({ [`a.${EXTENSIONS[subject]}`]: content, 'z.hdb': other }, []);
  if (output.includes('ERROR: Malformed database')) return 'malformed';
  if (output.includes('ERROR: Invalid argument passed to function')) return 'invalid hash';
  return Number(/Known viruses: (\d+)/.exec(output)?.[1]) - 1;
}

const subjects = fc.constantFrom<HashSubject>('file', 'falsePositive', 'section', 'importList');
const md5 = createHash('md5').update('a').digest('hex');
const hashes = fc.constantFrom(
  md5,
  md5.toUpperCase(),
  md5.slice(1),
  `${md5} `,
  '',
  '0'.repeat(64),
  'g'.repeat(32),
);
const sizes = fc.constantFrom(
  '544',
  '*',
  ' 544',
  '+512',
  '0',
  'x',
  '',
  '-1',
  '00544',
  '5 ',
  '4294967294',
  '**',
);
const levels = fc.constantFrom(
  '73',
  '1',
  '',
  'x',
  '217',
  '216',
  '-5',
  '72',
  '255',
  '300',
  '99999999999',
  ' 80',
);
const ends = fc.constantFrom('\n', '', '\r\n', '\r\r\n', '\n\n', '\n#c\n', '\0\n', '\0:1:2\n');
const files = fc
  .tuple(
    subjects,
    hashes,
    sizes,
    fc.constantFrom('T', '', 'a b', 'T\r'),
    fc.array(levels, { maxLength: 3 }),
    ends,
  )
  .map(([subject, hash, size, name, rest, end]): [HashSubject, string] => {
    const [first, second] = subject === 'section' ? [size, hash] : [hash, size];
    return [subject, [first, second, name, ...rest].join(':') + end];
  });

describeOrSkip('hash signatures beside clamscan', skipReason, () => {
  test('the same lines are taken, skipped and refused', () => {
    fc.assert(
      fc.property(files, ([subject, content]) => {
        expect(acceptance(subject, content)).toBe(theirAcceptance(subject, content));
      }),
      { numRuns: RUNS },
    );
  });

  test('the same names are reported, in the same order', () => {
    const program = readFileSync(PROGRAM);
    const section = findSection(program);
    const lines = { file: [] as string[], section: [] as string[], importList: [] as string[] };
    for (const algorithm of ['sha256', 'md5', 'sha1']) {
      const digest = (bytes: Uint8Array): string => createHash(algorithm).update(bytes).digest('hex');
      lines.file.push(`${digest(program)}:*:File-${algorithm}-any:73`);
      lines.file.push(`${digest(program)}:${program.length}:File-${algorithm}`);
      const ofSection = digest(program.subarray(section.offset, section.offset + section.sizeBytes));
      lines.section.push(`*:${ofSection}:Section-${algorithm}-any:73`);
      lines.section.push(`${section.sizeBytes}:${ofSection}:Section-${algorithm}`);
      lines.importList.push(`${digest(IMPORTS)}:*:Import-${algorithm}-any`);
      lines.importList.push(`${digest(IMPORTS)}:${IMPORTS.length}:Import-${algorithm}`);
    }
    const output = clamscan(
      {
        'a.hdb': lines.file.join('\n'),
        'b.mdb': lines.section.join('\n'),
        'c.imp': lines.importList.join('\n'),
      },
      ['--allmatch'],
    );
    const theirs = [...output.matchAll(/: (\S+) FOUND$/gm)].map(([, name = '']) => name);

    const { hashes: ours, names } = hashDatabase(lines, 'unofficial');
    const digests = new InputDigests(wantedAlgorithms(ours.file, program.length), program.length);
    digests.update(program);
    const found = [
      ...lookUpDigests(ours.file, program.length, digests.finish()),
      ...findSectionHashes(ours.section, bytesInput(program), [section], {
        allMatch: true,
        budget: budget(),
      }),
      ...findImportHashes(ours.importList, IMPORTS),
    ];
    expect(theirs).toHaveLength(18);
    expect(found.map((id) => nameOf(names, id))).toEqual(theirs);
  });
});

function budget(): ScanBudget {
  const limits = { maxFileSizeBytes: 0, maxScanSizeBytes: 0, deadlineAtMs: undefined };
  return new ScanBudget({ limits, nowMs: () => 0 });
}

/** By what `sigtool --mdb` says of it: this test knows nothing of executables. */
function findSection(program: Buffer): typeof SECTION {
  for (let offset = 0; offset + SECTION.sizeBytes <= program.length; offset++) {
    const bytes = program.subarray(offset, offset + SECTION.sizeBytes);
    if (createHash('md5').update(bytes).digest('hex') === '23db1dd3f77fae25610b6a32701313ae')
      return { offset, sizeBytes: SECTION.sizeBytes };
  }
  throw new Error(`${PROGRAM} is another than expected`);
}
