import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openNative } from '@portcullis/shared/native';
import { describeOrSkip, makeTempDir } from '@portcullis/shared/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ActivatedDaemon, listenTcp, listenUnix, PROGRAM, until } from './activated-daemon.js';
import { ask, askWithFd, createSite, instream, MARKER, TEST_ENGINE, type Site } from './daemon-process.js';

const UNITS = fileURLToPath(new URL('../../../../../packaging/systemd', import.meta.url));
const TEST_MAX_MS = 60_000;
const native = openNative();

let site: Site;
let daemons: ActivatedDaemon[];
let opened: number[];

beforeEach(async () => {
  site = await createSite();
  daemons = [];
  opened = [];
});

afterEach(async () => {
  for (const daemon of daemons) {
    daemon.signal('SIGKILL');
    await daemon.exited;
  }
  for (const fd of opened) native.files.close(fd);
  site.remove();
});

function start(options: ConstructorParameters<typeof ActivatedDaemon>[1]): ActivatedDaemon {
  const daemon = new ActivatedDaemon(['-c', site.configFile], options);
  daemons.push(daemon);
  return daemon;
}

function keep(fd: number): number {
  opened.push(fd);
  return fd;
}

function unixSocket(name: string): { fd: number; path: string } {
  const path = join(site.root, name);
  return { fd: keep(listenUnix(native, path)), path };
}

/** clamd's lines about sockets, in their order. */
function listenerLines(): string[] {
  return site
    .read('clamd.log')
    .split('\n')
    .filter((line) => /systemd|^(ERROR: )?(TCP|LOCAL):|Not listening/.test(line));
}

describe('socket activation', () => {
  test(
    'serves on the Unix and every TCP socket it was given, and on none of its own',
    async () => {
      const unix = unixSocket('activated.sock');
      const tcp4 = await listenTcp('127.0.0.1');
      const tcp6 = await listenTcp('::1');
      const daemon = start({ fds: [unix.fd, tcp4.fd, tcp6.fd], env: { LISTEN_FDNAMES: 'a:b:c' } });
      await Promise.all([tcp4.close(), tcp6.close()]);
      await daemon.ready();

      expect(await ask(unix.path, 'zPING\0')).toBe('PONG\0');
      expect(await ask(tcp4.port, 'zPING\0')).toBe('PONG\0');
      expect(await askIPv6(tcp6.port)).toBe('PONG\0');
      expect(await ask(tcp4.port, instream(MARKER))).toContain('Test.Marker.UNOFFICIAL FOUND');
      const file = openSync(site.put('marked', MARKER), 'r');
      expect(await askWithFd(unix.path, file)).toContain('Test.Marker.UNOFFICIAL FOUND');
      closeSync(file);
      expect(existsSync(site.socketPath)).toBe(false);
      await expect(ask(site.tcpPort, 'zPING\0')).rejects.toMatchObject({ code: 'ECONNREFUSED' });

      expect((await daemon.stop()).code).toBe(0);
      expect(existsSync(unix.path)).toBe(true);
      expect(listenerLines()).toEqual([
        'Received 3 file descriptor(s) from systemd.',
        'TCP: Received AF_INET SOCK_STREAM socket from systemd.',
        'TCP: Received AF_INET6 SOCK_STREAM socket from systemd.',
        'LOCAL: Received AF_UNIX SOCK_STREAM socket from systemd.',
      ]);
    },
    TEST_MAX_MS,
  );

  test(
    'who connects while no daemon runs is served by the next one',
    async () => {
      const unix = unixSocket('activated.sock');
      const first = await start({ fds: [unix.fd] }).ready();
      expect(await ask(unix.path, 'zPING\0')).toBe('PONG\0');
      expect((await first.stop()).code).toBe(0);
      const early = ask(unix.path, 'zPING\0');
      const second = await start({ fds: [unix.fd] }).ready();
      expect(await early).toBe('PONG\0');
      expect((await second.stop()).code).toBe(0);
    },
    TEST_MAX_MS,
  );

  test(
    'says of every descriptor that is of no use why, and serves on the others',
    async () => {
      const unix = unixSocket('activated.sock');
      const datagram = keep(native.sockets.createDatagram());
      const deaf = keep(native.sockets.createUnix());
      const file = openSync('/dev/null', 'r');
      const daemon = start({
        fds: [datagram, deaf, file, unix.fd],
        env: { LISTEN_FDNAMES: 'd:e\u001b:f:g' },
      });
      closeSync(file);
      await daemon.ready();
      expect(await ask(unix.path, 'zPING\0')).toBe('PONG\0');
      await daemon.stop();
      expect(listenerLines()).toEqual([
        'Received 4 file descriptor(s) from systemd.',
        expect.stringMatching(/^ERROR: File descriptor 3 \(d\) from systemd is not a stream socket/),
        expect.stringMatching(
          /^ERROR: File descriptor 4 \(e\\x1b\) from systemd is a socket that does not listen/,
        ),
        expect.stringMatching(/^ERROR: File descriptor 5 \(f\) from systemd is not a socket/),
        'TCP: No tcp AF_INET/AF_INET6 SOCK_STREAM socket received from systemd.',
        'LOCAL: Received AF_UNIX SOCK_STREAM socket from systemd.',
      ]);
    },
    TEST_MAX_MS,
  );

  test(
    'ends with 1 when none is of use, although LocalSocket is set',
    async () => {
      const daemon = start({ fds: [keep(native.sockets.createDatagram())] });
      const { code, stderr } = await daemon.exited;
      expect(code).toBe(1);
      expect(stderr).toContain('Not listening on any interfaces');
    },
    TEST_MAX_MS,
  );

  test(
    'descriptors of another process are not ours',
    async () => {
      const unix = unixSocket('activated.sock');
      const daemon = await start({ fds: [unix.fd], listenPid: '1' }).ready();
      expect(await ask(site.socketPath, 'zPING\0')).toBe('PONG\0');
      await daemon.stop();
      expect(listenerLines()).toContain('Received 0 file descriptor(s) from systemd.');
    },
    TEST_MAX_MS,
  );

  test(
    'a child of the daemon gets neither the sockets nor the variables',
    async () => {
      const seen = join(site.root, 'seen');
      const script = site.put(
        'event.sh',
        `#!/bin/sh\n{ env; for fd in /proc/$$/fd/*; do readlink "$fd"; done; } > '${seen}.tmp'\nmv '${seen}.tmp' '${seen}'\n`,
      );
      chmodSync(script, 0o755);
      site.put('clamd.conf', `${site.read('clamd.conf')}VirusEvent ${script}\n`);
      const unix = unixSocket('activated.sock');
      const notify = receiver(join(site.root, 'notify'));
      const env = { NOTIFY_SOCKET: notify.path, WATCHDOG_USEC: '60000000', LISTEN_FDNAMES: 'x' };
      const daemon = await start({ fds: [unix.fd], env }).ready();
      expect(await ask(unix.path, instream(MARKER))).toContain('FOUND');
      await until(() => existsSync(seen), 'VirusEvent ran');
      const text = readFileSync(seen, 'utf8');
      expect(text).toContain('CLAM_VIRUSEVENT_VIRUSNAME=');
      expect(text).not.toMatch(/^(LISTEN_|NOTIFY_|WATCHDOG_)/m);
      const sockets = text.split('\n').filter((line) => line.startsWith('socket:'));
      // Its own standard streams may be sockets; nothing else may.
      expect(sockets.length).toBeLessThanOrEqual(3);
      expect(sockets).not.toContain(`socket:[${inodeOf(unix.fd)}]`);
      await daemon.stop();
    },
    TEST_MAX_MS,
  );
});

describeOrSkip('systemd-socket-activate', missing('systemd-socket-activate', '--version'), () => {
  test(
    'starts the daemon at the first connection and hands it the socket',
    async () => {
      const path = join(site.root, 'activate.sock');
      // It hands on no variable that it is not told of.
      const setenv = Object.entries(TEST_ENGINE).map(([name, value]) => `--setenv=${name}=${value}`);
      const daemon = [process.execPath, PROGRAM, '-c', site.configFile];
      const args = ['-l', path, '--fdname=clamd', ...setenv, ...daemon];
      const child = spawn('systemd-socket-activate', args, { stdio: 'ignore' });
      try {
        await until(() => existsSync(path), 'systemd-socket-activate listens');
        expect(await ask(path, 'zPING\0')).toBe('PONG\0');
        expect(listenerLines()).toContain('LOCAL: Received AF_UNIX SOCK_STREAM socket from systemd.');
      } finally {
        child.kill('SIGTERM');
        await new Promise((resolve) => child.once('close', resolve));
      }
    },
    TEST_MAX_MS,
  );
});

describe('notification', () => {
  test(
    'tells of start, reload and stop in the right moments',
    async () => {
      const notify = receiver(join(site.root, 'notify'));
      const daemon = start({ env: { NOTIFY_SOCKET: notify.path } });
      await until(() => notify.messages().some((text) => text.startsWith('READY=1')), 'READY=1');
      expect(notify.messages().find((text) => text.startsWith('READY=1'))).toMatch(
        new RegExp(`^READY=1\nMAINPID=${daemon.pid}\nSTATUS=`),
      );
      expect(await ask(site.socketPath, 'zPING\0')).toBe('PONG\0');

      site.put('db/another.ndb', `Test.Another:0:*:${Buffer.from('another one').toString('hex')}\n`);
      daemon.signal('SIGUSR2');
      await until(() => notify.messages().some((text) => text.startsWith('RELOADING=1')), 'RELOADING=1');
      const isReadyAgain = (): boolean =>
        notify.messages().filter((text) => text.startsWith('READY=1')).length === 2;
      await until(isReadyAgain, 'READY=1 after the reload');
      expect(await ask(site.socketPath, instream('another one'))).toContain('Test.Another');

      expect((await daemon.stop()).code).toBe(0);
      const kinds = notify.messages().map((text) => text.split('\n')[0]);
      expect(kinds.filter((kind) => /^(READY|RELOADING|STOPPING)=1$/.test(kind ?? ''))).toEqual([
        'READY=1',
        'RELOADING=1',
        'READY=1',
        'STOPPING=1',
      ]);
      expect(notify.messages().find((text) => text.startsWith('RELOADING=1'))).toMatch(
        /\nMONOTONIC_USEC=[0-9]+\n/,
      );
    },
    TEST_MAX_MS,
  );

  test(
    'feeds the watchdog while it runs',
    async () => {
      const notify = receiver(join(site.root, 'notify'));
      const daemon = start({ env: { NOTIFY_SOCKET: notify.path, WATCHDOG_USEC: '1000000' } });
      const fed = (): boolean => notify.messages().filter((text) => text === 'WATCHDOG=1').length >= 3;
      await until(fed, 'three times WATCHDOG=1');
      await daemon.stop();
    },
    TEST_MAX_MS,
  );

  test(
    'a service manager that is gone keeps no client waiting',
    async () => {
      const env = { NOTIFY_SOCKET: join(site.root, 'nobody'), WATCHDOG_USEC: '200000' };
      const daemon = await start({ env }).ready();
      expect(await ask(site.socketPath, 'zPING\0')).toBe('PONG\0');
      const { code, stdout } = await daemon.stop();
      expect(code).toBe(0);
      expect(stdout.split("The service manager can't be notified").length - 1).toBe(1);
    },
    TEST_MAX_MS,
  );
});

describeOrSkip('the unit files', missing('systemd-analyze', '--version'), () => {
  test('systemd-analyze verify has nothing to say about them', () => {
    const directory = makeTempDir('units-');
    try {
      cpSync(UNITS, directory.path, { recursive: true });
      const main = '[Unit]\nDescription=the unit that the drop-in is for\n[Service]\nExecStart=/bin/true\n';
      writeFileSync(join(directory.path, 'clamav-daemon.service'), main);
      writeFileSync(
        join(directory.path, 'clamav-daemon.socket'),
        '[Socket]\nListenStream=/run/clamav/clamd.ctl\n',
      );
      const files = readdirSync(directory.path, { recursive: true, withFileTypes: true });
      for (const file of files.filter((entry) => entry.isFile())) {
        const path = join(file.parentPath, file.name);
        // What is verified must be there; here it is not installed.
        writeFileSync(path, readFileSync(path, 'utf8').replaceAll('/usr/bin/scanner-daemon', '/bin/true'));
      }
      const units = [
        'scanner-daemon.socket',
        'scanner-daemon.service',
        'clamav-daemon.service',
        'clamav-daemon.socket',
      ];
      const paths = units.map((unit) => join(directory.path, unit));
      const verified = spawnSync('systemd-analyze', ['verify', '--man=no', ...paths], { encoding: 'utf8' });
      expect({ status: verified.status, stderr: verified.stderr }).toEqual({ status: 0, stderr: '' });
    } finally {
      directory.remove();
    }
  });
});

interface Receiver {
  readonly path: string;
  /** Everything received so far. */
  messages(): readonly string[];
}

/** What systemd is to a service: a datagram socket that is read. */
function receiver(path: string): Receiver {
  const fd = keep(native.sockets.createDatagram());
  native.sockets.bindUnix(fd, path);
  chmodSync(path, 0o777);
  const messages: string[] = [];
  return {
    path,
    messages: () => {
      for (let next = native.sockets.receive(fd); next; next = native.sockets.receive(fd)) {
        messages.push(next.bytes.toString());
      }
      return messages;
    },
  };
}

function inodeOf(fd: number): string | undefined {
  const link = native.files.readLink(`/proc/self/fd/${fd}`);
  return /\[([0-9]+)\]/.exec(link)?.[1];
}

function askIPv6(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '::1', () => socket.write('zPING\0'));
    let reply = '';
    socket.on('data', (bytes: Buffer) => (reply += bytes.toString()));
    socket.on('error', reject);
    socket.on('close', () => {
      resolve(reply);
    });
  });
}

/** Why a suite that needs a program is skipped, undefined when the program is there. */
function missing(program: string, flag: string): string | undefined {
  try {
    execFileSync(program, [flag], { stdio: 'ignore' });
    return undefined;
  } catch {
    return `${program} is not installed`;
  }
}
