import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { hashDatabase } from '../../../database/hashes/testing/read-lines.js';
import { nameOf } from '../../../database/names/name-table.js';
import { findImportHashes } from './import-hashes.js';

/** Those of clamav-testfiles' clam.exe: `sigtool --imp` prints `98c88d882f01a3f6ac1e5f7dfd761624:39`. */
const IMPORTS = Buffer.from('kernel32.exitprocess,user32.messageboxa');
const hashOf = (algorithm: string): string => createHash(algorithm).update(IMPORTS).digest('hex');

test('the list of imports is found under all digests, with its own length as size', () => {
  const { hashes, names } = hashDatabase({
    importList: [
      `${hashOf('sha256')}:*:sha256-any`,
      `${hashOf('sha1')}:39:sha1`,
      '98c88d882f01a3f6ac1e5f7dfd761624:*:any',
      '98c88d882f01a3f6ac1e5f7dfd761624:39:md5',
      `${hashOf('sha256')}:38:shorter`,
    ],
  });
  const found = findImportHashes(hashes.importList, IMPORTS).map((id) => nameOf(names, id));
  expect(found).toEqual(['md5', 'any', 'sha1', 'sha256-any']);
});

test('an empty list is found under the hash of nothing, for any size only, as clamscan does (observed)', () => {
  const { hashes, names } = hashDatabase({
    importList: ['d41d8cd98f00b204e9800998ecf8427e:*:empty', 'd41d8cd98f00b204e9800998ecf8427e:1:one'],
  });
  const found = findImportHashes(hashes.importList, Buffer.alloc(0)).map((id) => nameOf(names, id));
  expect(found).toEqual(['empty']);
});
