import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clamscanAll } from './clamscan.js';
import { openOurEngine } from './our-engine.js';

const DIRECTORY = '/usr/share/clamav-testfiles';
const PROGRAM = 'clam.exe';

/** Prints which of Debian's test files, packed in many ways, are found by a hash and by a body signature of `clam.exe`. */
export async function compareTestfiles(print: (line: string) => void): Promise<number> {
  const program = readFileSync(join(DIRECTORY, PROGRAM));
  const database = mkdtempSync(join(tmpdir(), 'portcullis-testfiles-'));
  try {
    const md5 = createHash('md5').update(program).digest('hex');
    writeFileSync(join(database, 'clam.hdb'), `${md5}:${program.length}:Hash\n`);
    const body = program.subarray(0x80, 0xc0).toString('hex');
    writeFileSync(join(database, 'clam.ndb'), `Body:0:*:${body}\n`);
    const theirs = await clamscanAll(database, { directory: DIRECTORY });
    const scan = await openOurEngine(database);
    const tally = { files: 0, ours: 0, clamscan: 0, alike: 0 };
    for (const name of readdirSync(DIRECTORY).sort()) {
      const path = join(DIRECTORY, name);
      const ours = scan(readFileSync(path));
      const clam = theirs.get(path) ?? new Set<string>();
      tally.files += 1;
      if (ours.names.size > 0) tally.ours += 1;
      if (clam.size > 0) tally.clamscan += 1;
      const texts = [namesOf(clam), namesOf(ours.names)] as const;
      const isAlike = texts[0] === texts[1] && !ours.trouble?.startsWith('crash');
      if (isAlike) tally.alike += 1;
      print(
        `${name.padEnd(26)} clamscan: ${texts[0].padEnd(10)} ours: ${texts[1].padEnd(10)} ${isAlike ? '' : 'differs '}${ours.trouble ?? ''}`.trimEnd(),
      );
    }
    print(
      `${tally.files} files, found by clamscan ${tally.clamscan}, by us ${tally.ours}, alike ${tally.alike}`,
    );
    return tally.files - tally.alike;
  } finally {
    rmSync(database, { recursive: true, force: true });
  }
}

function namesOf(names: ReadonlySet<string>): string {
  return names.size === 0
    ? '-'
    : [...names]
        .map((name) => name.replace('.UNOFFICIAL', ''))
        .sort()
        .join('+');
}
