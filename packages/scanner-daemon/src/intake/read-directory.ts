import type { Dir, Stats } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { joinPath } from './path-argument.js';

export interface DirectoryEntry {
  readonly name: Buffer;
  readonly looked:
    { readonly kind: 'status'; readonly stats: Stats } | { readonly kind: 'failed'; readonly error: unknown };
}

/** So many entries are held and sorted at a time; a larger directory comes in several slices. */
const SLICE_ENTRIES_MAX = 65_536;
/** lstat calls under way at once: the thread pool of libuv has four threads, which others need too. */
const LOOKS_AT_ONCE = 16;

/**
 * The entries of a directory, each with its lstat. Names are bytes, whatever their encoding.
 *
 * @throws the error of opendir or readdir, with `code` and `syscall`.
 */
export async function* readDirectory(path: Buffer): AsyncGenerator<readonly DirectoryEntry[]> {
  // latin1 maps bytes to characters one to one.
  const directory = await opendir(path, { encoding: 'latin1', bufferSize: 1024 });
  try {
    for (;;) {
      const names = await readNames(directory);
      if (names.length === 0) return;
      yield await lookAt(path, names);
      if (names.length < SLICE_ENTRIES_MAX) return;
    }
  } finally {
    await directory.close();
  }
}

async function readNames(directory: Dir): Promise<Buffer[]> {
  const names: Buffer[] = [];
  while (names.length < SLICE_ENTRIES_MAX) {
    const entry = await directory.read();
    if (entry === null) break;
    names.push(Buffer.from(entry.name, 'latin1'));
  }
  return names;
}

async function lookAt(directory: Buffer, names: readonly Buffer[]): Promise<DirectoryEntry[]> {
  const entries: DirectoryEntry[] = [];
  for (let at = 0; at < names.length; at += LOOKS_AT_ONCE) {
    const some = names.slice(at, at + LOOKS_AT_ONCE).map(async (name): Promise<DirectoryEntry> => {
      try {
        return { name, looked: { kind: 'status', stats: await lstat(joinPath(directory, name)) } };
      } catch (error) {
        return { name, looked: { kind: 'failed', error } };
      }
    });
    entries.push(...(await Promise.all(some)));
  }
  return entries;
}
