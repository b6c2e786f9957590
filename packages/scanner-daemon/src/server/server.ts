import type { Logger } from '@portcullis/shared';
import { emptyFileStatus } from '@portcullis/shared/native';
import type { NativeApi } from '@portcullis/shared/native';
import type { ClamdLog } from '../logging/clamd-log.js';
import type { Scanner } from '../scheduler/scan-job.js';
import type { DaemonStats } from '../stats/daemon-stats.js';
import type { InheritedSockets } from '../systemd/inherit-sockets.js';
import { listenOnInherited } from '../systemd/listen-on-inherited.js';
import { NO_ALERTS } from './alerts.js';
import type { AlertsConfig } from './alerts.js';
import { Connection } from './connection.js';
import { JobGate } from './job-gate.js';
import { ListenError } from './listen-error.js';
import type { Listener, ListenerDeps } from './listener.js';
import { MultiscanGate } from './multiscan-gate.js';
import type { OpenStreamSpool, WalkPaths } from './scan-side.js';
import { TICK_MS } from './server-config.js';
import type { ClocksConfig, CommandsConfig, ListenConfig, ServerLimits } from './server-config.js';
import { createServerLog } from './server-log.js';
import type { ScanOutcome } from './server-log.js';
import type { ServerActions, ServerServices } from './server-services.js';
import { listenTcp } from './tcp-listener.js';
import type { TcpListener } from './tcp-listener.js';
import type { Transport } from './transport.js';
import { TurnEnd } from './turn-end.js';
import { listenUnix } from './unix-listener.js';
import { WalkGate } from './walk-gate.js';

/** What a server is made of. */
export interface ServerDeps {
  readonly native: Pick<NativeApi, 'files' | 'sockets' | 'poller'>;
  readonly scanner: Scanner;
  readonly walkPaths: WalkPaths;
  readonly openSpool: OpenStreamSpool;
  readonly stats: DaemonStats;
  readonly logger: Logger;
  /** Where LogFile is set. */
  readonly clamdLog?: ClamdLog | undefined;
  readonly actions: ServerActions;
  readonly versionText: () => string;
  readonly listen: ListenConfig;
  /** Sockets that systemd passed (taken): they are listened on instead of those that `listen` names. */
  readonly inherited?: InheritedSockets | undefined;
  readonly commands: CommandsConfig;
  readonly clocks: ClocksConfig;
  readonly limits: ServerLimits;
  /** Which incomplete scans are shown as detections; none unless given. */
  readonly alerts?: AlertsConfig;
  /** Called for everything that was shown as a detection, after the reply was handed to the transport (VirusEvent). */
  readonly onDetection?: ((outcome: ScanOutcome) => void) | undefined;
  /** How often clocks are looked at; {@link TICK_MS} unless a test is in a hurry. */
  readonly tickMs?: number;
  /** Monotonic, milliseconds. */
  readonly now?: () => number;
}

/** The daemon's face to its clients. */
export interface Server {
  /**
   * Listens on LocalSocket and on every TCP address, or on what systemd passed.
   *
   * @throws ListenError
   */
  start(): Promise<void>;
  /** Takes no more clients or commands, answers what is under way for at most `graceMs`, then cuts off. */
  stop(graceMs: number): Promise<void>;
  /** Tells the clients that asked for it to forget their verdicts. */
  notifyDatabaseSwapped(): void;
  readonly connections: number;
  /** Ports in use, in the order of the addresses. */
  readonly tcpPorts: readonly number[];
}

export function createServer(deps: ServerDeps): Server {
  return new ClamdServer(deps);
}

class ClamdServer implements Server {
  readonly #deps: ServerDeps;
  readonly #services: ServerServices;
  readonly #turnEnd = new TurnEnd();
  readonly #fileStatus = emptyFileStatus();
  readonly #connections = new Set<Connection>();
  #listeners: Listener[] = [];
  #tcpListeners: TcpListener[] = [];
  #ticker: NodeJS.Timeout | undefined;
  #state: 'idle' | 'open' | 'full' | 'stopping' = 'idle';
  #onAllClosed: (() => void) | undefined;

  constructor(deps: ServerDeps) {
    this.#deps = deps;
    const { native, scanner, walkPaths, openSpool, stats, actions, versionText } = deps;
    const { commands, clocks, limits, logger, clamdLog } = deps;
    this.#services = {
      ...{ native, scanner, walkPaths, openSpool, stats, actions, versionText, commands, clocks, limits },
      log: createServerLog({ logger, clamdLog, counters: stats.counters }),
      gate: new JobGate(limits.pendingJobsMax),
      multiscans: new MultiscanGate(limits.threadsMax),
      walks: new WalkGate(limits.threadsMax),
      alerts: deps.alerts ?? NO_ALERTS,
      onDetection: deps.onDetection ?? (() => undefined),
      now: deps.now ?? (() => performance.now()),
    };
  }

  get connections(): number {
    return this.#connections.size;
  }

  get tcpPorts(): readonly number[] {
    return this.#tcpListeners.map((listener) => listener.port);
  }

  async start(): Promise<void> {
    const { inherited } = this.#deps;
    try {
      if (inherited === undefined) await this.#listenOnOwn();
      else this.#listenOnInherited(inherited);
      if (this.#listeners.length === 0) {
        throw new ListenError('NOT_LISTENING', 'Not listening on any interfaces');
      }
    } catch (error) {
      this.#closeListeners();
      throw error;
    }
    this.#state = 'open';
    this.#ticker = setInterval(() => {
      this.#tick();
    }, this.#deps.tickMs ?? TICK_MS);
  }

  async stop(graceMs: number): Promise<void> {
    if (this.#state === 'stopping') return;
    this.#state = 'stopping';
    this.#closeListeners();
    for (const connection of this.#connections) connection.finishUp();
    await this.#allClosed(graceMs);
    for (const connection of this.#connections) connection.cutOff();
    clearInterval(this.#ticker);
  }

  notifyDatabaseSwapped(): void {
    for (const connection of this.#connections) connection.databaseSwapped();
  }

  /** TCP first, then local, as clamd does (behaviour 2.2). */
  async #listenOnOwn(): Promise<void> {
    const { listen } = this.#deps;
    if (listen.tcpPort !== undefined) {
      this.#tcpListeners = await listenTcp(listen.tcpPort, listen, this.#listenerDeps(), this.#accept);
      this.#listeners.push(...this.#tcpListeners);
    }
    if (listen.localSocketPath !== undefined) {
      this.#listeners.push(listenUnix(listen.localSocketPath, listen, this.#listenerDeps(), this.#accept));
    }
  }

  #listenOnInherited(inherited: InheritedSockets): void {
    const { tcp, unix } = listenOnInherited(inherited, this.#listenerDeps(), this.#accept);
    this.#tcpListeners = tcp;
    this.#listeners.push(...tcp, ...unix);
  }

  #listenerDeps(): ListenerDeps {
    const { native, log, clocks } = this.#services;
    return { native, log, turnEnd: this.#turnEnd, sendBufTimeoutMs: clocks.sendBufTimeoutMs };
  }

  readonly #accept = (transport: Transport): void => {
    if (this.#state === 'stopping') {
      transport.destroy();
      return;
    }
    this.#services.stats.counters.connections += 1;
    const connection = new Connection(transport, this.#services, {
      fileStatus: this.#fileStatus,
      onClosed: this.#forget,
    });
    this.#connections.add(connection);
    connection.start();
    if (this.#connections.size < this.#deps.limits.connectionsMax) return;
    this.#state = 'full';
    for (const listener of this.#listeners) listener.pause();
    this.#makeRoom();
  };

  /** All places are taken. The oldest client that has said nothing goes; if there is none yet, the next tick looks again. */
  #makeRoom(): void {
    const nowMs = this.#services.now();
    for (const connection of this.#connections) {
      if (connection.makeRoom(nowMs)) return;
    }
  }

  readonly #forget = (connection: Connection): void => {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#onAllClosed?.();
    if (this.#state !== 'full' || this.#connections.size >= this.#deps.limits.connectionsMax) return;
    this.#state = 'open';
    for (const listener of this.#listeners) {
      // Resuming one may have filled the place already.
      if (this.#isOpen()) listener.resume();
    }
  };

  #isOpen(): boolean {
    return this.#state === 'open';
  }

  #tick(): void {
    const nowMs = this.#services.now();
    for (const connection of this.#connections) connection.tick(nowMs);
    if (this.#state === 'full') this.#makeRoom();
  }

  #closeListeners(): void {
    for (const listener of this.#listeners) listener.close();
    this.#listeners = [];
    this.#tcpListeners = [];
  }

  #allClosed(graceMs: number): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#onAllClosed = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
