import { describe, expect, test } from '@jest/globals';
import type { Check } from './check.js';
import { checkLimits, checkPrivileges } from './process-checks.js';

const ALL = '000001ffffffffff';
const FILES: Readonly<Record<string, string>> = {
  '/proc/self/status': `Name:\tnode\nCapEff:\t${ALL}\n`,
  '/proc/self/uid_map': '         0          0 4294967295\n',
  '/proc/self/limits':
    'Limit Soft Hard Units\nMax open files            1024                 1048576              files\n',
  '/proc/sys/fs/fanotify/max_user_groups': '128\n',
  '/proc/sys/fs/fanotify/watchdog_timeout': '0\n',
  '/proc/sys/fs/inotify/max_user_watches': '200000\n',
  '/proc/sys/fs/inotify/max_user_instances': '128\n',
};

function look(
  check: typeof checkLimits,
  changed: Readonly<Record<string, string | undefined>> = {},
): Check[] {
  const files = { ...FILES, ...changed };
  return check((path) => files[path]);
}

const levels = (checks: readonly Check[]): string[] => checks.map(({ topic, level }) => `${topic} ${level}`);

describe('checkPrivileges', () => {
  test('root on the host is all right', () => {
    expect(levels(look(checkPrivileges))).toEqual(['capabilities ok', 'user namespace ok']);
  });

  test('what is needed and missing is a failure that names it and says what to do', () => {
    const [check] = look(checkPrivileges, { '/proc/self/status': 'CapEff:\t0000000000000000\n' });
    expect(check).toMatchObject({ level: 'fail', finding: expect.stringContaining('CAP_SYS_ADMIN (') });
    expect(check?.advice).toContain('sudo');
  });

  test('only CAP_LEASE missing is a warning', () => {
    const withoutLease = (BigInt(`0x${ALL}`) & ~(1n << 28n)).toString(16);
    const [check] = look(checkPrivileges, { '/proc/self/status': `CapEff:\t${withoutLease}\n` });
    expect(check).toMatchObject({ level: 'warn', finding: expect.stringContaining('CAP_LEASE') });
  });

  test('root of a user namespace is told so, since its capabilities are worth nothing here', () => {
    const [, check] = look(checkPrivileges, { '/proc/self/uid_map': '0 100000 65536\n' });
    expect(check).toMatchObject({ topic: 'user namespace', level: 'fail' });
  });

  test('what cannot be read is skipped', () => {
    const unreadable = { '/proc/self/status': undefined, '/proc/self/uid_map': undefined };
    expect(levels(look(checkPrivileges, unreadable))).toEqual(['capabilities skip']);
  });
});

describe('checkLimits', () => {
  test('an ordinary host is all right', () => {
    expect(look(checkLimits).every(({ level }) => level === 'ok')).toBe(true);
  });

  test('a low limit on descriptors matters only to whoever may not raise it', () => {
    const limits = 'Max open files            1024                 4096                 files\n';
    const few = { '/proc/self/limits': limits, '/proc/self/status': 'CapEff:\t0000000000000000\n' };
    expect(look(checkLimits, few)[0]).toMatchObject({
      level: 'warn',
      advice: expect.stringContaining('LimitNOFILE'),
    });
    expect(look(checkLimits, { '/proc/self/limits': limits })[0]).toMatchObject({ level: 'ok' });
  });

  test('each low sysctl is a warning with the command that raises it', () => {
    const low = {
      '/proc/sys/fs/fanotify/max_user_groups': '2\n',
      '/proc/sys/fs/inotify/max_user_watches': '8192\n',
    };
    const warnings = look(checkLimits, low).filter(({ level }) => level === 'warn');
    expect(warnings.map(({ advice }) => advice)).toEqual([
      expect.stringContaining('sysctl -w fs.fanotify.max_user_groups='),
      expect.stringContaining('sysctl -w fs.inotify.max_user_watches='),
    ]);
  });

  test('kernels without a watchdog, or with one switched on, are all right', () => {
    const path = '/proc/sys/fs/fanotify/watchdog_timeout';
    expect(look(checkLimits, { [path]: undefined }).at(-1)).toMatchObject({ level: 'ok' });
    expect(look(checkLimits, { [path]: '30\n' }).at(-1)?.finding).toContain('30 s');
  });
});
