import { expect, test } from '@jest/globals';
import { portcullisEnv } from './engine.js';

test('portcullisEnv: names the engine always, and its isolation where there is any', () => {
  expect(portcullisEnv('builtin')).toEqual({ SCANNER_BUNDLED_SIGNATURES: 'no', SCANNER_ENGINE: 'builtin' });
  expect(portcullisEnv('libclamav')).toMatchObject({ SCANNER_ENGINE: 'libclamav', SCANNER_ISOLATION: 'yes' });
  expect(portcullisEnv('libclamav', 'no')).toMatchObject({ SCANNER_ISOLATION: 'no' });
});
