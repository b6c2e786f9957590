/** What a mount or filesystem mark covers beyond what is to be protected. Directories are absolute and normalised. */
export interface PathScopeOptions {
  /** Protected with everything below them; empty: everything is. */
  readonly include: readonly string[];
  /** Whether a directory is left out, itself or by one above it. */
  readonly isExcluded: (directoryPath: string) => boolean;
}

/**
 * Which files are to be judged, where the kernel asks about more than those.
 *
 * A path that is not absolute is judged: it says nothing about where the file belongs. An absolute one may be of another mount
 * namespace, where it says no more; who asks has to know (`gate/own-mounts.ts`).
 *
 * @returns a test for the path of a file
 */
export function createPathScope(options: PathScopeOptions): (filePath: string) => boolean {
  const prefixes = options.include.map((directory) =>
    directory.endsWith('/') ? directory : `${directory}/`,
  );
  return (filePath) => {
    if (!filePath.startsWith('/')) return true;
    if (prefixes.length > 0 && !prefixes.some((prefix) => filePath.startsWith(prefix))) return false;
    return !options.isExcluded(filePath.slice(0, Math.max(1, filePath.lastIndexOf('/'))));
  };
}
