import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openNative } from '@portcullis/shared/native';
import { freePort } from '@portcullis/shared/programs';

const PROGRAM = fileURLToPath(new URL('../../../bin/scanner-daemon.cjs', import.meta.url));
const START_MAX_MS = 20_000;

/** Never in a file of ours: composed when it is needed. */
export const EICAR = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('');
/** What the tests' own signature looks for, anywhere in a file. */
export const MARKER = 'portcullis integration marker';
export const MARKER_SIGNATURE = `Test.Marker:0:*:${Buffer.from(MARKER).toString('hex')}\n`;
/**
 * The engine of every daemon under test, whatever libraries are installed. A test that is about another one names it in its
 * own SCANNER_ENGINE; an empty value leaves the daemon its default.
 */
export const TEST_ENGINE = { SCANNER_ENGINE: 'builtin', SCANNER_DATABASE_IMAGE: 'no' };
const EICAR_SIGNATURE = `Test.Eicar:0:0:${Buffer.from(EICAR).toString('hex')}\n`;

/** A directory with a database, a clamd.conf and whatever the test puts there. */
export interface Site {
  readonly root: string;
  readonly socketPath: string;
  readonly databaseDirectory: string;
  readonly configFile: string;
  readonly tcpPort: number;
  /** Writes a file; names may hold directories. @returns its path. */
  put(name: string, content: string | Uint8Array): string;
  read(name: string): string;
  remove(): void;
}

/** @param lines further directives. */
export async function createSite(lines: readonly string[] = []): Promise<Site> {
  const root = mkdtempSync(join(tmpdir(), 'daemon-test-'));
  chmodSync(root, 0o755);
  const tcpPort = await freePort();
  const site: Site = {
    root,
    socketPath: join(root, 'clamd.sock'),
    databaseDirectory: join(root, 'db'),
    configFile: join(root, 'clamd.conf'),
    tcpPort,
    put(name, content) {
      const path = join(root, name);
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, content);
      return path;
    },
    read: (name) => readFileSync(join(root, name), 'utf8'),
    remove: () => {
      rmSync(root, { recursive: true });
    },
  };
  site.put('db/eicar.ndb', EICAR_SIGNATURE);
  site.put('db/marker.ndb', MARKER_SIGNATURE);
  site.put('spool/.keep', '');
  site.put(
    'clamd.conf',
    [
      `LocalSocket ${site.socketPath}`,
      `TCPSocket ${tcpPort}`,
      'TCPAddr 127.0.0.1',
      `DatabaseDirectory ${site.databaseDirectory}`,
      `TemporaryDirectory ${join(root, 'spool')}`,
      `LogFile ${join(root, 'clamd.log')}`,
      `PidFile ${join(root, 'clamd.pid')}`,
      'Foreground yes',
      ...lines,
      '',
    ].join('\n'),
  );
  return site;
}

/** What a program left behind. */
export interface Exit {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A daemon under test. `stop` it, or it outlives the test. */
export class DaemonProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<Exit>;
  #stdout = '';
  #stderr = '';

  /**
   * @param options.env on top of ours without its `SCANNER_` variables, and of TEST_ENGINE.
   * @param options.through a program, with its arguments, that executes the daemon: `nice`, for instance.
   */
  constructor(
    args: readonly string[],
    options: { env?: Record<string, string>; cwd?: string; through?: readonly string[] } = {},
  ) {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SCANNER_'));
    const [command = process.execPath, ...more] = [
      ...(options.through ?? []),
      ...[process.execPath, PROGRAM, ...args],
    ];
    this.#child = spawn(command, more, {
      cwd: options.cwd ?? tmpdir(),
      env: { ...Object.fromEntries(inherited), ...TEST_ENGINE, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.on('data', (bytes: Buffer) => (this.#stdout += bytes.toString()));
    this.#child.stderr?.on('data', (bytes: Buffer) => (this.#stderr += bytes.toString()));
    this.#exited = new Promise((resolve) => {
      this.#child.on('close', (code) => {
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get exited(): Promise<Exit> {
    return this.#exited;
  }

  /** Waits until stdout holds this text so many times. */
  async says(text: string, times = 1): Promise<void> {
    const deadlineAtMs = Date.now() + START_MAX_MS;
    while (this.#stdout.split(text).length - 1 < times) {
      if (this.#child.exitCode !== null || Date.now() > deadlineAtMs) {
        throw new Error(`the daemon did not say "${text}":\n${this.#stdout}${this.#stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async stop(): Promise<Exit> {
    this.signal('SIGTERM');
    return await this.#exited;
  }
}

/** Starts a daemon on the site's clamd.conf and waits until it serves. */
export async function startDaemon(site: Site, env: Record<string, string> = {}): Promise<DaemonProcess> {
  const daemon = new DaemonProcess(['-c', site.configFile], { env });
  await daemon.says('Ready for clients');
  return daemon;
}

/** Sends bytes and reads until the daemon closes. */
export function ask(target: string | number, request: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: Socket = typeof target === 'string' ? connect(target) : connect(target, '127.0.0.1');
    const reply: Buffer[] = [];
    socket.setTimeout(START_MAX_MS, () => socket.destroy(new Error('no reply')));
    socket.on('data', (bytes: Buffer) => reply.push(bytes));
    socket.on('error', reject);
    socket.on('close', () => {
      resolve(Buffer.concat(reply).toString());
    });
    socket.write(request);
  });
}

/** INSTREAM with the content in chunks. */
export function instream(content: string | Uint8Array, chunkBytes = 65_536): Buffer {
  const bytes = Buffer.from(content);
  const parts: Buffer[] = [Buffer.from('zINSTREAM\0')];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const chunk = bytes.subarray(at, at + chunkBytes);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(chunk.length);
    parts.push(length, chunk);
  }
  return Buffer.concat([...parts, Buffer.alloc(4)]);
}

/** FILDES with a descriptor of ours (borrowed). */
export async function askWithFd(socketPath: string, fd: number): Promise<string> {
  const { sockets, files } = openNative();
  const socket = sockets.createUnix();
  try {
    sockets.connectUnix(socket, socketPath);
    sockets.sendWithFd(socket, Buffer.from('zFILDES\0\0'), fd);
    const reply: Buffer[] = [];
    for (let tries = 0; tries < 2000; tries += 1) {
      const message = sockets.receive(socket);
      if (message === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
      else if (message.bytes.length === 0) break;
      else reply.push(Buffer.from(message.bytes));
    }
    return Buffer.concat(reply).toString();
  } finally {
    files.close(socket);
  }
}
