import { expect, test } from '@jest/globals';
import { renderClamdConf } from './clamd-conf.js';

test('renderClamdConf: names only directives of ClamAV, one a line', () => {
  const text = renderClamdConf({
    socketPath: '/r/s.sock',
    signatureDirectory: '/r/db',
    temporaryDirectory: '/r/tmp',
    watchedDirectory: '/r/watched',
  });
  expect(text).toBe(
    [
      'LocalSocket /r/s.sock',
      'DatabaseDirectory /r/db',
      'TemporaryDirectory /r/tmp',
      'Foreground yes',
      'User clamav',
      'OnAccessIncludePath /r/watched',
      'OnAccessPrevention yes',
      'OnAccessExcludeUname clamav',
      '',
    ].join('\n'),
  );
});
