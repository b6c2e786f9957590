import { describe, expect, test } from '@jest/globals';
import { createPathScope } from './path-scope.js';

const nothing = (): boolean => false;

describe('createPathScope', () => {
  test.each([
    ['/srv/data/f', true],
    ['/srv/data/deep/er/f', true],
    ['/srv/data (deleted)', false],
    ['/srv/data/f (deleted)', true],
    ['/srv/database/f', false],
    ['/srv/f', false],
    ['/f', false],
  ])('below an include path: %s is %s', (path, inside) => {
    expect(createPathScope({ include: ['/srv/data'], isExcluded: nothing })(path)).toBe(inside);
  });

  test('without include paths, and with the root as one, everything is inside', () => {
    for (const include of [[], ['/']]) {
      const scope = createPathScope({ include, isExcluded: nothing });
      expect(['/f', '/srv/data/f'].map(scope)).toEqual([true, true]);
    }
  });

  test('the directory of the file is asked about, the root by its one slash', () => {
    const asked: string[] = [];
    const scope = createPathScope({ include: [], isExcluded: (path) => asked.push(path) > 2 });
    expect(['/a/b/f', '/f', '/x/f'].map(scope)).toEqual([true, true, false]);
    expect(asked).toEqual(['/a/b', '/', '/x']);
  });

  test.each(['', '(unreachable)/srv/f', 'memfd:x'])('what cannot be placed is judged: %s', (path) => {
    expect(createPathScope({ include: ['/srv'], isExcluded: () => true })(path)).toBe(true);
  });
});
