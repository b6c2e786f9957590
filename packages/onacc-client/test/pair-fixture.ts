import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startProgram } from '@portcullis/shared/programs';
import type { ChildProgram, LogLine } from '@portcullis/shared/programs';
import { makeTempDir } from '@portcullis/shared/testing';

const packages = fileURLToPath(new URL('../../../', import.meta.url));
const DAEMON = { name: 'scanner-daemon', file: `${packages}scanner-daemon/bin/scanner-daemon.cjs` };
const CLIENT = { name: 'onacc-client', file: `${packages}onacc-client/bin/onacc-client.js` };
const CLAMD_READY_MAX_MS = 60_000;
/** clamonacc says `watching` before it has set its marks. */
const CLAMONACC_MARKS_MS = 1_500;
const CLAMONACC_MAX_SECONDS = '60';
const RELOAD_MAX_MS = 20_000;

/** EICAR, composed so that no file of ours holds it. */
export const EICAR = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!', '$H+H*'].join(
  '',
);

/** A directory to protect, a database, a clamd.conf that holds both, and whatever was started on them. */
export class PairFixture {
  readonly #directory = makeTempDir('pair-');
  readonly guarded = `${this.#directory.path}/guarded`;
  readonly database = `${this.#directory.path}/db`;
  readonly socketPath = `${this.#directory.path}/clamd.sock`;
  readonly configPath = `${this.#directory.path}/clamd.conf`;
  readonly controlPath = `${this.#directory.path}/onacc-client.sock`;
  readonly #started: ChildProgram[] = [];
  readonly #others: (() => Promise<void>)[] = [];
  #clamd: { kill: () => void; ended: Promise<unknown> } | undefined;

  /**
   * @param extraConfig - lines of clamd.conf behind the usual ones
   * @param usual - instead of the usual directory to protect, and of the usual socket
   */
  constructor(
    extraConfig: readonly string[] = [],
    usual: { readonly include?: readonly string[]; readonly listen?: readonly string[] } = {},
  ) {
    chmodSync(this.#directory.path, 0o755);
    for (const path of [this.guarded, this.database, `${this.#directory.path}/tmp`]) mkdirSync(path);
    chmodSync(`${this.#directory.path}/tmp`, 0o777);
    this.writeSignatures('');
    const lines = [
      ...(usual.listen ?? [`LocalSocket ${this.socketPath}`]),
      `DatabaseDirectory ${this.database}`,
      `TemporaryDirectory ${this.#directory.path}/tmp`,
      ...(usual.include ?? [this.guarded]).map((path) => `OnAccessIncludePath ${path}`),
      ...(extraConfig.some((line) => line.startsWith('OnAccessPrevention'))
        ? []
        : ['OnAccessPrevention yes']),
      ...extraConfig,
    ];
    writeFileSync(this.configPath, `${lines.join('\n')}\n`);
  }

  /** EICAR's hash, and a body signature for `marker` unless that is empty. */
  writeSignatures(marker: string): void {
    writeFileSync(`${this.database}/t.hdb`, '44d88612fea8a8f36de82e1278abb02f:68:Test.Eicar\n');
    const body = marker === '' ? '' : `Test.Marker:0:*:${Buffer.from(marker).toString('hex')}\n`;
    if (body !== '') writeFileSync(`${this.database}/t.ndb`, body);
  }

  write(name: string, content: string): string {
    const path = `${this.guarded}/${name}`;
    writeFileSync(path, content);
    return path;
  }

  writeMany(count: number, sizeBytes = 1_000): void {
    for (let index = 0; index < count; index += 1)
      this.write(`f${index}`, `${index} `.padEnd(sizeBytes, 'x'));
  }

  /** Somewhere in the fixture's own directory, outside what is protected. */
  path(name: string): string {
    return `${this.#directory.path}/${name}`;
  }

  /** @param env - SCANNER_ENGINE is `builtin` unless this names another; an empty value leaves the daemon its default */
  async startDaemon(env: Readonly<Record<string, string>> = {}): Promise<ChildProgram> {
    const daemon = startProgram({
      ...DAEMON,
      args: ['-F', '-c', this.configPath],
      env: { ...process.env, SCANNER_ENGINE: 'builtin', SCANNER_DATABASE_IMAGE: 'no', ...env },
    });
    this.#started.push(daemon);
    await daemon.said('listening');
    return daemon;
  }

  async startClient(
    env: Readonly<Record<string, string>> = {},
    args: readonly string[] = [],
  ): Promise<ChildProgram> {
    const client = this.launchClient(env, args);
    await client.said('protecting');
    return client;
  }

  /** As {@link startClient}, without waiting for anything. */
  launchClient(
    env: Readonly<Record<string, string>> = {},
    args: readonly string[] = [],
    options: { readonly through?: readonly [string, ...string[]] } = {},
  ): ChildProgram {
    const client = startProgram({
      ...CLIENT,
      ...options,
      args: ['-F', '-c', this.configPath, ...args],
      env: { ...process.env, ONACC_CONTROL_SOCKET: this.controlPath, ...env },
    });
    this.#started.push(client);
    return client;
  }

  /** Debian's clamd on the same configuration, or on another one with the same LocalSocket. */
  async startClamd(configPath: string = this.configPath): Promise<void> {
    const child = execFile('clamd', ['--foreground', '-c', configPath], () => undefined);
    const ended = new Promise((resolve) => child.on('close', resolve));
    this.#clamd = { kill: () => child.kill('SIGTERM'), ended };
    const giveUpAtMs = Date.now() + CLAMD_READY_MAX_MS;
    while (!existsSync(this.socketPath)) {
      if (Date.now() > giveUpAtMs) throw new Error('clamd did not open its socket');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Ends Debian's clamd in order. */
  async stopClamd(): Promise<void> {
    this.#clamd?.kill();
    await this.#clamd?.ended;
    this.#clamd = undefined;
  }

  /** Debian's clamonacc on the same configuration, in the foreground. @returns what ends it */
  async startClamonacc(logPath: string, args: readonly string[]): Promise<() => Promise<void>> {
    const line = ['-k', '5', CLAMONACC_MAX_SECONDS, 'clamonacc', '-F', '-c', this.configPath, '-l', logPath];
    const child = execFile('timeout', [...line, ...args], () => undefined);
    const ended = new Promise((resolve) => child.on('close', resolve));
    const stop = async (): Promise<void> => {
      child.kill('SIGTERM');
      await ended;
    };
    this.#others.push(stop);
    await until(
      'clamonacc watches',
      () => existsSync(logPath) && readFileSync(logPath, 'utf8').includes('watching'),
    );
    await new Promise((resolve) => setTimeout(resolve, CLAMONACC_MARKS_MS));
    return stop;
  }

  /** clamd.conf, anew. */
  changeConfig(change: (text: string) => string): void {
    writeFileSync(this.configPath, change(readFileSync(this.configPath, 'utf8')));
  }

  async stop(): Promise<void> {
    for (const stop of this.#others.reverse()) await stop();
    for (const program of this.#started.reverse()) await program.stop();
    this.#clamd?.kill();
    await this.#clamd?.ended;
    this.#directory.remove();
  }
}

/** Rejects when it does not come to be so. */
export async function until(what: string, isSo: () => boolean, maxMs = 15_000): Promise<void> {
  await untilTrue(what, () => Promise.resolve(isSo()), maxMs);
}

/** As {@link until}, of what takes a while to find out. */
export async function untilTrue(what: string, isSo: () => Promise<boolean>, maxMs = 15_000): Promise<void> {
  const giveUpAtMs = Date.now() + maxMs;
  while (!(await isSo())) {
    if (Date.now() > giveUpAtMs) throw new Error(`not within ${maxMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Every line so far that says `event`. */
export function told(client: ChildProgram, event: string): LogLine[] {
  return client.lines.filter((line) => line.event === event);
}

/** The paths that a client has reported as infected. */
export function foundPaths(client: ChildProgram): unknown[] {
  return told(client, 'found').map((line) => line['path']);
}

/** SIGHUP, and what the client says of it. Lines are forgotten after a thousand: the last one of its kind is looked for. */
export async function hangUp(
  client: ChildProgram,
  event: 'reloaded' | 'reloadRefused' = 'reloaded',
): Promise<LogLine> {
  const before = told(client, event).at(-1);
  const last = (): LogLine | undefined => {
    const line = told(client, event).at(-1);
    return line === before ? undefined : line;
  };
  process.kill(client.pid, 'SIGHUP');
  await until(`the client says ${event}`, () => last() !== undefined, RELOAD_MAX_MS);
  return last() ?? { level: 'error', msg: 'it was there a moment ago' };
}

/** How many descriptors a process holds. */
export function openFds(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Why a Debian program cannot be used; undefined when it is there. */
export async function whyNot(program: string): Promise<string | undefined> {
  try {
    await promisify(execFile)('sh', ['-c', `command -v ${program}`]);
    return undefined;
  } catch {
    return `${program} is not installed (Debian packages clamav-daemon, clamdscan)`;
  }
}

/** Sends one command to a daemon and reads to the end. */
export async function ask(socketPath: string, command: string): Promise<string> {
  const { connect } = await import('node:net');
  return new Promise((resolve, reject) => {
    let reply = '';
    const socket = connect(socketPath, () => socket.write(`z${command}\0`));
    socket.setTimeout(20_000, () => socket.destroy(new Error(`no answer to ${command}`)));
    socket.on('data', (bytes) => (reply += bytes.toString()));
    socket.on('close', () => {
      resolve(reply.replaceAll('\0', '\n').trim());
    });
    socket.on('error', reject);
  });
}
