import { mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { messageOf } from '@portcullis/shared';
import type { ProcessKeeper } from '../bench/process-keeper.js';
import { prepareSignatures } from '../bench/signatures.js';
import type { SignatureSet } from '../bench/signatures.js';
import type { EngineName } from './options.js';
import { ParityError } from './parity-error.js';

const filesMax = 10_000;

/** Where the signatures come from and for whom they are. */
export interface DatabaseRequest {
  readonly databases: readonly string[];
  readonly engine: EngineName;
  /** A directory of ours; the database becomes one below it. */
  readonly parent: string;
  readonly repositoryRoot: string;
}

/**
 * Makes the directory both daemons load: of links to what was named, or of the official set beside the checkout.
 *
 * @throws ParityError PARITY_BAD_OPTION for what is missing, or two files of one name; BenchError BENCH_CHILD_FAILED
 */
export async function prepareDatabase(
  keeper: ProcessKeeper,
  request: DatabaseRequest,
): Promise<SignatureSet> {
  return request.databases.length === 0
    ? prepareSignatures(keeper, request.parent, {
        repositoryRoot: request.repositoryRoot,
        choice: request.engine === 'builtin' ? 'plain' : 'all',
      })
    : linkDatabases(request.databases, request.parent);
}

/** @internal */
export function linkDatabases(databases: readonly string[], parent: string): SignatureSet {
  const directory = join(parent, 'signatures');
  mkdirSync(directory, { mode: 0o755 });
  const files = databases.flatMap(listDatabase);
  if (files.length > filesMax)
    throw new ParityError('PARITY_BAD_OPTION', `more than ${filesMax} database files`);
  const names = new Set<string>();
  for (const file of files) {
    const name = basename(file);
    if (names.has(name)) throw new ParityError('PARITY_BAD_OPTION', `two database files are called ${name}`);
    names.add(name);
    symlinkSync(file, join(directory, name));
  }
  return { directory, description: `${databases.join(', ')} (${files.length} files)` };
}

/** A file by itself, or the regular files of a directory. */
function listDatabase(given: string): readonly string[] {
  const path = resolve(given);
  try {
    if (statSync(path).isFile()) return [path];
    return readdirSync(path)
      .map((name) => join(path, name))
      .filter((file) => statSync(file).isFile());
  } catch (cause) {
    throw new ParityError('PARITY_BAD_OPTION', `--database ${given}: ${messageOf(cause)}`, { cause });
  }
}
