import { DatabaseCompiler } from './compile/compile.js';
import type { LoadDatabaseOptions, LoadedBuiltinDatabase } from './loaded-database.js';
import { createSignatureFileOpener } from './open-signature-file.js';
import { readDatabase, type ReadDatabaseOptions } from './read-database.js';

export { directoriesOf, sourcesDigest } from './list-database-files.js';

/**
 * Reads and compiles all database files of a directory and the extra ones. See `sortDatabaseFiles` for the order.
 *
 * @throws DatabaseError with any of its codes; the message is ClamAV's sentence, `context` says where.
 */
export async function loadDatabase(
  options: LoadDatabaseOptions & Pick<ReadDatabaseOptions, 'containerKeys'>,
): Promise<LoadedBuiltinDatabase> {
  const compiler = new DatabaseCompiler();
  const contents = await readDatabase({ ...options, openSignatures: createSignatureFileOpener(compiler) });
  const { signatureCount } = compiler;
  return { ...contents, compiled: compiler.finish(), signatureCount };
}
