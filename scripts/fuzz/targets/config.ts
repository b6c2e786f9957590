import { formatConfigIssue, readClamdConfig } from '@portcullis/shared';
import { demand } from '../fuzz-error.js';
import { bytesOf, type DecoderTarget } from './target.js';

/** Options of every type, and what stands between them. */
const OPTIONS = [
  ['LocalSocket', '/run/clamd.sock'],
  ['Foreground', 'yes'],
  ['MaxThreads', '12'],
  ['MaxFileSize', '010M'],
  ['StreamMaxLength', '0'],
  ['ExcludePath', '^/(proc|sys)/'],
  ['VirusEvent', '"echo %v # no"'],
  ['OnAccessIncludePath', '/home'],
  ['BytecodeSecurity', 'TrustSigned'],
  ['TCPAddr', '::1'],
  ['ScanOnAccess', 'yes'],
] as const;

/** clamd.conf, from bytes to a typed configuration or to issues that can be printed. */
export function createConfigTarget(): DecoderTarget {
  const lines = OPTIONS.map(([name, value]) => `${name} ${value}\n`);
  return {
    name: 'config',
    corpus: bytesOf(
      ...lines,
      lines.join(''),
      `# comment\n\n${lines.join('\t\n')}`,
      lines.join('').replaceAll('\n', '\r\n'),
    ),
    dictionary: bytesOf(
      ...OPTIONS.flat(),
      ...[
        '\n',
        ' ',
        '\t',
        '"',
        '#',
        '\0',
        '\r',
        '\xff',
        'Example',
        '9',
        '99999999999999999999',
        'K',
        'G',
        'x'.repeat(1023),
      ],
    ),
    check(input) {
      const { config, issues } = readClamdConfig(input, 'clamd.conf');
      const isRefused = issues.some(({ severity }) => severity === 'error');
      demand((config === undefined) === isRefused, 'either a configuration or an error');
      for (const issue of issues) {
        // eslint-disable-next-line no-control-regex -- control characters are what must not be printed
        demand(!/[\u0000-\u001f\u007f]/.test(formatConfigIssue(issue)), 'issues are safe to print');
      }
      const again = readClamdConfig(input, 'clamd.conf');
      demand(JSON.stringify(again.issues) === JSON.stringify(issues), 'the same file gives the same issues');
    },
  };
}
