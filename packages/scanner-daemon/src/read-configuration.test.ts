import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseCommandLine, type CommandLineFlags } from './command-line.js';
import { databaseSources } from './database-service.js';
import { readConfiguration, readListen, withAbsolutePaths } from './read-configuration.js';

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
    const environmentFile = put('env', 'SCANNER_THREADS=2\nSCANNER_INLINE_MAX_BYTES=1K\n');
    const { settings } = ready(
      readConfiguration(flags('-c', file, '--env-file', environmentFile), { SCANNER_THREADS: '3' }),
    );
    expect(settings).toMatchObject({ threads: 3, inlineMaxBytes: 1024 });
  });

  test('service links of Kubernetes do not stop the start', () => {
    const file = put('clamd.conf', 'LocalSocket /a\n');
    const env = { SCANNER_DAEMON_SERVICE_HOST: '10.0.0.1', SCANNER_PORT: 'tcp://10.0.0.1:3310' };
    expect(readConfiguration(flags('-c', file), env).kind).toBe('ready');
  });

  test.each([
    ['/dev/zero', 'it is a device'],
    ['/proc', 'it is a directory'],
  ])('%s is no clamd.conf, and the reason comes before clamd’s line', (path, reason) => {
    expect(readConfiguration(flags('-c', path), {})).toEqual({
      kind: 'refused',
      issues: [{ severity: 'error', origin: 'portcullis', message: `Config file ${path}: ${reason}` }],
      followUp: `Can't open/parse the config file ${path}`,
    });
  });

  test('a clamd.conf from a pipe will do in the foreground, and not in the background', () => {
    const fifo = join(directory, 'fifo');
    spawnSync('mkfifo', [fifo]);
    const read = (...args: string[]) => {
      spawn('sh', ['-c', 'echo LocalSocket /a > "$0"', fifo]);
      return readConfiguration(flags('-c', fifo, ...args), {});
    };
    expect(ready(read('-F')).config.listen.localSocketPath).toBe('/a');
    expect(read()).toMatchObject({
      kind: 'refused',
      issues: [{ severity: 'error', message: expect.stringContaining('read once only') }],
    });
  });

  test('names what is set to something else than its default', () => {
    const file = put('clamd.conf', 'LocalSocket /a\nMaxFiles 10000\nCacheSize 1\n');
    const { changedOptions } = ready(readConfiguration(flags('-c', file, '--max-filesize=1M'), {}));
    expect([...changedOptions]).toEqual(['CacheSize', 'LocalSocket', 'MaxFileSize']);
  });
});

describe('the command line', () => {
  test('its values win over the file, whatever their option', () => {
    const file = put('clamd.conf', 'LocalSocket /a\nMaxThreads 3\nMaxFileSize 1M\nDebug no\n');
    const { config } = ready(readConfiguration(flags('-c', file, '--max-filesize=2M', '--debug'), {}));
    expect([config.limits.fileMaxBytes, config.process.debug]).toEqual([2 * 1024 ** 2, true]);
  });

  test.each([
    ['', [], true],
    ['Foreground yes\n', [], false],
    ['Foreground yes\n', ['--foreground=no'], true],
    ['', ['-F'], false],
  ])('file %j and %j: daemonise %j', (text, args, expected) => {
    const file = put('clamd.conf', `LocalSocket /a\n${text}`);
    expect(ready(readConfiguration(flags('-c', file, ...args), {})).daemonise).toBe(expected);
  });

  test('without a clamd.conf it stays in the foreground, unless told otherwise', () => {
    const missing = [join(directory, 'missing.conf')];
    expect(ready(readConfiguration(flags(), {}, missing)).daemonise).toBe(false);
    expect(ready(readConfiguration(flags('--foreground=no'), {}, missing)).daemonise).toBe(true);
  });

  test('a file that asks for the version gets it', () => {
    const file = put('clamd.conf', 'version yes\n');
    expect(readConfiguration(flags('-c', file), {})).toEqual({ kind: 'asked', for: 'version' });
  });
});

describe('withAbsolutePaths', () => {
  test('relative paths keep their meaning when the working directory is left', () => {
    const file = put('clamd.conf', 'LocalSocket a.sock\nPidFile a.pid\nTemporaryDirectory tmp\n');
    const before = ready(readConfiguration(flags('-c', file, '--datadir', 'db'), {}));
    const { listen, process: own, database } = withAbsolutePaths(before).config;
    expect([listen.localSocketPath, own.pidFilePath, own.temporaryDirectory, database.directory]).toEqual(
      ['a.sock', 'a.pid', 'tmp', 'db'].map((name) => join(process.cwd(), name)),
    );
    expect(database.certificatesDirectory).toBeUndefined();
  });
});

describe('readListen', () => {
  test('says where the daemon listens, even where a start would be refused', () => {
    const file = put('clamd.conf', 'LocalSocket /a\nLogFile relative.log\n');
    expect(readListen(file, {})).toMatchObject({ kind: 'listen', listen: { localSocketPath: '/a' } });
    expect(readListen(join(directory, 'missing'), {})).toMatchObject({ kind: 'refused' });
    expect(readListen(put('bad.conf', 'Nope 1\n'), {})).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('Unknown option Nope'),
    });
    expect(readListen('/dev/zero', {})).toEqual({
      kind: 'refused',
      message: 'Config file /dev/zero: it is a device',
    });
    expect(readListen(put('help.conf', 'help yes\n'), {})).toEqual({
      kind: 'refused',
      message: 'the file asks for help',
    });
  });

  test('does not care about variables, except where the run directory is', () => {
    const env = { SCANNER_NOPE: '1', SCANNER_THREADS: 'x', SCANNER_RUN_DIRECTORY: '/srv/run' };
    const file = put('clamd.conf', 'LocalSocket /a\n');
    expect(readListen(file, env)).toMatchObject({ kind: 'listen', listen: { localSocketPath: '/a' } });
    expect(readListen(undefined, env, [join(directory, 'missing')])).toMatchObject({
      kind: 'listen',
      listen: { localSocketPath: '/srv/run/clamd.sock' },
      configFile: undefined,
    });
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
