import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const probeFileName = 'probe.com';

/**
 * The EICAR test file, put together at run time so that no scanner trips over this source.
 */
export function composeEicar(): string {
  return ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('');
}

/** A `.hdb` line for the EICAR file (MD5:size:name), for a signature set that is generated. */
export function eicarHashSignature(): string {
  const eicar = composeEicar();
  return `${createHash('md5').update(eicar).digest('hex')}:${eicar.length}:Bench.Probe.Eicar`;
}

/**
 * Puts an EICAR file into every directory: only when all of them are refused is the whole tree watched.
 *
 * @returns the absolute paths of the probes
 */
export function placeProbes(directories: readonly string[]): readonly string[] {
  return directories.map((directory) => {
    const probe = join(directory, probeFileName);
    writeFileSync(probe, composeEicar(), { flag: 'wx', mode: 0o644 });
    return probe;
  });
}
