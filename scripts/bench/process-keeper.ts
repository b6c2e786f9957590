import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { BenchError } from './bench-error.js';

/** `timeout` sends SIGKILL this long after the SIGTERM that it passed on or sent itself. */
const killAfterSeconds = 5;
/** How long to wait for `timeout` to have done so before the whole process group is killed from here. */
const groupKillAfterMs = (killAfterSeconds + 2) * 1000;
const outputMaxBytes = 16 * 1024 * 1024;

/** What to start and for how long at most. */
export interface StartOptions {
  readonly command: readonly [string, ...string[]];
  /** `timeout` ends the process after this many seconds, even if the benchmark itself was killed. */
  readonly lifetimeSeconds: number;
  /** Added to our own environment, from which the settings of Portcullis are taken out. */
  readonly env?: Readonly<Record<string, string>>;
  /** The working directory; ours when absent. */
  readonly cwd?: string;
  /** stdout and stderr go here; without it stdout is collected and stderr is ours. */
  readonly logPath?: string;
}

/** How a process ended. */
interface Ending {
  readonly exitCode: number | null;
  /** Collected stdout, empty with a log file. */
  readonly stdout: string;
}

/** A process of ours, under `timeout`. */
export interface KeptProcess {
  /** Of the `timeout` that is its parent. */
  readonly pid: number;
  readonly ended: Promise<Ending>;
  /** True until the process is gone. */
  readonly isRunning: () => boolean;
  /** Resolves at the first bytes of stdout, or when the process is gone. */
  readonly spoke: Promise<void>;
  /** Writes to the process and closes its stdin. */
  readonly say: (text: string) => void;
  /** SIGTERM, then SIGKILL after 5 s; resolves when it is gone. */
  readonly stop: () => Promise<void>;
}

/**
 * Owns every process the benchmark starts, so that none outlives it: `stopAll` on every orderly way out,
 * `killAllNow` from the `exit` event. Ends processes by pid (or by the process group that `timeout` made for it).
 */
export class ProcessKeeper {
  readonly #running = new Map<number, KeptProcess>();
  #isClosed = false;

  /**
   * Starts a process under `timeout`.
   *
   * @throws BenchError BENCH_INTERRUPTED after `close`; BENCH_CHILD_FAILED when it cannot be spawned
   */
  start(options: StartOptions): KeptProcess {
    this.throwIfClosed();
    const child = spawnUnderTimeout(options);
    // Unheard, it would end the benchmark; what it reports shows in the pid or the ending.
    child.on('error', () => undefined);
    const { pid } = child;
    if (pid === undefined) {
      throw new BenchError('BENCH_CHILD_FAILED', `cannot start ${options.command[0]}`);
    }
    const kept = watch(child, pid);
    this.#running.set(pid, kept);
    void kept.ended.then(() => this.#running.delete(pid));
    return kept;
  }

  /** Ends everything that runs and lets nothing new start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.stopAll();
  }

  /** @throws BenchError BENCH_INTERRUPTED once closed */
  throwIfClosed(): void {
    if (this.#isClosed) throw new BenchError('BENCH_INTERRUPTED', 'interrupted');
  }

  /** Ends everything that runs; each gets 5 s to go by itself. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#running.values()].map((kept) => kept.stop()));
  }

  /** For the `exit` event, where nothing can be waited for: SIGKILL to every process group that is left. */
  killAllNow(): void {
    for (const pid of this.#running.keys()) signalQuietly(-pid, 'SIGKILL');
  }
}

function spawnUnderTimeout({ command, lifetimeSeconds, env, cwd, logPath }: StartOptions): ChildProcess {
  const log = logPath === undefined ? undefined : openSync(logPath, 'a', 0o644);
  try {
    return spawn('timeout', ['-k', String(killAfterSeconds), String(lifetimeSeconds), ...command], {
      stdio: ['pipe', log ?? 'pipe', log ?? 'inherit'],
      env: { ...inheritedEnvironment(), ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
  } finally {
    if (log !== undefined) closeSync(log);
  }
}

/** What somebody has set for their own Portcullis must not change what is measured. */
function inheritedEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(SCANNER|ONACC)_/.test(name)));
}

function watch(child: ChildProcess, pid: number): KeptProcess {
  const chunks: Buffer[] = [];
  let collectedBytes = 0;
  let isRunning = true;
  child.stdin?.on('error', () => undefined);
  const ended = new Promise<Ending>((resolve) => {
    child.once('close', (exitCode) => {
      isRunning = false;
      resolve({ exitCode, stdout: Buffer.concat(chunks).toString('utf8') });
    });
  });
  const spoke = new Promise<void>((resolve) => {
    child.stdout?.once('data', () => {
      resolve();
    });
    void ended.then(() => {
      resolve();
    });
  });
  child.stdout?.on('data', (chunk: Buffer) => {
    collectedBytes += chunk.length;
    if (collectedBytes <= outputMaxBytes) chunks.push(chunk);
  });
  const stop = async () => {
    if (!isRunning) return;
    signalQuietly(pid, 'SIGTERM');
    const lastResort = setTimeout(() => {
      signalQuietly(-pid, 'SIGKILL');
    }, groupKillAfterMs);
    await ended;
    clearTimeout(lastResort);
  };
  return { pid, ended, isRunning: () => isRunning, spoke, say: (text) => child.stdin?.end(text), stop };
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone between the check and the signal: nothing is left to end.
  }
}
