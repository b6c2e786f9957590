import { describe, expect, test } from '@jest/globals';
import { createPuaRule } from './pua-categories.js';

const NAMES = [
  ...['PUA.A.X-1', 'PUA.A.B', 'PUA.AB.C', 'PUA..A', 'PUA.Win.Tool.Y-2', 'PUA.Win.Packer.Z', 'PUA.X.Win.Y'],
  ...['PUA.X.Win', 'PUA.A.', 'PUA..', 'PUA.X.Y.Win.Z', 'PUA.x.y-Win.a'],
];
/** Names without a category: left out as soon as there is a list. */
const OTHERS = ['PUA.A', 'PUA.', 'PUA', 'Pua.A.X', 'pua.a.x', 'Normal', 'Win.A.Foo', 'XXX.A.B', 'PUAX.A.B'];

/** Observed with clamscan and clamd 1.4.6, `.ndu` and `.hdu`. */
describe('createPuaRule', () => {
  test('takes everything where no category is named', () => {
    expect(createPuaRule({})).toBeUndefined();
    expect(createPuaRule({ exclude: [], include: [] })).toBeUndefined();
  });

  test.each([
    [['Win'], ['PUA.Win.Tool.Y-2', 'PUA.Win.Packer.Z', 'PUA.X.Win.Y', 'PUA.X.Y.Win.Z']],
    [['Tool'], ['PUA.Win.Tool.Y-2']],
    [['W'], []],
    [['A'], ['PUA.A.X-1', 'PUA.A.B', 'PUA.A.']],
    [['Win', 'Tool'], ['PUA.Win.Tool.Y-2']],
    [['Tool', 'Win'], []],
    [['Win', 'A'], []],
  ])('%j names these', (categories, named) => {
    const included = createPuaRule({ include: categories });
    const excluded = createPuaRule({ exclude: categories });
    expect([...NAMES, ...OTHERS].filter((name) => included?.(name))).toEqual(named);
    expect([...NAMES, ...OTHERS].filter((name) => excluded?.(name))).toEqual(
      NAMES.filter((name) => !named.includes(name)),
    );
  });
});
