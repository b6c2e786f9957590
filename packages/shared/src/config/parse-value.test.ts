import { expect, test } from '@jest/globals';

import { parseNumber, parseSize, SIZE_UNLIMITED } from './parse-value.js';

// Both columns of both tables were seen with clamconf 1.4.6.
test.each([
  ['0', 0],
  ['08', 8],
  ['010', 10],
  ['2147483647', 2147483647],
  ['2147483648', -2147483648],
  ['4294967295', -1],
  ['4294967296', 0],
  ['99999999999', 1215752191],
  ['9223372036854775808', -1],
])('parseNumber: %s is %s', (text, value) => {
  expect(parseNumber(text)).toMatchObject({ kind: 'value', value });
});

test.each([
  ['0', SIZE_UNLIMITED],
  ['0K', SIZE_UNLIMITED],
  ['010K', 8192n],
  ['017', 15n],
  ['4k', 4096n],
  ['1m', 1048576n],
  ['4G', 4294967296n],
  ['8589934591G', 9223372035781033984n],
  ['9223372036854775806', 9223372036854775806n],
  ['9223372036854775807', SIZE_UNLIMITED],
])('parseSize: %s is %s bytes', (text, value) => {
  expect(parseSize(text)).toEqual({ kind: 'value', value });
});

test.each(['9223372036854775808', '18446744073709551616', '36028797018963968K', '17592186044416M'])(
  'parseSize: %s is too high',
  (text) => {
    expect(parseSize(text)).toEqual({ kind: 'value', value: SIZE_UNLIMITED, remark: 'size-too-high' });
  },
);
