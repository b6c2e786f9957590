import { sanitize } from '@portcullis/shared';
import type { NativeApi } from '@portcullis/shared/native';
import { NotifyChannel, type OnNotifyFailure } from './notify-channel.js';
import type { ServiceEnvironment } from './service-environment.js';

/** What {@link ServiceNotifier.extendWhile} asks for at a time; asked for again at a third of it. */
const EXTENSION_MS = 30_000;
/** The longest that one piece of work can hold the service manager's clock: 2 hours. */
const EXTENSIONS_MAX = 720;
/** The longest delay of a timer, setTimeout's own bound. */
const TIMER_MAX_MS = 2 ** 31 - 1;
const STATUS_MAX_CHARACTERS = 512;

/** Tells systemd how the daemon is (sd_notify(3)). No call blocks or throws; without NOTIFY_SOCKET none does anything. */
export interface ServiceNotifier {
  /** READY=1: clients are served. From here on the watchdog is fed. */
  ready(status: string): void;
  /**
   * RELOADING=1, at the start of every database reload, also of one that starts while another is under way. Until
   * {@link ServiceNotifier.reloaded} the service manager's timeout is lengthened.
   */
  reloading(status: string): void;
  /** READY=1 again: the reload is over, however it ended. */
  reloaded(status: string): void;
  /** STOPPING=1. */
  stopping(status: string): void;
  /** STATUS=: one line for `systemctl status`. */
  status(status: string): void;
  /** Lengthens the running start, reload or stop timeout for as long as the work goes on (EXTEND_TIMEOUT_USEC). */
  extendWhile<Result>(work: Promise<Result>): Promise<Result>;
  /** Sends no more. */
  close(): void;
}

export interface ServiceNotifierOptions {
  readonly native: Pick<NativeApi, 'sockets' | 'files'>;
  readonly service: ServiceEnvironment;
  /** This process's id. */
  readonly pid: number;
  /**
   * Asked at half of WatchdogSec. False: the daemon could not give a verdict now, and is not to be kept alive; systemd
   * restarts it when that lasts.
   */
  readonly isHealthy: () => boolean;
  readonly onFailure: OnNotifyFailure;
  /** Called when {@link ServiceNotifierOptions.isHealthy} changes its answer. */
  readonly onHealthChange?: ((healthy: boolean) => void) | undefined;
  /** CLOCK_MONOTONIC, nanoseconds. */
  readonly monotonicNs?: () => bigint;
  /** EXTEND_TIMEOUT_USEC at a time. */
  readonly extensionMs?: number;
}

/** One a process, on the main thread: the watchdog says that this thread's event loop turns. */
export function createServiceNotifier(options: ServiceNotifierOptions): ServiceNotifier {
  const { notifySocket } = options.service;
  return notifySocket === undefined || notifySocket === ''
    ? SILENT
    : new SystemdNotifier(options, notifySocket);
}

const SILENT: ServiceNotifier = {
  ready: () => undefined,
  reloading: () => undefined,
  reloaded: () => undefined,
  stopping: () => undefined,
  status: () => undefined,
  extendWhile: (work) => work,
  close: () => undefined,
};

class SystemdNotifier implements ServiceNotifier {
  readonly #options: ServiceNotifierOptions;
  readonly #channel: NotifyChannel;
  readonly #watchdogIntervalMs: number | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #stopExtendingReload: (() => void) | undefined;
  #healthy = true;
  #state: 'starting' | 'ready' | 'reloading' | 'stopping' | 'closed' = 'starting';

  constructor(options: ServiceNotifierOptions, notifySocket: string) {
    this.#options = options;
    this.#channel = new NotifyChannel(options.native, notifySocket, options.onFailure);
    this.#watchdogIntervalMs = watchdogIntervalMs(options.service, options.pid);
  }

  ready(status: string): void {
    if (this.#state !== 'starting') return;
    this.#state = 'ready';
    this.#channel.send(['READY=1', `MAINPID=${this.#options.pid}`, statusLine(status)]);
    if (this.#watchdogIntervalMs === undefined) return;
    this.#watchdog = setInterval(() => {
      this.#feedWatchdog();
    }, this.#watchdogIntervalMs).unref();
  }

  reloading(status: string): void {
    if (this.#state !== 'ready' && this.#state !== 'reloading') return;
    this.#state = 'reloading';
    const nowNs = this.#options.monotonicNs?.() ?? process.hrtime.bigint();
    this.#channel.send(['RELOADING=1', `MONOTONIC_USEC=${nowNs / 1000n}`, statusLine(status)]);
    // systemd gives up a reload after TimeoutStartSec; a big database may take longer.
    this.#stopExtendingReload?.();
    this.#stopExtendingReload = this.#extend();
  }

  reloaded(status: string): void {
    if (this.#state !== 'reloading') return;
    this.#state = 'ready';
    this.#stopExtendingReload?.();
    this.#channel.send(['READY=1', statusLine(status)]);
  }

  stopping(status: string): void {
    if (this.#state === 'stopping' || this.#state === 'closed') return;
    this.#state = 'stopping';
    this.#stopExtendingReload?.();
    this.#channel.send(['STOPPING=1', statusLine(status)]);
  }

  status(status: string): void {
    if (this.#state !== 'closed') this.#channel.send([statusLine(status)]);
  }

  async extendWhile<Result>(work: Promise<Result>): Promise<Result> {
    const stopExtending = this.#extend();
    try {
      return await work;
    } finally {
      stopExtending();
    }
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearInterval(this.#watchdog);
    this.#stopExtendingReload?.();
    this.#channel.close();
  }

  /** @returns what ends it. */
  #extend(): () => void {
    const extensionMs = this.#options.extensionMs ?? EXTENSION_MS;
    let extensions = 0;
    const extendOnce = (): void => {
      extensions += 1;
      if (this.#state !== 'closed' && extensions <= EXTENSIONS_MAX) {
        this.#channel.send([`EXTEND_TIMEOUT_USEC=${extensionMs * 1000}`]);
      }
    };
    extendOnce();
    const timer = setInterval(extendOnce, extensionMs / 3).unref();
    return () => {
      clearInterval(timer);
    };
  }

  #feedWatchdog(): void {
    const healthy = this.#options.isHealthy();
    if (healthy !== this.#healthy) {
      this.#healthy = healthy;
      this.#options.onHealthChange?.(healthy);
    }
    if (healthy) this.#channel.sendOrDrop('WATCHDOG=1');
  }
}

/** Half of WATCHDOG_USEC, unless that is meant for another process (sd_watchdog_enabled(3)). */
function watchdogIntervalMs(service: ServiceEnvironment, pid: number): number | undefined {
  const { watchdogUsec, watchdogPid } = service;
  if (watchdogUsec === undefined || !/^[0-9]{1,15}$/.test(watchdogUsec)) return undefined;
  if (watchdogPid !== undefined && watchdogPid !== String(pid)) return undefined;
  const intervalMs = Math.floor(Number(watchdogUsec) / 2000);
  return intervalMs === 0 ? undefined : Math.min(intervalMs, TIMER_MAX_MS);
}

/** A line end would begin an assignment of its own. */
function statusLine(status: string): string {
  return `STATUS=${sanitize(status, STATUS_MAX_CHARACTERS)}`;
}
