import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import type { EnvTable } from './env-table.js';
import { describeEnv, resolveEnv } from './resolve-env.js';

const TABLE = [
  { name: 'ENGINE', type: 'choice', choices: ['auto', 'builtin'], default: 'auto', meaning: 'engine' },
  { name: 'SPOOL_MEMORY_BYTES', type: 'bytes', default: 1024, max: 1024 ** 3, meaning: 'spool' },
  { name: 'SCAN_DEADLINE_MS', type: 'milliseconds', default: undefined, min: 1, meaning: 'deadline' },
  { name: 'WORKERS', type: 'count', default: 2, min: 1, max: 64, meaning: 'workers' },
  { name: 'METRICS', type: 'bool', default: false, meaning: 'metrics' },
  { name: 'METRICS_PATH', type: 'string', default: undefined, meaning: 'path' },
] as const satisfies EnvTable;

test('resolveEnv: gives defaults, and leaves the variables of others alone', () => {
  expect(resolveEnv(TABLE, { PATH: '/bin', ONACC_X: '1', SCANNER_WORKERS: '' }, 'SCANNER_')).toMatchObject({
    kind: 'values',
    values: { engine: 'auto', spoolMemoryBytes: 1024, scanDeadlineMs: undefined, workers: 2, metrics: false },
  });
});

test('resolveEnv: reads each type, typed by its row', () => {
  const env = {
    SCANNER_ENGINE: 'builtin',
    SCANNER_SPOOL_MEMORY_BYTES: '16m',
    SCANNER_SCAN_DEADLINE_MS: '250',
    SCANNER_WORKERS: '64',
    SCANNER_METRICS: 'YES',
    SCANNER_METRICS_PATH: '/a#b c',
  };
  const reading = resolveEnv(TABLE, env, 'SCANNER_');
  if (reading.kind !== 'values') throw new Error('refused');
  const { engine, spoolMemoryBytes, metrics, scanDeadlineMs, metricsPath } = reading.values;
  const typed: ['auto' | 'builtin', number, boolean, number | undefined] = [
    engine,
    spoolMemoryBytes,
    metrics,
    scanDeadlineMs,
  ];
  expect(typed).toEqual(['builtin', 16 * 1024 ** 2, true, 250]);
  expect(metricsPath).toBe('/a#b c');
  expect(reading.set.has('WORKERS')).toBe(true);
});

test('resolveEnv: names every unknown and every ill-typed variable at once', () => {
  const env = {
    SCANNER_ENGIN: 'auto',
    SCANNER_ENGINE: 'Auto',
    SCANNER_SPOOL_MEMORY_BYTES: '010M',
    SCANNER_SCAN_DEADLINE_MS: '0',
    SCANNER_WORKERS: '65',
    SCANNER_METRICS: 'on\x1b',
  };
  const reading = resolveEnv(TABLE, env, 'SCANNER_');
  expect(reading.kind === 'refused' && reading.issues.map(({ message }) => message)).toEqual([
    'SCANNER_ENGIN: unknown variable',
    'SCANNER_ENGINE=Auto: expected one of auto, builtin',
    'SCANNER_SPOOL_MEMORY_BYTES=010M: expected bytes (K, M, G allowed) from 0 to 1073741824',
    'SCANNER_SCAN_DEADLINE_MS=0: expected milliseconds from 1 to 9007199254740991',
    'SCANNER_WORKERS=65: expected a number from 1 to 64',
    'SCANNER_METRICS=on\\x1b: expected yes or no',
  ]);
});

test.each(['1K', '-1', '1.5', '1e3', ' 1', '0x1', '99999999999999999999'])(
  'resolveEnv: %j is no count',
  (text) => {
    expect(resolveEnv(TABLE, { SCANNER_WORKERS: text }, 'SCANNER_').kind).toBe('refused');
  },
);

test('resolveEnv: any text gives values in range or a refusal', () => {
  fc.assert(
    fc.property(fc.string(), fc.stringMatching(/^[0-9]{0,20}[KMG]?$/), (text, digits) => {
      const env = { SCANNER_METRICS_PATH: text, SCANNER_SPOOL_MEMORY_BYTES: digits };
      const reading = resolveEnv(TABLE, env, 'SCANNER_');
      if (reading.kind === 'values') expect(reading.values.spoolMemoryBytes).toBeLessThanOrEqual(1024 ** 3);
    }),
  );
});

test('describeEnv: prints one line for each row', () => {
  const reading = resolveEnv(TABLE, { SCANNER_WORKERS: '3' }, 'SCANNER_');
  if (reading.kind !== 'values') throw new Error('refused');
  expect(describeEnv(TABLE, reading.values, 'SCANNER_')).toEqual([
    'SCANNER_ENGINE=auto  # default',
    'SCANNER_SPOOL_MEMORY_BYTES=1024  # default',
    '# SCANNER_SCAN_DEADLINE_MS is unset',
    'SCANNER_WORKERS=3',
    'SCANNER_METRICS=no  # default',
    '# SCANNER_METRICS_PATH is unset',
  ]);
});

test.each([
  ['SCANNER_SERVICE_HOST', '10.0.0.1'],
  ['SCANNER_SERVICE_PORT', '3310'],
  ['SCANNER_SERVICE_PORT_CLAMD_TLS', '3310'],
  ['SCANNER_PORT', 'tcp://10.0.0.1:3310'],
  ['SCANNER_PORT_3310_TCP', 'tcp://10.0.0.1:3310'],
  ['SCANNER_PORT_53_UDP_PROTO', 'udp'],
  ['SCANNER_DAEMON_SERVICE_HOST', '10.0.0.1'],
  ['SCANNER_DAEMON_SERVICE_PORT', '3310'],
  ['SCANNER_DAEMON_PORT', 'tcp://10.0.0.1:3310'],
  ['SCANNER_DAEMON_PORT_3310_TCP_PROTO', 'tcp'],
  ['SCANNER_DAEMON_PORT_3310_TCP_PORT', '3310'],
  ['SCANNER_DAEMON_PORT_3310_TCP_ADDR', '10.0.0.1'],
])('resolveEnv: %s=%s is a service link of Kubernetes, and nobody’s mistake', (name, value) => {
  expect(resolveEnv(TABLE, { [name]: value }, 'SCANNER_').kind).toBe('values');
});

test.each([
  ['SCANNER_PORT', '3310'],
  ['SCANNER_DAEMON_PORT', ''],
  ['SCANNER_SERVICE', 'x'],
  ['SCANNER_SERVICE_HOSTS', 'x'],
  ['SCANNER_PORT_TCP', 'tcp://10.0.0.1:3310'],
  ['SCANNER_METRICS_PORT_X_TCP', 'x'],
])('resolveEnv: %s=%s is an unknown variable', (name, value) => {
  expect(resolveEnv(TABLE, { [name]: value }, 'SCANNER_')).toMatchObject({
    kind: 'refused',
    issues: [{ message: `${name}: unknown variable` }],
  });
});
