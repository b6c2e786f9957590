import { expect, test } from '@jest/globals';
import { engineIn } from './running-daemon.js';

test('engineIn: the last line of the log that names an engine', () => {
  const log = [
    '{"level":"info","msg":"Engine: libclamav 1.4.6","engine":"libclamav"}',
    '{"level":"warn","msg":"libclamav does not take the database"}',
    '{"level":"info","msg":"Engine: built-in","engine":"built-in"}',
    '',
  ].join('\n');
  expect(engineIn(log)).toBe('built-in');
  expect(engineIn('clamd daemon 1.4.6')).toBeUndefined();
});
