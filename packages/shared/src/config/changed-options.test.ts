import { expect, test } from '@jest/globals';

import { changedOptions } from './changed-options.js';
import { OPTION_TABLE } from './option-table.js';
import { readClamdConfig } from './read-clamd-config.js';

function changed(...lines: string[]): string[] {
  return [...changedOptions(readClamdConfig(`${lines.join('\n')}\n`, 'clamd.conf').settings)];
}

test('changedOptions: names what is set to another value than the default, in table order', () => {
  expect(changed('MaxRecursion 16', 'LogTime yes', 'CacheSize 65536', 'BytecodeMode auto')).toEqual([
    'LogTime',
    'MaxRecursion',
  ]);
  expect(changed('MaxFileSize 100M', 'MaxFileSize 1M', 'ExcludePUA A')).toEqual(['ExcludePUA']);
  expect(changed('MaxFileSize 0')).toEqual(['MaxFileSize']);
});

test('changedOptions: a file that spells out every default changes nothing', () => {
  const defaults = OPTION_TABLE.flatMap((row) =>
    row.default === undefined
      ? []
      : [`${row.name} ${typeof row.default === 'boolean' ? (row.default ? 'yes' : 'no') : row.default}`],
  );
  expect(defaults.length).toBeGreaterThan(50);
  expect(changed(...defaults)).toEqual([]);
});
