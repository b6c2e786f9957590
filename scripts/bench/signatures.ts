import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BenchError } from './bench-error.js';
import { eicarHashSignature } from './probes.js';
import type { ProcessKeeper } from './process-keeper.js';

/** Hashes, body signatures and false-positive hashes: types that our own engine reads too. */
const officialFiles = ['main.hdb', 'daily.hsb', 'daily.ndb', 'main.fp', 'daily.fp'];
/** `plain`: what our own engine reads too; `all`: with the logical ones, under which a small file takes libclamav several times as long. */
export const signatureChoices = ['plain', 'all'] as const;
export type SignatureChoice = (typeof signatureChoices)[number];
const filesOfChoice: Readonly<Record<SignatureChoice, readonly string[]>> = {
  plain: officialFiles,
  all: [...officialFiles, 'main.ldb'],
};
const generatedCount = 100_000;
const unpackSeconds = 60;

/** The directory both sides load, and a sentence about what is in it. */
export interface SignatureSet {
  readonly directory: string;
  readonly description: string;
}

/**
 * Puts the signatures both sides use into `<parent>/signatures`: the official files beside the checkout when they
 * are there, otherwise a generated set of hashes.
 *
 * @throws BenchError BENCH_CHILD_FAILED when the archive is there but cannot be unpacked
 */
export async function prepareSignatures(
  keeper: ProcessKeeper,
  parent: string,
  { repositoryRoot, choice }: { readonly repositoryRoot: string; readonly choice: SignatureChoice },
): Promise<SignatureSet> {
  const directory = join(parent, 'signatures');
  mkdirSync(directory, { mode: 0o755 });
  const archive = resolve(repositoryRoot, '../shared/signatures/signatures.tar.xz');
  if (!existsSync(archive)) {
    writeFileSync(join(directory, 'generated.hdb'), generateHashSignatures(generatedCount), { mode: 0o644 });
    return { directory, description: `${generatedCount} generated hash signatures (${archive} is absent)` };
  }
  const files = filesOfChoice[choice];
  const members = files.map((file) => `./official/${file}`);
  const command = [
    'tar',
    '-xJf',
    archive,
    '-C',
    directory,
    '--strip-components=2',
    '--no-same-owner',
    ...members,
  ] as const;
  const { exitCode } = await keeper.start({ command: [...command], lifetimeSeconds: unpackSeconds }).ended;
  keeper.throwIfClosed();
  if (exitCode !== 0)
    throw new BenchError('BENCH_CHILD_FAILED', `tar could not unpack ${archive} (exit ${String(exitCode)})`);
  return { directory, description: `official ${files.join(', ')}` };
}

/**
 * A `.hdb` of MD5 hashes of the numbers from 0 up, each with a size a small file can have, and the EICAR file.
 *
 * @internal
 */
export function generateHashSignatures(count: number): string {
  const lines = Array.from({ length: count }, (_, index) => {
    const hash = createHash('md5').update(String(index)).digest('hex');
    return `${hash}:${200 + (index % 7800)}:Bench.Generated-${index}`;
  });
  return `${[eicarHashSignature(), ...lines].join('\n')}\n`;
}
