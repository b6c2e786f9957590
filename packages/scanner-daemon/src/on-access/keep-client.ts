import { spawn, type ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { LIFELINE_FD, PARENT_FD_VARIABLE, type KeeperRequest } from './keeper-request.js';

/** The place of the parent pipe among the client's descriptors. */
const PARENT_FD = 3;
/** From SIGTERM to SIGKILL: the client promises to be gone within a second. */
const STOP_MAX_MS = 1_250;
const BACK_OFF_MIN_MS = 1_000;
const BACK_OFF_MAX_MS = 300_000;
/** A client that ran so long starts anew with the shortest back-off. */
const STEADY_MS = 60_000;

/** Logrotate sends them to every process of the daemon's unit: they are the daemon's and the client's, which get them too. */
const OTHERS_SIGNALS = ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;

/** Keeper process: runs the client until the lifeline ends. Never returns to its caller's control; exits by itself. */
export function keepClient(request: KeeperRequest, env: Readonly<Record<string, string | undefined>>): void {
  const keeper = new ClientKeeper(request, env);
  const lifeline = new Socket({ fd: LIFELINE_FD, readable: true, writable: false });
  const stop = (): void => {
    keeper.stop();
  };
  lifeline.once('data', () => {
    keeper.serve();
  });
  // The daemon is gone, one way or another.
  for (const event of ['end', 'error', 'close'] as const) lifeline.on(event, stop);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  for (const signal of OTHERS_SIGNALS) process.on(signal, () => undefined);
}

class ClientKeeper {
  readonly #request: KeeperRequest;
  readonly #env: Readonly<Record<string, string | undefined>>;
  #child: ChildProcess | undefined;
  #isStopping = false;
  #backOffMs = BACK_OFF_MIN_MS;
  #startedAtMs = 0;

  constructor(request: KeeperRequest, env: Readonly<Record<string, string | undefined>>) {
    this.#request = request;
    this.#env = env;
  }

  serve(): void {
    if (this.#isStopping || this.#child !== undefined) return;
    this.#startedAtMs = performance.now();
    const { program, args } = this.#request;
    const child = spawn(process.execPath, ['--no-warnings', program, ...args], {
      // It prints into the daemon's pipes itself; the fourth ends with us.
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
      env: { ...this.#env, [PARENT_FD_VARIABLE]: String(PARENT_FD) },
      detached: true,
    });
    this.#child = child;
    child.stdio[PARENT_FD]?.on('error', () => undefined); // Its own end says more.
    child.on('error', (error) => {
      if (child.pid === undefined) this.#lose(`could not be started: ${error.message}`, undefined);
    });
    child.on('exit', (code, signal) => {
      this.#lose(`ended (${signal ?? `exit code ${code ?? 0}`})`, code ?? undefined);
    });
  }

  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const child = this.#child;
    if (child === undefined) process.exit();
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), STOP_MAX_MS);
  }

  #lose(how: string, exitCode: number | undefined): void {
    this.#child = undefined;
    if (this.#isStopping) process.exit();
    if (exitCode === 0) {
      // Somebody has told it to stop: starting it again would be to know better.
      tell(
        'warn',
        `the on-access client was stopped: nothing is protected on access until the daemon is restarted`,
      );
      process.exit();
    }
    if (performance.now() - this.#startedAtMs >= STEADY_MS) this.#backOffMs = BACK_OFF_MIN_MS;
    const seconds = this.#backOffMs / 1_000;
    tell(
      'error',
      `the on-access client ${how}: nothing is protected on access; it is started again in ${seconds} s`,
    );
    setTimeout(() => {
      this.serve();
    }, this.#backOffMs);
    this.#backOffMs = Math.min(BACK_OFF_MAX_MS, this.#backOffMs * 2);
  }
}

/** As the client's own lines, for the same reader. */
function tell(level: 'warn' | 'error', msg: string): void {
  process.stdout.write(`${JSON.stringify({ level, event: 'keeper', msg })}\n`);
}
