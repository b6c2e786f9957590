import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { bytesInput } from '../../../src/engine/engine.js';
import { ScanBudget, type ScanLimits } from '../../../src/engine/scan-budget.js';
import { unpackerOf } from '../../../src/engine/unpack/registry.js';
import type { ContainerFormat } from '../../../src/engine/unpack/unpacker.js';

/** The program that makes the containers; tests run from dist/, where it is not. */
const MAKER = join(import.meta.dirname, '../../../../test/integration/oracle/unpack.py');
const TEST_FILES = '/usr/share/clamav-testfiles';
/** What lies in every one of Debian's clamav-testfiles. */
const TEST_FILE_SIGNATURE = 'aa15bcf478d165efd2065190eb473bcb:544:ClamExe\n';
const OPENED_TEST_FILES = [
  ...['clam.zip', 'clam.bz2.zip', 'clam.d64.zip', 'clam.impl.zip', 'clam.7z', 'clam.exe.bz2', 'clam.tar.gz'],
  ...['clam.ole.doc', 'clam.ppt', 'clam_cache_emax.tgz'],
  ...['clam.mail', 'clam.exe.mbox.base64', 'clam.exe.mbox.uu'],
];

let directory = '';

function reasonToSkip(): string | undefined {
  for (const program of ['clamscan', 'python3']) {
    if (spawnSync(program, ['--version']).error !== undefined) return `${program} is not installed`;
  }
  return existsSync(TEST_FILES) ? undefined : `${TEST_FILES} is not there`;
}

/** The names that clamscan finds, by file. */
function oracle(database: string, paths: readonly string[], options: readonly string[] = []): Findings {
  const { stdout } = spawnSync(
    'clamscan',
    ['-d', database, '--no-summary', '--allmatch', ...options, ...paths],
    { encoding: 'latin1', timeout: 60_000 },
  );
  const findings = new Map<string, Set<string>>(paths.map((path) => [path, new Set()]));
  for (const [, path = '', name = ''] of stdout.matchAll(/^(.*): (\S+)\.UNOFFICIAL FOUND$/gm))
    findings.get(path)?.add(name);
  return findings;
}
type Findings = ReadonlyMap<string, ReadonlySet<string>>;

/** The names of the MD5 signatures that match something in a file, at any depth. */
function findIn(content: Buffer, database: string, limits: Partial<ScanLimits> = {}): ReadonlySet<string> {
  const signatures = new Map(
    readFileSync(database, 'latin1')
      .trim()
      .split('\n')
      .map((line): [string, string] => {
        const [digest = '', , name = ''] = line.split(':');
        return [digest, name];
      }),
  );
  const defaults = { maxFileSizeBytes: 100e6, maxScanSizeBytes: 400e6, maxFiles: 10_000, maxRecursion: 17 };
  const budget = new ScanBudget({
    limits: { ...defaults, deadlineAtMs: undefined, ...limits },
    nowMs: () => 0,
  });
  const found = new Set<string>();
  const visit = (bytes: Buffer): void => {
    if (!budget.admitFile(bytes.length)) return;
    const name = signatures.get(createHash('md5').update(bytes).digest('hex'));
    if (name !== undefined) found.add(name);
    const format = formatOf(bytes);
    if (format === undefined) return;
    unpackerOf(format)?.unpack(bytesInput(bytes), {
      budget,
      emit: ({ input, sizeBytes }) => {
        if (!budget.enter()) return 'continue';
        visit(Buffer.from(input.read(0, sizeBytes)));
        budget.leave();
        return 'continue';
      },
    });
  };
  visit(content);
  return found;
}

const MAGICS: readonly (readonly [number, string, ContainerFormat])[] = [
  [0, 'PK\u0003\u0004', 'zip'],
  [0, '\x1f\x8b', 'gzip'],
  [0, 'BZh', 'bzip2'],
  [0, '\xfd7zXZ', 'xz'],
  [0, '7z\xbc\xaf', '7z'],
  [0, '\xd0\xcf\x11\xe0', 'ole2'],
  [257, 'ustar', 'tar'],
  [0, 'From', 'mail'],
  [0, 'Received: ', 'mail'],
];

function formatOf(bytes: Buffer): ContainerFormat | undefined {
  return MAGICS.find(([at, magic]) => bytes.toString('latin1', at, at + magic.length) === magic)?.[2];
}

describeOrSkip('unpacking beside clamscan', reasonToSkip(), () => {
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'unpack-oracle-'));
    const { status, stderr } = spawnSync('python3', [MAKER, directory], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect([status, stderr]).toEqual([0, '']);
  });
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  /** Every container against clamscan, with the same limits on both sides. */
  function compare(options: readonly string[], limits: Partial<ScanLimits>): number {
    const database = join(directory, 'signatures.hdb');
    const paths = readdirSync(directory)
      // What clamscan counts as files of a mail (guesses at its encoding among them) is not what we count.
      .filter(
        (name) => !name.endsWith('.hdb') && !(name.startsWith('mail-') && limits.maxFiles !== undefined),
      )
      .map((name) => join(directory, name));
    const expected = oracle(database, paths, options);
    let total = 0;
    for (const path of paths) {
      const found = findIn(readFileSync(path), database, limits);
      expect([path, [...found].sort()]).toEqual([path, [...(expected.get(path) ?? [])].sort()]);
      total += found.size;
    }
    return total;
  }

  test('finds the same in every container that Python makes', () => {
    expect(compare([], {})).toBeGreaterThan(35);
  }, 60_000);

  test.each([
    ['--max-files=2', { maxFiles: 2 }],
    ['--max-files=4', { maxFiles: 4 }],
    ['--max-recursion=1', { maxRecursion: 1 }],
    ['--max-recursion=2', { maxRecursion: 2 }],
    ['--max-recursion=4', { maxRecursion: 4 }],
    ['--max-filesize=100000', { maxFileSizeBytes: 100_000 }],
    ['--max-scansize=5000', { maxScanSizeBytes: 5000 }],
    ['--max-scansize=20000', { maxScanSizeBytes: 20_000 }],
  ] as const)(
    'finds the same with %s',
    (option, limits) => {
      compare([option], limits);
    },
    60_000,
  );

  test('finds what lies in the containers of clamav-testfiles', () => {
    const database = join(directory, 'testfiles.hdb');
    writeFileSync(database, TEST_FILE_SIGNATURE);
    const paths = OPENED_TEST_FILES.map((name) => join(TEST_FILES, name));
    const expected = oracle(database, paths);
    for (const path of paths) {
      expect([path, expected.get(path)]).toEqual([path, new Set(['ClamExe'])]);
      expect([path, findIn(readFileSync(path), database)]).toEqual([path, new Set(['ClamExe'])]);
    }
  }, 60_000);
});
