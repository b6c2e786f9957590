import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EICAR, MARKER } from '../daemon-process.js';

/** What the signatures of a site call the two. */
export const EICAR_FOUND = 'Test.Eicar.UNOFFICIAL FOUND';
export const MARKER_FOUND = 'Test.Marker.UNOFFICIAL FOUND';

/** Both signatures match: EICAR's at the start, the marker's behind it. */
const BOTH = `${EICAR} ${MARKER}`;

/**
 * Makes (again) a tree with everything a walk can meet: infected and clean files at several depths, names that look like
 * replies or are no UTF-8, links in and out, a FIFO, empty files and directories.
 *
 * @param options.onlyUtf8 for clients that fail at a name that is not
 */
export function makeClientTree(root: string, options: { onlyUtf8?: boolean } = {}): void {
  rmSync(root, { recursive: true, force: true });
  const files: readonly (readonly [string, string])[] = [
    ['clean', 'nothing to see'],
    ['empty', ''],
    ['both', BOTH],
    ['with a space', `x${MARKER}`],
    ['looks: OK', EICAR],
    ['looks FOUND', 'nothing to see'],
    ['sub/eicar', EICAR],
    ['sub/clean', 'nothing to see'],
    ['sub/deeper/still/marked', `x${MARKER}`],
    ['quiet/clean', 'nothing to see'],
    ['quiet/more/clean', 'nothing to see'],
  ];
  for (const [name, content] of files) {
    const path = join(root, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
  }
  if (options.onlyUtf8 !== true) writeFileSync(Buffer.from(`${root}/sub/\xff\xfe`, 'latin1'), EICAR);
  mkdirSync(join(root, 'hollow'));
  symlinkSync(join(root, 'sub/eicar'), join(root, 'link-to-eicar'));
  symlinkSync(join(root, 'sub'), join(root, 'link-to-sub'));
  symlinkSync(join(root, 'nowhere'), join(root, 'dangling'));
  spawnSync('mkfifo', [join(root, 'fifo')]);
}

/** The names in a tree, sorted, one character a byte. */
export function listTree(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, encoding: 'latin1' }).map(String).sort();
}
