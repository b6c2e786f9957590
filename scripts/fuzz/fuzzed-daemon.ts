import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@portcullis/shared/programs';
import type { KeptProcess, ProcessKeeper } from '../bench/process-keeper.js';
import { converse } from './converse.js';
import { demand, FuzzError } from './fuzz-error.js';

const START_MAX_MS = 30_000;
const SETTLE_MAX_MS = 15_000;
const GROWTH_MAX_BYTES = 400 * 1024 * 1024;
/** Composed, so that no scanner trips over this file. */
const MARKER = ['portcullis', 'fuzz', 'marker'].join(' ');

/** A daemon process with a database and a tree of its own, and the means to tell whether it is well. */
export class FuzzedDaemon {
  readonly socketPath: string;
  readonly treePath: string;
  readonly tcpPort: number;
  readonly #process: KeptProcess;
  readonly #directory: string;
  #baseline = { fds: 0, residentBytes: 0 };

  private constructor(directory: string, tcpPort: number, kept: KeptProcess) {
    this.#directory = directory;
    this.tcpPort = tcpPort;
    this.#process = kept;
    this.socketPath = join(directory, 'clamd.sock');
    this.treePath = join(directory, 'tree');
  }

  /**
   * @param options.directory - must exist; everything goes below it
   * @throws FuzzError FUZZ_DAEMON_NOT_READY
   */
  static async start(options: {
    readonly keeper: ProcessKeeper;
    readonly directory: string;
    readonly program: string;
    readonly lifetimeSeconds: number;
  }): Promise<FuzzedDaemon> {
    const { keeper, directory, program, lifetimeSeconds } = options;
    const tcpPort = await freePort();
    const configPath = prepare(directory, tcpPort);
    const kept = keeper.start({
      command: [process.execPath, program, '-c', configPath],
      lifetimeSeconds,
      env: { SCANNER_BUNDLED_SIGNATURES: 'no', SCANNER_ENGINE: 'builtin' },
      logPath: join(directory, 'daemon.log'),
    });
    const daemon = new FuzzedDaemon(directory, tcpPort, kept);
    await daemon.#ready();
    return daemon;
  }

  /** @throws FuzzError FUZZ_INVARIANT_BROKEN unless it lives, answers, finds what it must and has not grown much */
  async expectService(): Promise<void> {
    demand(this.#process.isRunning(), `the daemon lives; its log ends: ${this.#logTail()}`);
    for (const target of [this.socketPath, this.tcpPort]) {
      demand((await converse(target, ['zPING\0'])) === 'PONG\0', 'PING is answered');
      const body = Buffer.from(MARKER);
      const upload = Buffer.concat([
        Buffer.from('zINSTREAM\0'),
        Buffer.from([0, 0, 0, body.length]),
        body,
        Buffer.alloc(4),
      ]);
      const said = await converse(target, [upload]);
      demand(
        said === 'stream: Fuzz.Marker.UNOFFICIAL FOUND\0',
        `the marker is found, not ${JSON.stringify(said)}`,
      );
    }
    const { residentBytes } = this.#vitals();
    const grownBytes = residentBytes - this.#baseline.residentBytes;
    demand(grownBytes < GROWTH_MAX_BYTES, `memory is bounded: it grew by ${grownBytes} bytes`);
  }

  /** @throws FuzzError FUZZ_INVARIANT_BROKEN unless descriptors go back to what they were, within 15 s */
  async expectNothingHeld(): Promise<void> {
    const deadlineAtMs = performance.now() + SETTLE_MAX_MS;
    let fds = this.#vitals().fds;
    while (fds > this.#baseline.fds && performance.now() < deadlineAtMs) {
      await sleep(100);
      fds = this.#vitals().fds;
    }
    demand(
      fds <= this.#baseline.fds,
      `every descriptor is closed: ${fds} are open, ${this.#baseline.fds} were`,
    );
    demand(readdirSync(join(this.#directory, 'spool')).length === 0, 'no temporary file is left behind');
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #ready(): Promise<void> {
    const deadlineAtMs = performance.now() + START_MAX_MS;
    while ((await converse(this.socketPath, ['zPING\0'])) !== 'PONG\0') {
      if (!this.#process.isRunning() || performance.now() > deadlineAtMs) {
        throw new FuzzError('FUZZ_DAEMON_NOT_READY', `the daemon does not serve: ${this.#logTail()}`);
      }
      await sleep(100);
    }
    // Whatever is started with the first scan is there before anything is compared.
    const large = Buffer.alloc(3_000_000);
    large.writeUInt32BE(large.length - 4);
    for (let n = 0; n < 8; n += 1) await converse(this.socketPath, ['zINSTREAM\0', large, Buffer.alloc(4)]);
    this.#baseline = this.#vitals();
    await this.expectService();
    await sleep(200);
    this.#baseline = this.#vitals();
  }

  #vitals(): { readonly fds: number; readonly residentBytes: number } {
    try {
      const pid = readFileSync(join(this.#directory, 'clamd.pid'), 'latin1').trim();
      const status = readFileSync(`/proc/${pid}/status`, 'latin1');
      const residentBytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024;
      return { fds: readdirSync(`/proc/${pid}/fd`).length, residentBytes };
    } catch (cause) {
      throw new FuzzError('FUZZ_INVARIANT_BROKEN', `the daemon lives; its log ends: ${this.#logTail()}`, {
        cause,
      });
    }
  }

  #logTail(): string {
    return readFileSync(join(this.#directory, 'daemon.log'), 'utf8').slice(-1000);
  }
}

/** Lays out database, tree and clamd.conf. SHUTDOWN is off: it would end the run, as it should. */
function prepare(directory: string, tcpPort: number): string {
  for (const name of ['db', 'spool', 'tree/sub']) mkdirSync(join(directory, name), { recursive: true });
  writeFileSync(join(directory, 'db/fuzz.ndb'), `Fuzz.Marker:0:*:${Buffer.from(MARKER).toString('hex')}\n`);
  writeFileSync(join(directory, 'tree/clean'), 'nothing to see');
  writeFileSync(join(directory, 'tree/sub/marked'), MARKER);
  const configPath = join(directory, 'clamd.conf');
  const lines = [
    `LocalSocket ${join(directory, 'clamd.sock')}`,
    `TCPSocket ${tcpPort}`,
    'TCPAddr 127.0.0.1',
    `DatabaseDirectory ${join(directory, 'db')}`,
    `TemporaryDirectory ${join(directory, 'spool')}`,
    `PidFile ${join(directory, 'clamd.pid')}`,
    'Foreground yes',
    'EnableShutdownCommand no',
    // A path that is cut short must not become a walk through the whole machine.
    'MaxDirectoryRecursion 2',
    'ExcludePath ^/(proc|sys|dev|usr|var|work|root|home)/',
    'CommandReadTimeout 5',
    'ReadTimeout 5',
    'StreamMaxLength 4M',
    '',
  ];
  writeFileSync(configPath, lines.join('\n'));
  return configPath;
}
