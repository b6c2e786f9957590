import { expect, test } from '@jest/globals';
import { FakeNative } from '@portcullis/shared/testing';
import { MountChanges } from './mount-changes.js';

const WAIT_MAX_MS = 20_000;

test('a look that fails is told of, and does not end the looking', async () => {
  const failures: unknown[] = [];
  const changes = new MountChanges(
    new FakeNative(),
    () => Promise.reject(new Error('unforeseen')),
    (error) => failures.push(error),
  );
  const giveUpAtMs = Date.now() + WAIT_MAX_MS;
  while (failures.length < 2 && Date.now() < giveUpAtMs)
    await new Promise((resolve) => setTimeout(resolve, 50));
  changes.close();
  expect(failures[1]).toMatchObject({ message: 'unforeseen' });
}, 30_000);
