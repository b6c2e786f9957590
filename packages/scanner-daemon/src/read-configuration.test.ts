import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseCommandLine, type CommandLineFlags } from './command-line.js';
import { databaseSources } from './database-service.js';
import { readConfiguration } from './read-configuration.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'configuration-test-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function flags(...args: string[]): CommandLineFlags {
  const commandLine = parseCommandLine(args);
  if (commandLine.kind !== 'run') throw new Error('not a run');
  return commandLine.flags;
}

function put(name: string, text: string): string {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
}

function ready(reading: ReturnType<typeof readConfiguration>) {
  if (reading.kind !== 'ready') throw new Error(JSON.stringify(reading));
  return reading.configuration;
}

describe('parseCommandLine', () => {
  test('takes what clamd takes, operands and all', () => {
    const given = [
      '-F',
      '--config-file=a.conf',
      '-l',
      'x.log',
      '-p',
      'x.pid',
      '--debug',
      '--datadir',
      'db',
      'operand',
    ];
    expect(flags(...given)).toEqual({
      configFile: 'a.conf',
      envFile: undefined,
      checkConfig: false,
      datadir: 'db',
      log: 'x.log',
      pid: 'x.pid',
      debug: true,
    });
    expect(flags('--foreground=yes').checkConfig).toBe(false);
  });

  test('words its complaints as clamd does', () => {
    expect(parseCommandLine(['--x'])).toMatchObject({ kind: 'done', exitCode: 1, stdout: '' });
    expect(parseCommandLine(['--version'])).toMatchObject({ kind: 'done', exitCode: 0, stderr: '' });
  });
});

describe('readConfiguration', () => {
  test('without any clamd.conf there is one socket in a run directory of our own', () => {
    const missing = [join(directory, 'missing.conf')];
    const own = ready(readConfiguration(flags(), { XDG_RUNTIME_DIR: '/run/user/7' }, missing));
    expect(own).toMatchObject({ configFile: undefined, runDirectory: '/run/user/7/portcullis' });
    expect(own.config.listen).toMatchObject({
      localSocketPath: '/run/user/7/portcullis/clamd.sock',
      localSocketMode: 0o660,
      tcpPort: undefined,
    });
    expect(ready(readConfiguration(flags(), {}, missing)).runDirectory).toBe('/run/portcullis');
    const env = { SCANNER_RUN_DIRECTORY: '/srv/run' };
    expect(ready(readConfiguration(flags(), env, missing)).runDirectory).toBe('/srv/run');
  });

  test('the first default file that is there is the one, and flags win over it', () => {
    const first = put('first.conf', 'LocalSocket /a\nDatabaseDirectory /db\n');
    const second = put('second.conf', 'LocalSocket /b\n');
    const found = ready(
      readConfiguration(flags('--datadir', '/ours'), {}, [join(directory, 'missing'), first, second]),
    );
    expect(found).toMatchObject({ configFile: first, runDirectory: undefined });
    expect(found.config.database.directory).toBe('/ours');
  });

  test('a default file that cannot be read is an error, not the embedded defaults', () => {
    expect(readConfiguration(flags(), {}, [directory])).toMatchObject({
      kind: 'refused',
      followUp: `Can't open/parse the config file ${directory}`,
    });
  });

  test('problems of the file and of the environment come together', () => {
    const file = put('clamd.conf', 'Nope 1\n');
    const reading = readConfiguration(flags('-c', file), { SCANNER_NOPE: '1', SCANNER_THREADS: '0' });
    expect(reading).toMatchObject({ kind: 'refused', issues: [{}, {}, {}] });
  });

  test('the environment wins over --env-file', () => {
    const file = put('clamd.conf', 'LocalSocket /a\n');
    const envFile = put('env', 'SCANNER_THREADS=2\nSCANNER_INLINE_MAX_BYTES=1K\n');
    const { settings } = ready(
      readConfiguration(flags('-c', file, '--env-file', envFile), { SCANNER_THREADS: '3' }),
    );
    expect(settings).toMatchObject({ threads: 3, inlineMaxBytes: 1024 });
  });
});

describe('databaseSources', () => {
  const configured = { directory: '/missing', isConfigured: true, detectPua: false } as const;

  test('bundled signatures come along when there is no clamd.conf, or when asked for', () => {
    expect(databaseSources({ ...configured, bundled: 'auto' })).toEqual({
      directory: '/missing',
      detectPua: false,
    });
    expect(databaseSources({ ...configured, bundled: 'yes' }).extraDirectories?.[0]).toMatch(/\/signatures$/);
    expect(databaseSources({ ...configured, isConfigured: false, bundled: 'auto' }).directory).toMatch(
      /\/signatures$/,
    );
    expect(databaseSources({ ...configured, isConfigured: false, bundled: 'no' }).directory).toBe('/missing');
  });
});
