import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { NativeApi } from '@portcullis/shared/native';
import { TEST_ENGINE, type Exit } from './daemon-process.js';

export const PROGRAM = fileURLToPath(new URL('../../../bin/scanner-daemon.cjs', import.meta.url));
const WAIT_MAX_MS = 20_000;

/** A program under test that a service manager would have started: descriptors from 3 on, and its variables. */
export class ActivatedDaemon {
  readonly #child: ChildProcess;
  readonly exited: Promise<Exit>;
  #output = { stdout: '', stderr: '' };

  /**
   * @param options.fds become 3, 4, ...; borrowed.
   * @param options.env on top of ours without its `SCANNER_` variables, and of TEST_ENGINE.
   * @param options.listenPid whom LISTEN_PID names: the daemon, unless told otherwise.
   */
  constructor(
    args: readonly string[],
    options: { fds?: readonly number[]; env?: Record<string, string>; listenPid?: string },
  ) {
    const { fds = [], env = {}, listenPid = '$$' } = options;
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SCANNER_'));
    const listenFds = fds.length === 0 ? {} : { LISTEN_FDS: String(fds.length) };
    // The shell becomes the daemon, so that its own process id is the daemon's.
    const start = fds.length === 0 ? 'exec "$0" "$@"' : `LISTEN_PID=${listenPid} exec "$0" "$@"`;
    this.#child = spawn('/bin/sh', ['-c', start, process.execPath, PROGRAM, ...args], {
      cwd: tmpdir(),
      env: { ...Object.fromEntries(inherited), ...TEST_ENGINE, ...listenFds, ...env },
      stdio: ['ignore', 'pipe', 'pipe', ...fds],
    });
    this.#child.stdout?.on('data', (bytes: Buffer) => (this.#output.stdout += bytes.toString()));
    this.#child.stderr?.on('data', (bytes: Buffer) => (this.#output.stderr += bytes.toString()));
    this.exited = new Promise((resolve) => {
      this.#child.on('close', (code) => {
        resolve({ code, ...this.#output });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Waits until it serves. */
  async ready(): Promise<this> {
    await until(() => {
      if (this.#child.exitCode !== null) throw new Error(JSON.stringify(this.#output));
      return this.#output.stdout.includes('Ready for clients');
    }, 'Ready for clients');
    return this;
  }

  async stop(): Promise<Exit> {
    this.signal('SIGTERM');
    return await this.exited;
  }
}

/** Polls until something holds. @throws when it does not within 20 s. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadlineAtMs = Date.now() + WAIT_MAX_MS;
  while (!holds()) {
    if (Date.now() > deadlineAtMs) throw new Error(`it did not come to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A listening Unix socket in which nobody accepts. @returns its fd, the caller's. */
export function listenUnix({ sockets }: NativeApi, path: string): number {
  const fd = sockets.createUnix();
  sockets.bindUnix(fd, path);
  sockets.listen(fd, 16);
  return fd;
}

/** A listening TCP socket. Close it once a child has it: while it is open this process accepts too. */
export async function listenTcp(
  host: string,
): Promise<{ fd: number; port: number; close: () => Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, host, resolve);
  });
  const { port } = server.address() as AddressInfo; // A TCP server's address is one.
  return {
    fd: fdOf(server),
    port,
    close: () =>
      new Promise((resolve) =>
        server.close(() => {
          resolve();
        }),
      ),
  };
}

/** The descriptor behind a server, for which node:net has no name. */
function fdOf(server: Server): number {
  const { _handle: handle } = server as unknown as { _handle: { fd: number } };
  return handle.fd;
}
