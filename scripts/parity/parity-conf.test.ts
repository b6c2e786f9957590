import { describe, expect, test } from '@jest/globals';
import { readClamdConfig } from '@portcullis/shared';
import { renderParityConf } from './parity-conf.js';

describe('renderParityConf', () => {
  const paths = { socketPath: '/t/clamd.sock', databaseDirectory: '/t/db', temporaryDirectory: '/t/tmp' };

  test('is a configuration that our daemon reads without complaint', () => {
    const text = renderParityConf({ ...paths, isRoot: true, confLines: ['AlertEncrypted yes'] });
    const { issues } = readClamdConfig(text, 'clamd.conf');
    expect(issues).toEqual([]);
    expect(text.split('\n')).toEqual(expect.arrayContaining(['User root', 'AlertEncrypted yes']));
  });

  test('names no account where the daemon cannot change to one', () => {
    expect(renderParityConf({ ...paths, isRoot: false, confLines: [] })).not.toContain('User');
  });
});
