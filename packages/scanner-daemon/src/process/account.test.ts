import { describe, expect, test } from '@jest/globals';
import { findAccount, findGroupId } from './account.js';

describe('findAccount', () => {
  test('knows root, and nobody of a name that is not there or would be an option', () => {
    expect(findAccount('root')).toMatchObject({ uid: 0, gid: 0, groups: expect.arrayContaining([0]) });
    expect([findAccount('no-such-account'), findAccount('--help'), findAccount('')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('findGroupId', () => {
  test('takes numbers as they are and asks the system about names', () => {
    expect([findGroupId('0'), findGroupId('4711'), findGroupId('root')]).toEqual([0, 4711, 0]);
    expect(['no-such-group', '--help', '', '99999999999'].map(findGroupId)).toEqual(
      Array.from({ length: 4 }, () => undefined),
    );
  });
});
