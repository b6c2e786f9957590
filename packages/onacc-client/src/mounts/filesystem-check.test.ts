import { expect, test } from '@jest/globals';
import { leftOutPaths } from './filesystem-check.js';

const TABLE = [
  '1 0 8:1 / / rw - ext4 /dev/sda1 rw',
  '2 1 0:5 / /proc rw - proc proc rw',
  '3 1 0:40 / /srv/away rw - nfs4 server:/export rw',
  '4 1 0:41 / /srv/near rw - fuse.sshfs host: rw',
].join('\n');

test('says what is left out, why, and what to write to include it, without touching it', async () => {
  const included = new Set(['fuse.sshfs']);
  const paths = ['/srv/away/projects/', '/proc/1', '/srv/near/x', '/'];
  const leftOut = await leftOutPaths(paths, included, () => Promise.resolve(TABLE));
  expect(leftOut.map(({ path, policy }) => [path, policy])).toEqual([
    ['/srv/away/projects', 'network'],
    ['/proc/1', 'pseudo'],
  ]);
  expect(leftOut[0]?.lines.join('\n')).toContain('ONACC_INCLUDE_FILESYSTEMS=nfs4');
});
