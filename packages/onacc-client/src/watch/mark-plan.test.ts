import { describe, expect, test } from '@jest/globals';
import { isBelow, normalisePath, planMarks } from './mark-plan.js';
import type { MarkPlanInput } from './mark-plan.js';

function plan(includePaths: readonly string[], more: Partial<MarkPlanInput> = {}) {
  return planMarks({
    includePaths,
    temporaryDirectory: '/tmp',
    depth: 'tree',
    lookUp: () => 'directory',
    ...more,
  });
}

const paths = (roots: readonly { path: string }[]): string[] => roots.map((root) => root.path);

describe('planMarks', () => {
  test('keeps the order of the configuration and normalises', () => {
    const { roots, issues } = plan(['/srv//b/', '/home/./x/../a', '/opt']);
    expect(paths(roots)).toEqual(['/srv/b', '/home/a', '/opt']);
    expect(issues).toEqual([]);
  });

  test('takes one of several spellings of a path', () => {
    const { roots, issues } = plan(['/srv', '/srv/', '//srv/.']);
    expect(paths(roots)).toEqual(['/srv']);
    expect(issues.map(({ kind, severity }) => [kind, severity])).toEqual([
      ['duplicate', 'info'],
      ['duplicate', 'info'],
    ]);
  });

  test('drops what lies below another path, in either order, and only that', () => {
    const { roots, issues } = plan(['/home/a/b', '/home', '/home/c', '/homestead']);
    expect(paths(roots)).toEqual(['/home', '/homestead']);
    expect(issues.map(({ kind, path }) => [kind, path])).toEqual([
      ['nested', '/home/a/b'],
      ['nested', '/home/c'],
    ]);
  });

  test('a path that leads through a symbolic link out of the tree is a root of its own', () => {
    const realPathOf = (path: string): string => path.replace(/^\/srv/, '/data').replace('/link', '/../else');
    const { roots } = plan(['/srv', '/srv/link/x', '/srv/y'], {
      realPathOf: (path) => normalisePath(realPathOf(path)),
    });
    expect(paths(roots)).toEqual(['/srv', '/srv/link/x']);
  });

  test('a path that is excluded as well is a root of its own, and that is a warning', () => {
    const isExcluded = (path: string): boolean => path === '/t/no' || isBelow(path, '/t/no');
    const { roots, issues } = plan(['/t', '/t/no/below', '/t/yes'], { isExcluded });
    expect(paths(roots)).toEqual(['/t', '/t/no/below']);
    expect(issues.map(({ kind, path, severity }) => [kind, path, severity])).toEqual([
      ['nested', '/t/yes', 'info'],
      ['excludedToo', '/t/no/below', 'warning'],
    ]);
  });

  test('a path below another one is a root of its own when it lies on another device', () => {
    const deviceOf = (path: string): number => (path.startsWith('/srv/data') ? 2 : 1);
    const { roots } = plan(['/srv', '/srv/data', '/srv/data/x', '/srv/y'], { deviceOf });
    expect(paths(roots)).toEqual(['/srv', '/srv/data']);
  });

  test("refuses / in tree depth with ClamAV's words, and says what to use", () => {
    const { roots, issues } = plan(['/', '/home']);
    expect(paths(roots)).toEqual(['/home']);
    expect(issues[0]?.kind).toBe('rootRefused');
    expect(issues[0]?.lines).toEqual([
      "ERROR: ClamInotif: Not watching path '/' while DDD is enabled",
      "ERROR: ClamInotif: Please use the OnAccessMountPath option to watch '/'",
    ]);
  });

  test('accepts / alone in single depth, where nothing below it is marked', () => {
    const { roots, issues } = plan(['/', '/home'], { depth: 'single' });
    expect(paths(roots)).toEqual(['/', '/home']);
    expect(issues).toEqual([]);
  });

  test.each([
    ['tree', 'ClamInotif'],
    ['single', 'ClamFanotif'],
  ] as const)("refuses the daemon's temporary directory in %s depth as %s", (depth, prefix) => {
    const { roots, issues } = plan(['/var/tmp/'], { depth, temporaryDirectory: '/var//tmp' });
    expect(roots).toEqual([]);
    expect(issues[0]).toMatchObject({ kind: 'temporaryDirectoryRefused', severity: 'error' });
    expect(issues[0]?.lines[0]).toBe(`ERROR: ${prefix}: Not watching path '/var/tmp'`);
    expect(issues[0]?.lines).toHaveLength(3);
  });

  test("takes what lies above or below the daemon's temporary directory", () => {
    expect(plan(['/var'], { temporaryDirectory: '/var/tmp' }).roots).toHaveLength(1);
    expect(plan(['/tmp/a'], { temporaryDirectory: '/tmp' }).roots).toHaveLength(1);
  });

  test('refuses a path that is not absolute', () => {
    for (const path of ['home', './home', '', '../x']) {
      expect(plan([path])).toMatchObject({ roots: [], issues: [{ kind: 'notAbsolute' }] });
    }
  });

  test('keeps a path that is missing or no directory as waiting, and warns', () => {
    const { roots, issues } = plan(['/gone', '/file', '/here'], {
      lookUp: (path) => (path === '/gone' ? 'missing' : path === '/file' ? 'other' : 'directory'),
    });
    expect(roots).toEqual([
      { path: '/gone', state: 'waiting' },
      { path: '/file', state: 'waiting' },
      { path: '/here', state: 'present' },
    ]);
    expect(issues.map(({ kind, severity }) => [kind, severity])).toEqual([
      ['missing', 'warning'],
      ['notDirectory', 'warning'],
    ]);
  });
});

describe('isBelow', () => {
  test.each([
    ['/a/b', '/a', true],
    ['/a', '/a', false],
    ['/ab', '/a', false],
    ['/a', '/', true],
    ['/', '/', false],
    ['/a', '/a/b', false],
  ])('%s below %s: %s', (path, ancestor, below) => {
    expect(isBelow(path, ancestor)).toBe(below);
  });
});
