import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openNative } from '@portcullis/shared/native';
import { EICAR, MARKER } from '../daemon-process.js';
import type { Site } from '../daemon-process.js';

/** A directory that only root can enter, and that only its owner can delete once it is open again. */
const SHUT = 'denied-below/shut';
/** A second signature for a file that two of them match. */
export const SECOND_MARKER = 'portcullis second marker';

/**
 * Builds what the scripts scan below the site's directory. Files that share a directory have ascending inode numbers in
 * the order in which they stand here, since that is the order of clamd's walk (behaviour 1.10). What
 * is reported while a directory is read comes in the order of the filesystem: at most one such thing a directory.
 *
 * @returns closes what it holds open and makes it all deletable; once
 */
export function buildTree(site: Site): () => void {
  site.put('db/second.ndb', `Test.Second:0:*:${Buffer.from(SECOND_MARKER).toString('hex')}\n`);
  site.put('clean', 'nothing to see');
  site.put('empty', '');
  site.put('eicar', EICAR);
  site.put('marked', `x${MARKER}`);
  site.put('both', `\0\x01\x02${MARKER}\0${SECOND_MARKER}`);
  site.put('both-text', `${MARKER} ${SECOND_MARKER}`);
  site.put(' padded ', EICAR);
  site.put('new\nline', EICAR);
  site.put('kilobytes', 'k'.repeat(3000));
  site.put('kilobytes-bad', `${MARKER}${'k'.repeat(3000)}`);
  writeFileSync(Buffer.concat([Buffer.from(join(site.root, 'latin-')), Buffer.from([0xe9])]), EICAR);
  inOrder(site, 'mixed', [
    ['bad-1', EICAR],
    ['good', 'nothing to see'],
    ['bad-2', `x${MARKER} ${SECOND_MARKER}`],
    ['nothing', ''],
  ]);
  inOrder(site, 'mixed/below', [['bad-3', EICAR]]);
  for (const depth of [0, 1, 2, 3])
    inOrder(site, ['deep', 'd1', 'd2', 'd3'].slice(0, depth + 1).join('/'), [['bad', EICAR]]);
  inOrder(site, 'good', [
    ['one', 'one'],
    ['two', 'two'],
  ]);
  inOrder(site, 'only-empty', [['nothing', '']]);
  inOrder(site, 'only-directories/a/b', []);
  inOrder(site, 'bare', []);
  inOrder(
    site,
    'wide',
    Array.from({ length: 12 }, (_, at) => [`f${at}`, at % 3 === 0 ? EICAR : 'clean'] as const),
  );
  directoriesInOrder(site, 'exclude', ['skipped', 'dir-only', 'cased', 'kept']);
  for (const [directory, ...names] of [
    ['skipped', 'bad'],
    ['dir-only', 'bad'],
    ['dir-only/below', 'bad'],
    ['cased', 'BAD-1', 'bad-1'],
    ['kept', 'dir-only', 'skipped', 'bad-1'],
  ] as const) {
    inOrder(
      site,
      `exclude/${directory}`,
      names.map((name) => [name, EICAR]),
    );
  }
  makeLinks(site);
  makeDenied(site);
  // clamd makes its socket after it has become `User`.
  for (const directory of ['.', 'spool']) chmodSync(join(site.root, directory), 0o777);
  return makeSpecials(site);
}

/** On another filesystem, and shared by all who run these: nobody puts anything there. */
const EMPTY_ELSEWHERE = '/dev/shm/portcullis-test-empty';

/** Files and then names: the one with the lowest inode number gets the first. */
function inOrder(site: Site, directory: string, files: readonly (readonly [string, string])[]): void {
  const path = join(site.root, directory);
  mkdirSync(path, { recursive: true });
  const made = files.map((_, at) => site.put(join(directory, `unnamed-${at}`), ''));
  made.sort((one, other) => statSync(one).ino - statSync(other).ino);
  files.forEach(([name, content], at) => {
    const from = made[at];
    if (from === undefined) return;
    writeFileSync(from, content);
    renameSync(from, join(path, name));
  });
}

/** The same for directories. */
function directoriesInOrder(site: Site, parent: string, names: readonly string[]): void {
  const made = names.map((_, at) => join(site.root, parent, `unnamed-${at}`));
  for (const path of made) mkdirSync(path, { recursive: true });
  made.sort((one, other) => statSync(one).ino - statSync(other).ino);
  made.forEach((path, at) => {
    renameSync(path, join(site.root, parent, names[at] ?? ''));
  });
}

function makeLinks(site: Site): void {
  mkdirSync(EMPTY_ELSEWHERE, { recursive: true });
  const links: Readonly<Record<string, string>> = {
    'links/to-eicar': '../eicar',
    'links/to-mixed': '../deep/d1/d2/d3',
    'links/to-nowhere': 'nowhere',
    'rings/to-itself': 'to-itself',
    'elsewhere/to-proc': '/proc/version',
    'elsewhere-too/to-shm': EMPTY_ELSEWHERE,
  };
  for (const [name, target] of Object.entries(links)) {
    mkdirSync(join(site.root, name, '..'), { recursive: true });
    symlinkSync(target, join(site.root, name));
  }
  site.put('elsewhere/bad', EICAR);
  site.put('elsewhere-too/bad', EICAR);
  site.put('dangling/good', 'good');
  symlinkSync('nowhere', join(site.root, 'dangling/to-nowhere'));
}

function makeDenied(site: Site): void {
  chmodSync(site.put('denied/file', EICAR), 0o000);
  chmodSync(site.put('all-denied/file', EICAR), 0o000);
  site.put('denied/good', 'good');
  site.put('denied-below/good', 'good');
  site.put(`${SHUT}/bad`, EICAR);
  chmodSync(join(site.root, SHUT), 0o000);
}

function makeSpecials(site: Site): () => void {
  mkdirSync(join(site.root, 'specials'));
  execFileSync('mkfifo', [join(site.root, 'fifo'), join(site.root, 'specials/fifo')]);
  site.put('specials/good', 'good');
  const { sockets, files } = openNative();
  const socket = sockets.createUnix();
  sockets.bindUnix(socket, join(site.root, 'socket'));
  return () => {
    files.close(socket);
    chmodSync(join(site.root, SHUT), 0o755);
  };
}
