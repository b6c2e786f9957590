import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import {
  buildContainer,
  buildInfo,
  buildTar,
} from '../../../src/database/containers/testing/build-container.js';
import { loadDatabase } from '../../../src/database/load-database.js';

const REAL = join(import.meta.dirname, '../../../../../../../shared/signatures/signatures.tar.xz');
const FILE = ['a.hdb', '44d88612fea8a8f36de82e1278abb02f:68:One\n'] as const;

let directory = '';
let genuine = Buffer.alloc(0);

function flip(content: Buffer, index: number): Buffer {
  const flipped = Buffer.from(content);
  flipped[index] = (flipped[index] ?? 0) ^ 1;
  return flipped;
}

/** What clamscan says of the database: its error, or none. */
function oracle(): string | undefined {
  const { stdout, stderr } = spawnSync('clamscan', ['-d', directory, join(directory, 'nothing')], {
    encoding: 'latin1',
    timeout: 60_000,
  });
  return /^ERROR: (.*)$/m.exec(stdout + stderr)?.[1];
}

async function compare(
  name: string,
  content: Buffer,
): Promise<readonly [string | undefined, string | undefined]> {
  const path = join(directory, name);
  writeFileSync(path, content);
  try {
    const error: unknown = await loadDatabase({ directory }).catch((cause: unknown) => cause);
    const ours = error instanceof Object && 'message' in error ? String(error.message) : undefined;
    return [ours, oracle()];
  } finally {
    rmSync(path);
  }
}

const whyNot =
  spawnSync('clamscan', ['--version']).error !== undefined
    ? 'clamscan is not installed'
    : existsSync(REAL)
      ? undefined
      : `${REAL} is absent`;

describeOrSkip('a container is taken or refused as clamscan does', whyNot, () => {
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'portcullis-oracle-'));
    execFileSync('tar', ['-xJf', REAL, '-C', directory, './bytecode.cvd']);
    genuine = readFileSync(join(directory, 'bytecode.cvd'));
    rmSync(join(directory, 'bytecode.cvd'));
    writeFileSync(join(directory, 'nothing'), 'nothing at all');
  }, 60_000);
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  test.each([
    ['sound', (whole: Buffer) => whole],
    ['cut short', (whole: Buffer) => whole.subarray(0, -1000)],
    ['cut to its header', (whole: Buffer) => whole.subarray(0, 512)],
    ['cut in its header', (whole: Buffer) => whole.subarray(0, 300)],
    ['with more behind it', (whole: Buffer) => Buffer.concat([whole, Buffer.from('junk')])],
    ['changed in its content', (whole: Buffer) => flip(whole, 30_000)],
    ['changed in its signature', (whole: Buffer) => flip(whole, 120)],
    ['changed in its MD5', (whole: Buffer) => flip(whole, 60)],
    ['changed in its version', (whole: Buffer) => flip(whole, 36)],
    ['changed in its magic', (whole: Buffer) => flip(whole, 3)],
  ])('the genuine one, %s', async (_what, damage) => {
    const [ours, theirs] = await compare('bytecode.cvd', damage(genuine));
    expect(ours).toBe(theirs);
  });

  test.each(['cvd', 'cld', 'cud'])('an unsigned .%s', async (extension) => {
    const [ours, theirs] = await compare(`a.${extension}`, buildContainer([FILE]));
    expect(ours).toBe(theirs);
    expect(ours === undefined).toBe(extension === 'cud');
  });

  test.each([
    ['no .info', () => buildContainer([FILE], { info: null })],
    [
      'a line missing in .info',
      () => buildContainer([FILE, ['b.hdb', FILE[1]]], { info: buildInfo([FILE]) }),
    ],
    ['another content', () => buildContainer([['a.hdb', 'x']], { info: buildInfo([FILE]) })],
    ['a version that is not that of .info', () => buildContainer([FILE], { header: { 2: '8' } })],
    ['an empty line in .info', () => buildContainer([FILE], { info: `${buildInfo([FILE])}\n` })],
    ['a name with a slash', () => buildContainer([['a/b.hdb', FILE[1]]])],
    ['a malformed line', () => buildContainer([['a.hdb', 'x\n']])],
    ['no compression', () => buildContainer([FILE], { gzip: false })],
    ['noise behind its header', () => noise('x'.repeat(5000))],
    ['nothing behind its header', () => noise('')],
    ['an archive cut in a file', () => noise(buildTar([FILE]).subarray(0, 530))],
  ])('an unsigned .cud with %s', async (_what, build) => {
    const [ours, theirs] = await compare('a.cud', build());
    expect(ours).toBe(theirs);
  });
});

function noise(content: string | Buffer): Buffer {
  return Buffer.concat([buildContainer([FILE]).subarray(0, 512), Buffer.from(content)]);
}
