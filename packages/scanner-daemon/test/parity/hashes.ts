import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPe } from '../../src/engine/executables/testing/pe-builder.js';
import { clamscanAll } from './clamscan.js';
import { openOurEngine } from './our-engine.js';
import { randomFrom } from './random.js';

const ALGORITHMS = ['md5', 'sha1', 'sha256'] as const;
const SECTION_BYTES = 0x200;
/** The least functionality level of a line with any size. */
const ANY_SIZE_LEVEL = '73';

interface HashedFile {
  readonly bytes: Uint8Array;
  readonly section: Uint8Array;
  readonly imports: string;
}

/**
 * Hash signatures cannot be turned round, so the files come first: PE files, their hashes in every form, and a copy of each
 * file with its last byte changed. Prints how many of the files both sides judge alike.
 */
export async function compareHashes(count: number, print: (line: string) => void): Promise<number> {
  const parent = mkdtempSync(join(tmpdir(), 'portcullis-hashes-'));
  try {
    const database = join(parent, 'database');
    const directory = join(parent, 'files');
    mkdirSync(database);
    mkdirSync(directory);
    const made = Array.from({ length: count }, (_, index) => makeFile(index));
    writeDatabase(database, made);
    const files = made.flatMap(({ bytes }, index) => [
      { path: join(directory, `${index}-match`), bytes },
      { path: join(directory, `${index}-changed`), bytes: withLastByteChanged(bytes) },
    ]);
    for (const { path, bytes } of files) writeFileSync(path, bytes);
    const theirs = await clamscanAll(database, { directory });
    const scan = await openOurEngine(database);
    let found = 0;
    let different = 0;
    for (const { path, bytes } of files) {
      const clam = [...(theirs.get(path) ?? [])].sort().join(' ');
      const ours = [...scan(bytes).names].sort().join(' ');
      if (path.endsWith('match') && clam !== '') found += 1;
      if (clam === ours) continue;
      different += 1;
      print(`${path}: clamscan: ${clam} / ours: ${ours}`);
    }
    print(`${files.length} files, clamscan finds ${found} of ${count}, ${different} differ`);
    return different;
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

function makeFile(index: number): HashedFile {
  const random = randomFrom(index);
  const section = Uint8Array.from({ length: SECTION_BYTES }, () => random(256));
  const name = `Function${index}`;
  const bytes = buildPe({
    sections: [{ bytes: section }],
    imports: [{ library: 'KERNEL32.dll', functions: [name] }],
  });
  return { bytes, section, imports: `kernel32.${name.toLowerCase()}` };
}

/** Each file is in one of the databases by its whole, its section and its imports; every second line is for any size. */
function writeDatabase(database: string, made: readonly HashedFile[]): void {
  const lines: Record<'hdb' | 'hsb' | 'mdb' | 'msb' | 'imp', string[]> = {
    ...{ hdb: [], hsb: [], mdb: [], msb: [], imp: [] },
  };
  for (const [index, { bytes, section, imports }] of made.entries()) {
    const algorithm = ALGORITHMS[index % ALGORITHMS.length] ?? 'md5';
    const isAnySize = index % 2 === 1;
    const level = isAnySize ? `:${ANY_SIZE_LEVEL}` : '';
    const sizeOf = (part: Uint8Array): string => (isAnySize ? '*' : String(part.length));
    const digest = (part: Uint8Array): string => createHash(algorithm).update(part).digest('hex');
    const [whole, part] = algorithm === 'md5' ? (['hdb', 'mdb'] as const) : (['hsb', 'msb'] as const);
    lines[whole].push(`${digest(bytes)}:${sizeOf(bytes)}:Whole-${index}${level}`);
    lines[part].push(`${sizeOf(section)}:${digest(section)}:Section-${index}${level}`);
    const importHash = createHash('md5').update(imports).digest('hex');
    lines.imp.push(`${importHash}:*:Imports-${index}:${ANY_SIZE_LEVEL}`);
  }
  for (const [extension, content] of Object.entries(lines))
    writeFileSync(join(database, `made.${extension}`), `${content.join('\n')}\n`);
}

function withLastByteChanged(bytes: Uint8Array): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  return changed;
}
