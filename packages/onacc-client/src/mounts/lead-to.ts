import { readlink } from 'node:fs/promises';
import { posix } from 'node:path';

/** As the kernel's MAXSYMLINKS. */
const LINKS_MAX = 40;

/**
 * Where a path leads, links resolved, whether it is there or not: what is missing is taken to be no link once it comes.
 * realpath(3) knows only what is there.
 *
 * @param path - absolute
 * @returns undefined for links that go round in circles
 */
export async function leadTo(path: string): Promise<string | undefined> {
  let resolved = '/';
  let links = 0;
  const names = path.split('/').reverse();
  for (let name = names.pop(); name !== undefined; name = names.pop()) {
    const next = posix.join(resolved, name);
    const target = name === '' || name === '.' || name === '..' ? undefined : await targetOf(next);
    if (target === undefined) {
      resolved = next;
      continue;
    }
    links += 1;
    if (links > LINKS_MAX) return undefined;
    if (target.startsWith('/')) resolved = '/';
    names.push(...target.split('/').reverse());
  }
  return resolved.length > 1 && resolved.endsWith('/') ? resolved.slice(0, -1) : resolved;
}

async function targetOf(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch {
    return undefined; // no link, or not there
  }
}
