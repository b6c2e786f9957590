import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { ENV_PREFIX as PREFIX, SETTINGS as TABLE } from './settings.js';

const page = readFileSync(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8');

test.each(TABLE.map(({ name }) => `${PREFIX}${name}`))(
  'docs/configuration.md has a row for %s',
  (variable) => {
    expect(page).toMatch(new RegExp(`\\| ${variable} +\\|`));
  },
);
