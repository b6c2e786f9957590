import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openNative } from '@portcullis/shared/native';
import { compileExcludePatterns } from './exclude-path.js';
import { createPathWalk, type PathWalkOptions } from './path-walk.js';

const { patterns: compiler } = openNative();

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'walk-test-'));
  chmodSync(root, 0o755);
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

interface Walked {
  /** `path`, or `kind path` for a problem, relative to the root. */
  readonly lines: string[];
  readonly visited: number;
}

interface Wishes extends Partial<PathWalkOptions> {
  readonly multiscan?: boolean;
  readonly stopAt?: string;
  readonly signal?: AbortSignal;
}

async function walk(argument: string | Buffer, wishes: Wishes = {}): Promise<Walked> {
  const lines: string[] = [];
  const relative = (path: Buffer): string =>
    path.toString('latin1').replace(`${root}/`, '').replace(root, '.');
  const walkPaths = createPathWalk({
    directoryDepthMax: 15,
    followDirectorySymlinks: false,
    followFileSymlinks: false,
    crossFilesystems: true,
    isExcluded: () => false,
    onDepthLimit: (path) => lines.push(`tooDeep ${relative(path)}`),
    ...wishes,
  });
  const { visitedObjects } = await walkPaths(
    Buffer.from(argument),
    { signal: wishes.signal ?? new AbortController().signal, multiscan: wishes.multiscan ?? false },
    {
      file: (path) => {
        lines.push(relative(path));
        return Promise.resolve(wishes.stopAt === relative(path) ? 'stop' : 'continue');
      },
      problem: (problem) => {
        const detail = problem.kind === 'checkFailed' ? ` (${problem.strerror})` : '';
        lines.push(`${problem.kind} ${relative(problem.path)}${detail}`);
        return Promise.resolve('continue');
      },
    },
  );
  return { lines, visited: visitedObjects };
}

function put(path: string, content = 'x'): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), content);
}

function excluding(...patterns: string[]): Pick<PathWalkOptions, 'isExcluded'> {
  const compiled = compileExcludePatterns(patterns, compiler);
  if (compiled.kind === 'refused') throw new Error(compiled.reason);
  return compiled;
}

describe('createPathWalk: the argument itself', () => {
  test('a regular file, an empty one too, is scanned', async () => {
    put('file');
    put('empty', '');
    expect(await walk(join(root, 'file'))).toEqual({ lines: ['file'], visited: 1 });
    expect(await walk(join(root, 'empty'))).toEqual({ lines: ['empty'], visited: 1 });
  });

  test.each(['///%/file', '%/file//', '//%/file/'])('cleans %s', async (form) => {
    put('file');
    const argument = form.replace('%', root.slice(1)).replace(/^(?!\/)/, '/');
    expect((await walk(argument)).lines).toEqual(['file']);
  });

  test('a missing one gives one error and nothing else', async () => {
    const lines = ['checkFailed missing (No such file or directory)'];
    expect(await walk(join(root, 'missing'))).toEqual({ lines, visited: 1 });
    expect((await walk('')).lines).toEqual(['checkFailed  (No such file or directory)']);
  });

  test('a path too long is no crash', async () => {
    const { lines } = await walk(`/${'a'.repeat(300)}`);
    expect(lines[0]).toMatch(/^checkFailed .* \(File name too long\)$/);
  });

  test('what comes after a NUL is not part of the path', async () => {
    put('file');
    expect((await walk(`${join(root, 'file')}\0junk`)).lines).toEqual(['file']);
  });

  test('a FIFO is not supported, and visited all the same; said only when no slashes were collapsed', async () => {
    execFileSync('mkfifo', [join(root, 'fifo')]);
    expect(await walk(join(root, 'fifo'))).toEqual({ lines: ['notSupported fifo'], visited: 2 });
    expect((await walk(`/${root}/fifo`)).lines).toEqual([]);
  });

  test('an unfollowed link is visited and not scanned; MULTISCAN ignores all but links to files', async () => {
    put('d/file');
    symlinkSync('d/file', join(root, 'toFile'));
    symlinkSync('d', join(root, 'toDir'));
    symlinkSync('nowhere', join(root, 'dangling'));
    for (const link of ['toFile', 'toDir', 'dangling']) {
      expect(await walk(join(root, link))).toEqual({ lines: [], visited: 1 });
    }
    expect((await walk(join(root, 'toFile'), { multiscan: true })).visited).toBe(1);
    expect((await walk(join(root, 'toDir'), { multiscan: true })).visited).toBe(0);
    expect((await walk(join(root, 'dangling'), { multiscan: true })).visited).toBe(0);
  });

  test('a followed link is its target, and a dangling one is an error', async () => {
    put('d/file');
    symlinkSync('d/file', join(root, 'toFile'));
    symlinkSync('d', join(root, 'toDir'));
    symlinkSync('nowhere', join(root, 'dangling'));
    const follow = { followDirectorySymlinks: true, followFileSymlinks: true };
    expect((await walk(join(root, 'toFile'), follow)).lines).toEqual(['toFile']);
    expect((await walk(join(root, 'toDir'), follow)).lines).toEqual(['toDir/file']);
    expect((await walk(join(root, 'dangling'), follow)).lines).toEqual([
      'checkFailed dangling (No such file or directory)',
    ]);
  });

  test('an excluded one is said and not visited; MULTISCAN says nothing of a directory', async () => {
    put('secret/file');
    const options = excluding('secret');
    expect(await walk(join(root, 'secret'), options)).toEqual({ lines: ['excluded secret'], visited: 0 });
    const multiscan = { ...options, multiscan: true };
    expect(await walk(join(root, 'secret'), multiscan)).toEqual({ lines: [], visited: 0 });
    expect((await walk(join(root, 'secret/file'), multiscan)).lines).toEqual(['excluded secret/file']);
  });

  test('a file on procfs is skipped', async () => {
    expect(await walk('/proc/version')).toEqual({ lines: [], visited: 1 });
  });
});

describe('createPathWalk: directories', () => {
  test('files by inode, then subdirectories by inode; empty, special and linked entries silently', async () => {
    for (const path of ['b', 'a', 'z/2', 'c/1', 'empty']) put(path, path === 'empty' ? '' : 'x');
    execFileSync('mkfifo', [join(root, 'fifo')]);
    symlinkSync('a', join(root, 'link'));
    const inode = (path: string): number => statSync(join(root, path)).ino;
    const files = ['b', 'a'].sort((left, right) => inode(left) - inode(right));
    const subdirectories = ['z/2', 'c/1'].sort(
      (left, right) => inode(join(left, '..')) - inode(join(right, '..')),
    );
    // Three directories, four files and the empty one.
    expect(await walk(root)).toEqual({ lines: [...files, ...subdirectories], visited: 8 });
    expect((await walk(root, { multiscan: true })).visited).toBe(5);
  });

  test('stops where the visitor says so', async () => {
    put('only');
    put('deep/never');
    expect((await walk(root, { stopAt: 'only' })).lines).toEqual(['only']);
  });

  test('asks nothing more once the client is gone', async () => {
    put('file');
    expect((await walk(root, { signal: AbortSignal.abort() })).lines).toEqual([]);
  });

  test('goes MaxDirectoryRecursion levels down, the requested directory being level 0', async () => {
    put('0/1/2/3/file');
    put('0/1/2/file');
    put('0/1/file');
    const { lines } = await walk(join(root, '0'), { directoryDepthMax: 1 });
    expect(lines).toEqual(['0/1/file', 'tooDeep 0/1/2']);
  });

  test('reports each exclusion and enters no excluded directory', async () => {
    put('keep');
    put('x.tmp');
    put('cache/file');
    const options = excluding('\\.tmp$', '/cache/');
    const { lines } = await walk(root, options);
    expect(lines.slice(0, 2).sort()).toEqual(['excluded cache', 'excluded x.tmp']);
    expect(lines.slice(2)).toEqual(['keep']);
    expect((await walk(root, { ...options, multiscan: true })).lines).toEqual(['keep']);
  });

  test('a followed link that leads back up ends the walk there', async () => {
    put('d/file');
    symlinkSync('..', join(root, 'd/up'));
    const { lines } = await walk(root, { followDirectorySymlinks: true });
    expect(lines).toEqual(['d/file']);
  });

  test('names that are no UTF-8 come out as the bytes they are', async () => {
    const name = Buffer.from([0x66, 0xff, 0xfe]);
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), name]), 'x');
    expect((await walk(root)).lines).toEqual([name.toString('latin1')]);
  });

  test('a hard link is a file of its own', async () => {
    put('a');
    linkSync(join(root, 'a'), join(root, 'b'));
    expect((await walk(root)).visited).toBe(3);
  });

  const asRoot = process.geteuid?.() === 0 ? test : test.skip;
  asRoot('a directory that cannot be read is one error and counts twice', async () => {
    put('shut/file');
    put('open');
    chmodSync(join(root, 'shut'), 0o700);
    process.seteuid?.(65534);
    try {
      const lines = ['open', 'checkFailed shut (Permission denied)'];
      expect(await walk(root)).toEqual({ lines, visited: 4 });
      expect(await walk(root, { multiscan: true })).toEqual({ lines, visited: 2 });
    } finally {
      process.seteuid?.(0);
    }
  });

  test('CrossFilesystems no stays on the device of the request', async () => {
    const { lines } = await walk('/dev', { crossFilesystems: false, directoryDepthMax: 1 });
    if (statSync('/dev').dev !== statSync('/dev/shm').dev)
      expect(lines).toContain('otherFilesystem /dev/shm');
  });
});

describe('compileExcludePatterns', () => {
  const isExcluded = (pattern: string, path: string): boolean =>
    excluding(pattern).isExcluded(Buffer.from(path));

  test.each([
    ['^/proc/', '/proc', true],
    ['^/proc', '/sys', false],
    ['[[:digit:]]{3}$', '/a/123', true],
    ['[[:digit:]]{3}$', '/a/12', false],
    ['[]x]', '/a]', true],
    ['[^]x/a]', '/a]', false],
    ['[\\d]', '/d', true],
    ['[\\d]', '/1', false],
    ['a|b', '/b', true],
    ['\\.(jpg|png)$', '/x.png', true],
    ['É', '/É', true],
    ['x', `/${'a'.repeat(511)}x`, false],
    ['x', `/${'a'.repeat(510)}x`, true],
    ['x/', `/${'a'.repeat(510)}x`, true],
    ['^/home/(.*/)*cache$', `/home/${'a/'.repeat(30)}x`, false],
    ['^/home/(.*/)*cache$', '/home/a/b/cache', true],
  ])('%s on %s', (pattern, path, expected) => {
    expect(isExcluded(pattern, path)).toBe(expected);
  });

  test.each(['(', '[a', 'a\\', '(?=a)', '[[:nope:]]'])('refuses %s and names it', (pattern) => {
    expect(compileExcludePatterns(['fine', pattern], compiler)).toMatchObject({ kind: 'refused', pattern });
  });
});
