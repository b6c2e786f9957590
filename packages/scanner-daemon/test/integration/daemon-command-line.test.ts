import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { describeOrSkip } from '@portcullis/shared/testing';
import { createSite, DaemonProcess, type Exit, type Site } from './daemon-process.js';

// Each test starts a few processes, on a machine that may be busy.
jest.setTimeout(60_000);

let site: Site;
beforeEach(async () => {
  site = await createSite();
});
afterEach(() => {
  site.remove();
});

function run(args: readonly string[], env: Record<string, string> = {}): Promise<Exit> {
  return new DaemonProcess(args, { env, cwd: site.root }).exited;
}

describe('what only prints', () => {
  test('--version and --help', async () => {
    expect(await run(['--version'])).toEqual({
      code: 0,
      stdout: 'Portcullis scanner-daemon 0.1.0 (ClamAV 1.4.6 compatible)\n',
      stderr: '',
    });
    const help = await run(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    for (const option of ['--foreground', '--datadir', '--check-config', '--env-file']) {
      expect(help.stdout).toContain(option);
    }
  });

  test('a clamd.conf that asks for the version', async () => {
    site.put('clamd.conf', 'version yes\n');
    expect((await run(['-c', site.configFile])).stdout).toMatch(/^Portcullis scanner-daemon /);
  });

  test('ping goes to the probe', async () => {
    const { code, stdout } = await run(['ping', '--help']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('ping')]);
    expect((await run(['ping', '-c', site.configFile])).code).toBe(1);
  });
});

describe('a configuration that is refused', () => {
  test('a wrong clamd.conf gives the first error, --check-config all of them', async () => {
    site.put('clamd.conf', 'NoSuchOption 1\nMaxThreads many\n');
    const first = `ERROR: Parse error at ${site.configFile}:1: Unknown option NoSuchOption\n`;
    const last = `ERROR: Can't open/parse the config file ${site.configFile}\n`;
    const second = 'ERROR: Incorrect argument format for option MaxThreads\n';
    const args = ['-c', site.configFile];
    expect(await run(args)).toEqual({ code: 1, stdout: '', stderr: `${first}${last}` });
    expect(await run([...args, '--check-config'])).toEqual({
      code: 1,
      stdout: '',
      stderr: `${first}${second}${last}`,
    });
  });

  test('an unknown or ill-typed variable is an error that names it', async () => {
    const args = ['-c', site.configFile];
    expect((await run(args, { SCANNER_THREADS: 'x' })).stderr).toMatch(/^ERROR: SCANNER_THREADS=x: /);
    expect((await run(args, { SCANNER_NOPE: '1' })).stderr).toMatch(/^ERROR: SCANNER_NOPE: unknown/);
  });

  test('--env-file is read, and a missing one is an error', async () => {
    const envFile = site.put('our.env', 'SCANNER_THREADS=7\n');
    const args = ['-c', site.configFile, '--check-config', '--env-file'];
    expect((await run([...args, envFile])).stdout).toContain('SCANNER_THREADS=7\n');
    const missing = await run([...args, join(site.root, 'missing.env')]);
    // Node 20 looks for this option behind the script's name too, and then the complaint is its own.
    expect([1, 9]).toContain(missing.code);
    expect(missing.stderr).toContain('missing.env');
  });

  test('a .env of the working directory that is a pipe holds up neither a start nor a probe', async () => {
    spawnSync('mkfifo', [join(site.root, '.env')]);
    expect(await run(['-c', site.configFile, '--check-config'])).toMatchObject({
      code: 0,
      stderr: 'WARNING: .env of the working directory is not used: it is a pipe\n',
    });
    expect((await run(['ping', '-c', site.configFile])).code).toBe(1);
  });

  test('a clamd.conf from a pipe is read, and everything else is found afterwards', async () => {
    const fifo = join(site.root, 'fifo');
    spawnSync('mkfifo', [fifo]);
    spawn('sh', ['-c', 'cat "$0" > "$1"', site.configFile, fifo]);
    const { code, stdout, stderr } = await run(['-c', fifo, '-F', '--check-config']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`LocalSocket ${site.socketPath}  # line 1\n`);
  });

  test('variables that stop a start do not stop a probe', async () => {
    const env = { SCANNER_NOPE: '1', SCANNER_DAEMON_SERVICE_HOST: '10.0.0.1' };
    expect((await run(['-c', site.configFile, '--check-config'], env)).stderr).toBe(
      'ERROR: SCANNER_NOPE: unknown variable\n',
    );
    // 1: nobody listens. 2 would be a configuration that cannot be read.
    expect((await run(['ping', '-c', site.configFile], env)).code).toBe(1);
  });
});

describe('--check-config', () => {
  /** Names, sizes and times of everything at the site. */
  function onDisk(): string[] {
    return readdirSync(site.root, { recursive: true, encoding: 'utf8' })
      .sort()
      .map((name) => {
        const { size, mtimeMs, ctimeMs, mode } = statSync(join(site.root, name));
        return `${name} ${size} ${mtimeMs} ${ctimeMs} ${mode}`;
      });
  }

  test('prints what holds, says where it came from, and changes nothing on disk', async () => {
    const before = onDisk();
    const { code, stdout, stderr } = await run(
      ['-c', site.configFile, '--check-config', '--max-filesize=3M'],
      { SCANNER_THREADS: '3' },
    );
    expect([code, stderr]).toEqual([0, '']);
    for (const line of [
      `LocalSocket ${site.socketPath}  # line 1`,
      'MaxFileSize 3145728  # command line',
      'MaxThreads 10  # default',
      'SCANNER_THREADS=3',
    ]) {
      expect(stdout.split('\n')).toContain(line);
    }
    expect(onDisk()).toEqual(before);
  });

  test('daemons under test have the built-in engine, unless a test says otherwise', async () => {
    const args = ['-c', site.configFile, '--check-config'];
    expect((await run(args)).stdout).toContain('\nSCANNER_ENGINE=builtin\n');
    expect((await run(args, { SCANNER_ENGINE: '' })).stdout).toContain('\nSCANNER_ENGINE=auto  # default\n');
  });

  test('tells of options that have no effect', async () => {
    site.put('clamd.conf', `${site.read('clamd.conf')}CacheSize 1\nIdleTimeout 5\n`);
    expect(await run(['-c', site.configFile, '--check-config'])).toMatchObject({
      code: 0,
      stderr:
        'WARNING: CacheSize has no effect: there is no cache of clean files\n' +
        'WARNING: IdleTimeout has no effect: scan threads stay\n',
    });
  });

  test('says everything at once that a start would refuse, and prints what holds all the same', async () => {
    site.put(
      'clamd.conf',
      [
        'LogFile relative.log',
        `PidFile ${site.root}/missing/pid`,
        `LocalSocket ${site.root}/${'x'.repeat(120)}`,
        'LocalSocketGroup no-such-group',
        `DatabaseDirectory ${site.root}/missing`,
        `TemporaryDirectory ${site.root}/missing`,
        'ExcludePath (',
        'LocalSocketMode 999',
        '',
      ].join('\n'),
    );
    const before = onDisk();
    const { code, stdout, stderr } = await run(['-c', site.configFile, '--check-config']);
    expect(code).toBe(1);
    for (const problem of [
      'LogFile requires full path.',
      'Invalid LocalSocketMode 999',
      `PidFile ${site.root}/missing/pid: No such file or directory`,
      'longer than 107 bytes',
      'Unknown group no-such-group',
      `DatabaseDirectory ${site.root}/missing: Can't get file status (${site.root}/missing)`,
      `Current configuration of TemporaryDirectory: ${site.root}/missing does not exist`,
      'ExcludePath (: ',
    ]) {
      expect(stderr).toContain(`ERROR: ${problem}`.replace('ERROR: longer', 'longer'));
    }
    expect(stdout).toContain('LocalSocketGroup no-such-group  # line 4');
    expect(onDisk()).toEqual(before);
  });

  /** The problems that `--check-config` sees with clamd.conf like this. */
  async function problems(edit: (conf: string) => string, args: readonly string[] = []): Promise<string> {
    const conf = site.read('clamd.conf');
    site.put('clamd.conf', edit(conf));
    const before = onDisk();
    const { code, stderr } = await run(['-c', site.configFile, '--check-config', ...args]);
    expect(onDisk()).toEqual(before);
    site.put('clamd.conf', conf);
    expect(code).toBe(stderr.includes('ERROR: ') ? 1 : 0);
    return stderr;
  }

  test('a database that is broken, empty or too old', async () => {
    const same = (conf: string): string => conf;
    site.put('empty/.keep', '');
    expect(await problems((conf) => conf.replace(site.databaseDirectory, `${site.root}/empty`))).toBe(
      `ERROR: DatabaseDirectory ${site.root}/empty: Can't open file or directory (${site.root}/empty)\n`,
    );
    site.put('db/main.cvd', 'no header of a container');
    expect(await problems(same, ['--fail-if-cvd-older-than=1'])).toMatch(
      /^ERROR: DatabaseDirectory .*: Broken or not a CVD file\b/,
    );
    site.put('db/local.ndb', 'nonsense\n');
    expect(await problems(same)).toMatch(/^ERROR: DatabaseDirectory .*: Malformed database \(.*local\.ndb/);
  });

  test('directories that are missing, names without an address, and nothing to listen on', async () => {
    expect(await problems((conf) => conf.replace(site.socketPath, `${site.root}/a/b/s`))).toBe(
      `ERROR: LocalSocket ${site.root}/a/b/s: No such file or directory\n`,
    );
    expect(await problems((conf) => conf.replace(site.socketPath, `${site.root}/a/s`))).toBe('');
    expect(await problems((conf) => conf.replace(/^PidFile .*$/m, 'PidFile missing/pid'))).toBe(
      'ERROR: PidFile missing/pid: No such file or directory\n',
    );
    expect(await problems((conf) => conf.replace('TCPAddr 127.0.0.1', 'TCPAddr no-such-host.invalid'))).toBe(
      'ERROR: TCP: getaddrinfo: no-such-host.invalid cannot be resolved\n',
    );
    expect(await problems((conf) => conf.replace(/^(LocalSocket|TCP).*\n/gm, ''))).toMatch(
      /^WARNING: .*without sockets from systemd a start is refused/,
    );
  });

  test('a LogFile may be a device or a FIFO', async () => {
    expect(await problems((conf) => conf.replace(/^LogFile .*$/m, 'LogFile /dev/null'))).toBe('');
    spawnSync('mkfifo', [join(site.root, 'fifo')]);
    expect(await problems((conf) => conf.replace(/^LogFile .*$/m, `LogFile ${site.root}/fifo`))).toBe('');
    expect(await problems((conf) => conf.replace(/^LogFile .*$/m, `LogFile ${site.root}`))).toContain(
      'neither a file nor a device',
    );
  });

  const whyNotRoot = process.geteuid?.() === 0 ? undefined : 'needs root';
  describeOrSkip('as root', whyNotRoot, () => {
    test('what another user may not do or see is told to that user in a line each', async () => {
      mkdirSync(join(site.root, 'closed'), { mode: 0o700 });
      chmodSync(site.put('own.log', ''), 0o644);
      const through = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];
      const check = async (edit: (conf: string) => string): Promise<Exit> => {
        site.put('nobody.conf', edit(site.read('clamd.conf')));
        return await new DaemonProcess(['-c', join(site.root, 'nobody.conf'), '--check-config'], {
          cwd: site.root,
          through,
        }).exited;
      };
      const hidden = `${site.root}/closed/x`;
      const { code, stderr } = await check(() =>
        ['LogFile', 'PidFile', 'LocalSocket', 'TemporaryDirectory', 'DatabaseDirectory']
          .map((option) => `${option} ${hidden}\n`)
          .join(''),
      );
      expect(code).toBe(1);
      for (const option of ['LogFile', 'PidFile', 'LocalSocket']) {
        expect(stderr).toContain(`ERROR: ${option} ${hidden}: Permission denied\n`);
      }
      expect(stderr).toContain(`ERROR: DatabaseDirectory ${hidden}: `);
      expect(stderr).toContain(`ERROR: Current configuration of TemporaryDirectory: ${hidden} `);
      expect(stderr.split('\n')).toHaveLength(6);
      const own = await check((conf) => conf.replace(/^LogFile .*$/m, `LogFile ${site.root}/own.log`));
      expect(own.stderr).toContain(`ERROR: LogFile ${site.root}/own.log: Permission denied\n`);
    });

    test('LocalSocketGroup has to be one of the account, unless root binds the socket', async () => {
      const withUser = (conf: string): string =>
        `${conf.replace(/^TemporaryDirectory .*$/m, '')}User nobody\nLocalSocketGroup daemon\n`;
      expect(await problems(withUser)).toBe('');
      chmodSync(site.root, 0o777);
      expect(await problems(withUser)).toBe(
        'ERROR: LocalSocketGroup daemon: the account of the daemon is not in it\n',
      );
    });

    test('looks with the rights of User', async () => {
      site.put('clamd.conf', `${site.read('clamd.conf')}User nobody\n`);
      const { stderr } = await run(['-c', site.configFile, '--check-config']);
      expect(stderr).toContain(
        `TemporaryDirectory ${site.root}/spool cannot be written to: Permission denied`,
      );
      chmodSync(site.databaseDirectory, 0o700);
      expect(await problems((conf) => conf)).toContain(
        `ERROR: DatabaseDirectory ${site.databaseDirectory}: `,
      );
      chmodSync(site.databaseDirectory, 0o755);
      site.put('clamd.conf', site.read('clamd.conf').replace('nobody', 'no-such-user'));
      expect((await run(['-c', site.configFile, '--check-config'])).stderr).toContain(
        "ERROR: Can't get information about user no-such-user.\n",
      );
    });
  });
});

const clamd = spawnSync('clamd', ['--version', '-c', '/dev/null'], { encoding: 'utf8' });
const whyNoClamd = clamd.error === undefined ? undefined : "Debian's clamd is not installed";

describeOrSkip("the words of Debian's clamd", whyNoClamd, () => {
  test.each([
    [['--nope']],
    [['--nope=1']],
    [['-x']],
    [['-Vx']],
    [['--c', 'f']],
    [['--lo']],
    [['--=x']],
    [['-c']],
    [['--log']],
    [['--pid=']],
    [['-l', '']],
    [['--debug=']],
    [['--foreground=maybe']],
    [['-V', '--max-filesize=abc']],
    [['--max-filesize=089']],
    [['--fail-if-cvd-older-than=3#x']],
    [['--detect-broken', '--bytecode-mode=foo']],
    [['--config-file=/missing/clamd.conf']],
    [['operand', '--conf', '/missing/clamd.conf']],
  ])('%j', async (args) => {
    const theirs = spawnSync('clamd', args, { encoding: 'utf8', cwd: site.root, timeout: 20_000 });
    const ours = await run(args);
    expect({ ...ours, stderr: ours.stderr.replace(/^scanner-daemon: /m, 'clamd: ') }).toEqual({
      code: theirs.status,
      stdout: theirs.stdout,
      stderr: theirs.stderr,
    });
  });
});
