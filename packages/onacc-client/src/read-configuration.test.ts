import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { makeTempDir } from '@portcullis/shared/testing';
import type { TempDir } from '@portcullis/shared/testing';
import { readConfiguration } from './read-configuration.js';

let directory: TempDir;

beforeEach(() => {
  directory = makeTempDir('configuration-');
});

afterEach(() => {
  directory.remove();
});

test('more gates to begin with than gates at most is an error that names both', async () => {
  const configFile = `${directory.path}/clamd.conf`;
  writeFileSync(configFile, `LocalSocket ${directory.path}/sock\nOnAccessIncludePath ${directory.path}\n`);
  await expect(
    readConfiguration({ configFile }, { ONACC_GATES: '6', ONACC_GATES_MAX: '4' }),
  ).rejects.toMatchObject({
    code: 'BAD_CONFIG',
    lines: [expect.stringMatching(/ONACC_GATES=6 .*ONACC_GATES_MAX=4/)],
  });
  const { settings, notes } = await readConfiguration(
    { configFile },
    { ONACC_GATES: '4', ONACC_GATES_MAX: '4' },
  );
  expect([settings.gates, settings.gatesMax, notes]).toEqual([4, 4, []]);
});

test('a clamd.conf that is not there is told of with the reason', async () => {
  await expect(readConfiguration({ configFile: `${directory.path}/none` }, {})).rejects.toMatchObject({
    lines: [expect.stringMatching(/can't parse clamd configuration file .*none: No such file or directory$/)],
  });
});
