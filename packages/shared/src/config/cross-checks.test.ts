import { expect, test } from '@jest/globals';

import { formatConfigIssue } from './config-issue.js';
import { checkDaemonConfig, checkOnAccessConfig } from './cross-checks.js';
import { describeConfig } from './describe-config.js';
import { OPTION_TABLE } from './option-table.js';
import { readClamdConfig } from './read-clamd-config.js';

const configOf = (text: string) => readClamdConfig(text, 'f').config!;

test.each([
  ['', []],
  [
    'DetectPUA yes\nExcludePUA a\nIncludePUA b\n',
    ['ERROR: ExcludePUA and IncludePUA cannot be used at the same time'],
  ],
  ['ExcludePUA a\nIncludePUA b\n', []],
  ['LogFile a\n', ['ERROR: LogFile requires full path.']],
  ['LogSyslog yes\nLogFacility X\n', ['ERROR: LogFacility: X: No such facility.']],
  ['StreamMinPort 5\n', ['ERROR: Invalid StreamMinPort/StreamMaxPort: 5, 2048']],
  ['LocalSocketMode 9\n', ['ERROR: Invalid LocalSocketMode 9']],
  ['MaxRecursion 0\n', ['ERROR: MaxRecursion 0 is out of range, allowed are 1 to 100']],
  ['MaxRecursion 100\n', []],
  ['MaxThreads 0\n', ['ERROR: MaxThreads must be at least 1']],
  ['TCPSocket 65536\n', ['ERROR: TCPSocket 65536 is not a port, allowed are 1 to 65535']],
  ['BytecodeSecurity paranoid\n', ['ERROR: Unable to parse bytecode security setting:paranoid']],
])('checkDaemonConfig: %j', (text, printed) => {
  expect(checkDaemonConfig(configOf(text)).map(formatConfigIssue)).toEqual(printed);
});

test('checkOnAccessConfig: says what clamonacc keeps to itself', () => {
  expect(checkOnAccessConfig(configOf('OnAccessIncludePath /a\nOnAccessPrevention yes\n'))).toEqual([]);
  const text = 'OnAccessMountPath /\nOnAccessIncludePath /a\nOnAccessPrevention yes\nOnAccessExcludeUID 0\n';
  expect(checkOnAccessConfig(configOf(text))).toHaveLength(3);
  expect(checkOnAccessConfig(configOf(''))).toHaveLength(1);
});

test('describeConfig: prints every option in table order with its origin, and no control characters', () => {
  const text = 'MaxFileSize 010M\nTCPAddr a\nTCPAddr b\nLogFile /a\x1b[31m\nStreamMaxLength 0\n';
  const printed = describeConfig(readClamdConfig(text, 'f').settings);
  expect(printed).toHaveLength(OPTION_TABLE.length + 1);
  expect(printed).toEqual(
    expect.arrayContaining([
      'MaxFileSize 8388608  # line 1',
      'TCPAddr a  # line 2',
      'TCPAddr b  # line 3',
      'LogFile /a\\x1b[31m  # line 4',
      'StreamMaxLength 0  # line 5',
      'ReadTimeout 120  # default',
      '# User is unset  # default',
      'ScanPE yes  # default',
    ]),
  );
});
