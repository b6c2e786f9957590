import { describe, expect, test } from '@jest/globals';
import type { FailureCause } from './decide.js';
import { assessSelfBlock } from './self-block.js';
import type { SelfBlockFacts, VitalFile } from './self-block.js';

function policy(...denied: FailureCause[]): SelfBlockFacts['failurePolicy'] {
  const of = (cause: FailureCause): 'allow' | 'deny' => (denied.includes(cause) ? 'deny' : 'allow');
  return {
    tooLarge: of('tooLarge'),
    incomplete: of('incomplete'),
    scanError: of('scanError'),
    timeout: of('timeout'),
    daemonDown: of('daemonDown'),
    overload: of('overload'),
    internalError: of('internalError'),
  } as SelfBlockFacts['failurePolicy']; // rows that the check does not look at may be missing
}

const FILES: readonly VitalFile[] = [
  { role: 'daemon', path: '/usr/sbin/clamd', isRootOnly: true },
  { role: 'database', path: '/var/lib/clamav/main.cvd', isRootOnly: false },
  { role: 'rescue', path: '/bin/dash', isRootOnly: true },
  { role: 'client', path: '/usr/bin/node', isRootOnly: true },
];

function assess(changes: Partial<SelfBlockFacts> = {}) {
  const facts: SelfBlockFacts = {
    prevention: true,
    failurePolicy: policy('daemonDown'),
    files: FILES,
    daemon: { uid: 103, name: 'clamav' },
    excludedUids: [],
    ...changes,
  };
  const { errors, warnings, lines } = assessSelfBlock(facts);
  return { errors: errors.join('\n'), warnings: warnings.join('\n'), lines: lines.join('\n') };
}

describe('assessSelfBlock', () => {
  test('a daemon that is not known was not looked at, and that is said where it matters', () => {
    const unknown = { daemon: undefined, daemonUnknown: 'its socket was made by systemd' };
    expect(assess(unknown).warnings).toContain('was not checked: its socket was made by systemd');
    expect(assess({ ...unknown, failurePolicy: policy() }).warnings).toBe('');
    expect(assess().warnings).not.toContain('was not checked');
  });

  test('a daemon under an account of its own could not start again, and the text says what to write', () => {
    const { errors } = assess();
    expect(errors).toContain('/usr/sbin/clamd, /var/lib/clamav/main.cvd');
    expect(errors).toContain("'OnAccessExcludeUname clamav'");
    expect(errors).toContain("'OnAccessExcludePath /var/lib/clamav'");
    expect(errors).toContain('ONACC_ON_DAEMON_DOWN=allow');
  });

  test('an account without a name is excluded by its number', () => {
    expect(assess({ daemon: { uid: 103 } }).errors).toContain("'OnAccessExcludeUID 103'");
  });

  test('with its account excluded it can', () => {
    expect(assess({ excludedUids: [103] }).errors).toBe('');
  });

  test('a daemon of root’s can open what only root can write, but not a database that is clamav’s', () => {
    const { errors } = assess({ daemon: { uid: 0, name: 'root' } });
    expect(errors).not.toContain('/usr/sbin/clamd');
    expect(errors).toContain("'OnAccessExcludePath /var/lib/clamav'");
    expect(errors).not.toContain('OnAccessExcludeUname');
    expect(assess({ daemon: { uid: 0 }, files: FILES.filter(({ isRootOnly }) => isRootOnly) }).errors).toBe(
      '',
    );
  });

  test('a daemon elsewhere is not looked at', () => {
    expect(assess({ daemon: undefined }).errors).toBe('');
  });

  test('people are told that only root gets in, and of a shell that not even root can open', () => {
    expect(assess().warnings).toContain('only root can run programs such as /bin/dash');
    expect(assess().warnings).not.toContain('Not even root');
    const files: VitalFile[] = [{ role: 'rescue', path: '/opt/sh', isRootOnly: false }];
    expect(assess({ files }).warnings).toContain('Not even root can open /opt/sh');
  });

  test('a client that others can write to is told of', () => {
    const files: VitalFile[] = [{ role: 'client', path: '/home/u/app/main.js', isRootOnly: false }];
    expect(assess({ files }).warnings).toContain("'OnAccessExcludePath /home/u/app'");
  });

  test.each([
    ['notify-only', { prevention: false }],
    ['a table that allows', { failurePolicy: policy() }],
    ['rows that pass by themselves', { failurePolicy: policy('timeout', 'overload', 'scanError') }],
    ['nothing vital under a mark', { files: [] }],
  ])('%s blocks nobody', (_, changes) => {
    const { errors, warnings, lines } = assess(changes);
    expect([errors, warnings]).toEqual(['', '']);
    expect(lines).toContain('Self-block check');
  });

  test('a refusal of large files shuts the daemon out just as well', () => {
    expect(assess({ failurePolicy: policy('tooLarge') }).errors).toContain('ONACC_ON_TOO_LARGE=allow');
  });
});
